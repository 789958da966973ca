#include "auth_door.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "auth/authenticate.h"
#include "auth/credential_cache.h"
#include "server/base/clock.h"

/*
 * From an Authorization field to a principal: who gets in, who does not, and
 * that the answer does not tell why.
 */

static void
without_a_field_nobody_asks(void **state)
{
	struct answer answer = ask_request(*state,
	    make_request(*state, TEXT_NONE, "192.0.2.1"));

	assert_int_equal(answer.result, AUTHENTICATE_DONE);
	assert_int_equal(answer.principal.kind, PRINCIPAL_NONE);
}

static void
hashed_once_then_believed(void **state)
{
	struct answer answer;

	add_user(*state, "bob", "right");
	answer = ask(*state, "bob", "right");
	assert_int_equal(answer.result, AUTHENTICATE_DONE);
	assert_true(answer.hashed);
	assert_true(text_equal(answer.principal.name, TEXT("bob")));
	answer = ask(*state, "BOB", "right");
	assert_int_equal(answer.result, AUTHENTICATE_DONE);
	assert_false(answer.hashed);
	answer = ask(*state, "CORP\\Bob", "right");
	assert_int_equal(answer.result, AUTHENTICATE_DONE);
	assert_false(answer.hashed);
}

static void
wrong_ones_are_all_alike(void **state)
{
	struct door *door = *state;
	struct world *world = door->world;
	struct answer wrong, unknown, disabled, bare, odd;
	struct user user;

	add_user(door, "bob", "right");
	add_user(door, "off", "right");
	(void)world_user(world, "bare");
	assert_int_equal(user_find(world->txn, TEXT("off"), &user), OK);
	user.disabled = true;
	assert_int_equal(user_update(world->txn, &user), OK);
	wrong = ask(door, "bob", "wrong");
	unknown = ask(door, "nobody", "right");
	disabled = ask(door, "off", "right");
	bare = ask(door, "bare", "right");
	odd = ask(door, "no such name!", "right");
	assert_int_equal(wrong.result, AUTHENTICATE_REFUSED);
	assert_int_equal(wrong.problem.status, 401);
	assert_true(wrong.hashed);
	assert_memory_equal(&wrong.problem, &unknown.problem,
	    sizeof(wrong.problem));
	assert_memory_equal(&wrong.problem, &disabled.problem,
	    sizeof(wrong.problem));
	assert_memory_equal(&wrong.problem, &bare.problem,
	    sizeof(wrong.problem));
	assert_memory_equal(&wrong.problem, &odd.problem,
	    sizeof(wrong.problem));
	assert_true(unknown.hashed && disabled.hashed && bare.hashed &&
	    odd.hashed);
}

static void
a_new_password_ends_the_old_one(void **state)
{
	struct door *door = *state;
	struct world *world = door->world;
	struct user user;

	add_user(door, "bob", "old");
	assert_int_equal(ask(door, "bob", "old").result, AUTHENTICATE_DONE);
	assert_int_equal(user_find(world->txn, TEXT("bob"), &user), OK);
	thread_enter_worker();
	assert_int_equal(password_hash(world->arena,
			     (struct secret){ TEXT("new") }, &user.password),
	    OK);
	assert_int_equal(user_update(world->txn, &user), OK);
	assert_int_equal(ask(door, "bob", "old").result, AUTHENTICATE_REFUSED);
	assert_int_equal(ask(door, "bob", "new").result, AUTHENTICATE_DONE);
	assert_int_equal(user_find(world->txn, TEXT("bob"), &user), OK);
	user.disabled = true;
	assert_int_equal(user_update(world->txn, &user), OK);
	assert_int_equal(ask(door, "bob", "new").result, AUTHENTICATE_REFUSED);
}

/* The account changes while the hash lane is busy with its old password. */
static void
a_late_answer_does_not_count(void **state)
{
	struct door *door = *state;
	struct world *world = door->world;
	struct request *request;
	struct credential_check check;
	struct principal principal;
	struct problem problem;
	struct user user;

	add_user(door, "bob", "old");
	thread_enter_loop();
	thread_enter_worker();
	request = make_request(door, basic(door, "bob", "old"), "127.0.0.1");
	assert_int_equal(authenticate(door->authenticator, world->txn, request,
			     &principal, &check, &problem),
	    AUTHENTICATE_HASH);
	credential_verify(&check);
	assert_int_equal(check.outcome, OK);
	assert_int_equal(user_find(world->txn, TEXT("bob"), &user), OK);
	user.password = TEXT("$argon2id$other");
	assert_int_equal(user_update(world->txn, &user), OK);
	assert_int_equal(authenticate_finish(door->authenticator, world->txn,
			     request, &check, &principal, &problem),
	    AUTHENTICATE_REFUSED);
	assert_int_equal(problem.status, 401);
	check.outcome = BUSY;
	assert_int_equal(authenticate_finish(door->authenticator, world->txn,
			     request, &check, &principal, &problem),
	    AUTHENTICATE_REFUSED);
	assert_int_equal(problem.status, 503);
}

static enum outcome
run_nothing(struct txn *txn, void *context)
{
	(void)txn;
	(void)context;
	return OK;
}

/* components.md 2: the new hash comes in without a new version. */
static void
an_outdated_hash_is_made_again(void **state)
{
	struct door *door = *state;
	struct world *world = door->world;
	char phc[crypto_pwhash_STRBYTES];
	struct user user = { .name = TEXT("bob") };

	assert_int_equal(crypto_pwhash_str_alg(phc, "right", 5, 1, 8 << 20,
			     crypto_pwhash_ALG_ARGON2ID13),
	    0);
	user.password = text_from(phc);
	assert_int_equal(user_add(world->txn, world->store, &user), OK);
	assert_int_equal(ask(door, "bob", "right").result, AUTHENTICATE_DONE);
	assert_int_equal(txn_commit(world->txn), OK);
	thread_enter_worker();
	assert_int_equal(store_change(world->store, run_nothing, NULL), OK);
	assert_int_equal(txn_begin_write(world->store->engine, &world->txn),
	    OK);
	assert_int_equal(user_find(world->txn, TEXT("bob"), &user), OK);
	assert_false(password_outdated(user.password));
	assert_int_equal(user.password_version, 1);
	assert_true(user.used_ns > 0);
	thread_enter_worker();
	assert_int_equal(password_verify(user.password,
			     (struct secret){ TEXT("right") }),
	    OK);
	assert_int_equal(ask(door, "bob", "right").result, AUTHENTICATE_DONE);
}

static void
an_app_password_needs_no_hash(void **state)
{
	struct door *door = *state;
	struct world *world = door->world;
	struct secret password;
	struct answer answer;
	struct user user;
	char typed[64];
	uint64_t id;

	add_user(door, "bob", "right");
	add_user(door, "eve", "other");
	assert_int_equal(user_find(world->txn, TEXT("bob"), &user), OK);
	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, user.id, TEXT("phone"), &password),
	    OK);
	snprintf(typed, sizeof(typed), "%.*s", TEXT_ARGS(password.bytes));
	answer = ask(door, "bob", typed);
	assert_int_equal(answer.result, AUTHENTICATE_DONE);
	assert_false(answer.hashed);
	assert_true(answer.principal.app_password != 0);
	id = answer.principal.app_password;
	answer = ask(door, "eve", typed);
	assert_int_equal(answer.result, AUTHENTICATE_REFUSED);
	assert_true(answer.hashed);
	assert_int_equal(app_password_revoke(world->txn, user.id, id), OK);
	answer = ask(door, "bob", typed);
	assert_int_equal(answer.result, AUTHENTICATE_REFUSED);
	assert_true(answer.hashed);
}

static void
guessing_waits_even_with_the_right_one(void **state)
{
	struct door *door = *state;
	struct answer answer;

	add_user(door, "bob", "right");
	guess_until_slowed(door, "bob");
	answer = ask(door, "bob", "right");
	assert_int_equal(answer.result, AUTHENTICATE_REFUSED);
	assert_int_equal(answer.problem.status, 429);
	assert_true(answer.problem.retry_seconds > 0);
	assert_false(answer.hashed);
	door->world->conf->auth.basic_over_plain_http = CONF_PLAIN_ALWAYS;
	answer = ask_request(door,
	    make_request(door, basic(door, "bob", "right"), "192.0.2.1"));
	assert_int_equal(answer.result, AUTHENTICATE_DONE);
}

/* A device with an old password does not shut out the others at once. */
static void
verified_ones_pass_while_others_wait(void **state)
{
	struct door *door = *state;
	uint64_t looks = door->world->conf->auth.guess_free;

	add_user(door, "bob", "right");
	assert_int_equal(ask(door, "bob", "right").result, AUTHENTICATE_DONE);
	guess_until_slowed(door, "bob");
	for (int i = 0; i < 100; i++)
		assert_int_equal(ask(door, "bob", "right").result,
		    AUTHENTICATE_DONE);
	for (uint64_t i = 0; i < looks; i++)
		assert_int_equal(ask(door, "bob", "wrong").problem.status, 429);
	assert_int_equal(ask(door, "bob", "right").problem.status, 429);
}

/* Else a neighbour could guess between the requests of the right one. */
static void
verified_ones_forgive_nothing(void **state)
{
	struct door *door = *state;
	uint64_t guesses = door->world->conf->auth.guess_free + 1;

	add_user(door, "bob", "right");
	assert_int_equal(ask(door, "bob", "right").result, AUTHENTICATE_DONE);
	for (uint64_t i = 0; i < guesses; i++) {
		assert_int_equal(ask(door, "bob", "wrong").problem.status, 401);
		assert_int_equal(ask(door, "bob", "right").result,
		    AUTHENTICATE_DONE);
	}
	assert_int_equal(ask(door, "bob", "wrong").problem.status, 429);
}

static void
unknown_names_wait_alike(void **state)
{
	struct door *door = *state;
	uint64_t guesses = door->world->conf->auth.guess_free + 1;

	for (uint64_t i = 0; i < guesses; i++)
		assert_int_equal(ask(door, "nobody", "x").problem.status, 401);
	assert_int_equal(ask(door, "nobody", "x").problem.status, 429);
	assert_int_equal(ask(door, "NOBODY", "x").problem.status, 429);
}

static void
plain_http_from_elsewhere_is_refused(void **state)
{
	struct door *door = *state;
	struct conf *conf = door->world->conf;
	struct request *request;
	struct answer answer;

	add_user(door, "bob", "right");
	request = make_request(door, basic(door, "bob", "right"), "192.0.2.1");
	answer = ask_request(door, request);
	assert_int_equal(answer.result, AUTHENTICATE_REFUSED);
	assert_int_equal(answer.problem.status, 403);
	authenticate_challenge(request);
	assert_int_equal(request->response.status, 403);
	assert_int_equal(request->response.field_count, 0);
	request->peer.tls = true;
	assert_int_equal(ask_request(door, request).result, AUTHENTICATE_DONE);
	conf->auth.basic_over_plain_http = CONF_PLAIN_NEVER;
	assert_int_equal(ask(door, "bob", "right").problem.status, 403);
	conf->auth.basic_over_plain_http = CONF_PLAIN_ALWAYS;
	request->peer.tls = false;
	assert_int_equal(ask_request(door, request).result, AUTHENTICATE_DONE);
}

static void
malformed_fields_are_refused(void **state)
{
	static const struct {
		const char *field;
		unsigned status;
	} cases[] = {
		{ "", 401 },
		{ "Basic", 401 },
		{ "Basic ", 401 },
		{ "Basic !!!!", 401 },
		{ "Basic Ym9i", 401 },
		{ "Basic Ym9iOg==", 401 }, /* bob: */
		{ "Basic Ym9iOnJpZ2h0 x", 401 },
		{ "Bearer abc", 401 },
		{ "Digest username=\"bob\"", 401 },
		{ "BasicYm9iOnJpZ2h0", 401 },
	};
	struct door *door = *state;
	struct request *request;

	add_user(door, "bob", "right");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer answer = ask_request(door,
		    make_request(door, text_from(cases[i].field), "127.0.0.1"));

		assert_int_equal(answer.result, AUTHENTICATE_REFUSED);
		assert_int_equal(answer.problem.status, cases[i].status);
		assert_false(answer.hashed);
	}
	assert_int_equal(ask_request(door,
			     make_request(door, TEXT("bAsIc   Ym9iOnJpZ2h0"),
				 "127.0.0.1"))
			     .result,
	    AUTHENTICATE_DONE);
	request = make_request(door, basic(door, "bob", "right"), "127.0.0.1");
	request->headers.field[1] = request->headers.field[0];
	request->headers.count = 2;
	assert_int_equal(ask_request(door, request).problem.status, 400);
}

static void
the_challenge_names_one_realm(void **state)
{
	struct door *door = *state;
	struct request *request = make_request(door, TEXT_NONE, "127.0.0.1");
	struct text value;

	authenticate_challenge(request);
	assert_int_equal(request->response.field_count, 1);
	assert_true(text_equal(request->response.field[0].name,
	    TEXT("WWW-Authenticate")));
	value = request->response.field[0].value;
	assert_true(text_starts(value, TEXT("Basic realm=\"")));
	assert_true(text_ends(value, TEXT("\", charset=\"UTF-8\"")));
}

static void
cache_is_bounded_and_ends(void **state)
{
	struct credential_cache *cache = credential_cache_new();
	struct credential one = { TEXT("bob"), { TEXT("pw") }, 1, 7 };
	struct credential other = one;
	char name[32];

	(void)state;
	assert_false(credential_cache_has(cache, &one, 10));
	credential_cache_add(cache, &one, 10, 20);
	assert_true(credential_cache_has(cache, &one, 19));
	assert_false(credential_cache_has(cache, &one, 20));
	other.password_version = 2;
	assert_false(credential_cache_has(cache, &other, 10));
	other = one;
	other.id = 8;
	assert_false(credential_cache_has(cache, &other, 10));
	other = one;
	other.user = TEXT("bobp");
	other.password.bytes = TEXT("w");
	assert_false(credential_cache_has(cache, &other, 10));
	credential_cache_add(cache, &other, 10, 10); /* TTL 0 */
	assert_false(credential_cache_has(cache, &other, 10));
	for (int i = 0; i < 300000; i++) {
		int len = snprintf(name, sizeof(name), "u%d", i);

		other.user = (struct text){ name, (size_t)len };
		credential_cache_add(cache, &other, 10, 30);
		if (i % 1000 == 0)
			assert_true(credential_cache_has(cache, &other, 10));
	}
	assert_false(credential_cache_has(cache, &one, 10));
	credential_cache_free(cache);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, door_setup, door_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(without_a_field_nobody_asks),
		CASE(hashed_once_then_believed),
		CASE(wrong_ones_are_all_alike),
		CASE(a_new_password_ends_the_old_one),
		CASE(a_late_answer_does_not_count),
		CASE(an_outdated_hash_is_made_again),
		CASE(an_app_password_needs_no_hash),
		CASE(guessing_waits_even_with_the_right_one),
		CASE(verified_ones_pass_while_others_wait),
		CASE(verified_ones_forgive_nothing),
		CASE(unknown_names_wait_alike),
		CASE(plain_http_from_elsewhere_is_refused),
		CASE(malformed_fields_are_refused),
		CASE(the_challenge_names_one_realm),
		cmocka_unit_test(cache_is_bounded_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
