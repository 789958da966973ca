#include "auth_world.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/authenticate.h"
#include "auth/credential_cache.h"
#include "server/base/clock.h"
#include "server/base/encode.h"

/*
 * From an Authorization field to a principal: who gets in, who does not, and
 * that the answer does not tell why.
 */
struct door {
	struct world *world;
	struct authenticator *authenticator;
};

static int
door_setup(void **state)
{
	struct door *door = calloc(1, sizeof(*door));
	void *world;

	assert_non_null(door);
	assert_int_equal(world_setup(&world), 0);
	door->world = world;
	door->authenticator = authenticator_new(door->world->store);
	*state = door;
	return 0;
}

static int
door_teardown(void **state)
{
	struct door *door = *state;
	void *world = door->world;

	authenticator_free(door->authenticator);
	assert_int_equal(world_teardown(&world), 0);
	free(door);
	return 0;
}

static void
add_user(struct door *door, const char *name, const char *password)
{
	struct world *world = door->world;
	struct user user = { .name = text_from(name) };

	thread_enter_worker();
	assert_int_equal(password_hash(world->arena,
			     (struct secret){ text_from(password) },
			     &user.password),
	    OK);
	assert_int_equal(user_add(world->txn, world->store, &user), OK);
}

static struct text
basic(struct door *door, const char *user, const char *password)
{
	struct arena *arena = door->world->arena;
	struct text plain = arena_format(arena, "%s:%s", user, password);
	struct text code = base64_encode(arena, plain);

	return arena_format(arena, "Basic %.*s", TEXT_ARGS(code));
}

/* What one request with this field gets, the hash lane included. */
struct answer {
	enum authenticate_result result;
	bool hashed;
	struct principal principal;
	struct problem problem;
	struct request *request;
};

static struct request *
make_request(struct door *door, struct text field, const char *address)
{
	struct world *world = door->world;
	struct request *request = ARENA_NEW(world->arena, struct request);

	request->arena = world->arena;
	request->conf = world->conf;
	request->response.arena = world->arena;
	request->peer.loopback = strcmp(address, "127.0.0.1") == 0;
	snprintf(request->peer.name, sizeof(request->peer.name), "%s", address);
	request->headers.field = ARENA_ARRAY(world->arena, 2,
	    struct header_field);
	if (field.ptr != NULL) {
		request->headers.field[0] = (struct header_field){
			TEXT("Authorization"), field
		};
		request->headers.count = 1;
	}
	return request;
}

static struct answer
ask_request(struct door *door, struct request *request)
{
	struct answer answer = { .request = request };
	struct credential_check check;

	thread_enter_loop();
	thread_enter_worker();
	answer.result = authenticate(door->authenticator, door->world->txn,
	    request, &answer.principal, &check, &answer.problem);
	if (answer.result != AUTHENTICATE_HASH)
		return answer;
	answer.hashed = true;
	credential_verify(&check);
	answer.result = authenticate_finish(door->authenticator,
	    door->world->txn, request, &check, &answer.principal,
	    &answer.problem);
	return answer;
}

static struct answer
ask(struct door *door, const char *user, const char *password)
{
	return ask_request(door,
	    make_request(door, basic(door, user, password), "127.0.0.1"));
}

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

/* One request that came as far as the hash lane. */
struct caller {
	struct credential_check check; /* first: `answered` finds the rest */
	struct request *request;
	struct principal principal;
	struct problem problem;
	unsigned answered;
};

static void
caller_answered(struct credential_check *check)
{
	((struct caller *)check)->answered++;
}

static void
call_from(struct door *door, struct caller *caller, const char *password,
    const char *address)
{
	*caller = (struct caller){ .request = make_request(door,
				       basic(door, "bob", password), address) };
	caller->request->peer.loopback = true;
	thread_enter_loop();
	assert_int_equal(authenticate(door->authenticator, door->world->txn,
			     caller->request, &caller->principal,
			     &caller->check, &caller->problem),
	    AUTHENTICATE_HASH);
	caller->check.answered = caller_answered;
}

static void
call(struct door *door, struct caller *caller, const char *password)
{
	call_from(door, caller, password, "127.0.0.1");
}

static unsigned
call_end(struct door *door, struct caller *caller)
{
	enum authenticate_result result = authenticate_finish(
	    door->authenticator, door->world->txn, caller->request,
	    &caller->check, &caller->principal, &caller->problem);

	return result == AUTHENTICATE_DONE ? 200 : caller->problem.status;
}

enum { CALLERS = 64 };

/* All but the first follow it, and have its answer with it. */
static void
call_together(struct door *door, struct caller *caller, const char *password)
{
	for (size_t i = 0; i < CALLERS; i++)
		call(door, &caller[i], password);
	assert_false(credential_follows(&caller[0].check));
	for (size_t i = 1; i < CALLERS; i++)
		assert_true(credential_follows(&caller[i].check));
	thread_enter_worker();
	credential_verify(&caller[0].check);
	assert_int_equal(caller[0].answered, 0);
	for (size_t i = 1; i < CALLERS; i++)
		assert_int_equal(caller[i].answered, 1);
	thread_enter_loop();
}

static void
one_hash_answers_all_who_ask_the_same(void **state)
{
	struct door *door = *state;
	struct caller caller[CALLERS];

	add_user(door, "bob", "right");
	call_together(door, caller, "right");
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(call_end(door, &caller[i]), 200);
		assert_true(text_equal(caller[i].principal.name, TEXT("bob")));
	}
	assert_false(ask(door, "bob", "right").hashed);
}

/* As if each had asked alone: none gets a guess for nothing. */
static void
each_who_followed_a_wrong_one_counts(void **state)
{
	struct door *door = *state;
	struct caller caller[CALLERS];

	door->world->conf->auth.guess_free = CALLERS;
	add_user(door, "bob", "right");
	call_together(door, caller, "wrong");
	for (size_t i = 0; i < CALLERS; i++)
		assert_int_equal(call_end(door, &caller[i]), 401);
	assert_int_equal(ask(door, "bob", "wrong").problem.status, 401);
	assert_int_equal(ask(door, "bob", "right").problem.status, 429);
}

static void
only_the_same_is_shared(void **state)
{
	struct door *door = *state;
	struct world *world = door->world;
	struct caller caller[5];
	struct user user;

	add_user(door, "bob", "old");
	call(door, &caller[0], "old");
	assert_false(credential_follows(&caller[0].check));
	call(door, &caller[1], "other");
	assert_false(credential_follows(&caller[1].check));
	call_from(door, &caller[2], "old", "192.0.2.1");
	assert_false(credential_follows(&caller[2].check));
	call(door, &caller[3], "old");
	assert_true(credential_follows(&caller[3].check));
	assert_int_equal(user_find(world->txn, TEXT("bob"), &user), OK);
	user.password = TEXT("$argon2id$other");
	assert_int_equal(user_update(world->txn, &user), OK);
	call(door, &caller[4], "old");
	assert_false(credential_follows(&caller[4].check));
	for (size_t i = 0; i < 5; i++) {
		thread_enter_worker();
		if (i != 3)
			credential_verify(&caller[i].check);
	}
	thread_enter_loop();
	assert_int_equal(caller[3].answered, 1);
	assert_int_equal(caller[3].check.outcome, OK);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(call_end(door, &caller[i]), 401);
}

/* What the lane does not take leaves nobody behind, and counts for nothing. */
static void
a_full_lane_answers_those_who_follow(void **state)
{
	struct door *door = *state;
	struct caller caller[3];

	add_user(door, "bob", "right");
	for (size_t i = 0; i < 3; i++) {
		call(door, &caller[i], "right");
		assert_int_equal(credential_follows(&caller[i].check), i > 0);
	}
	credential_give_up(&caller[0].check);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(caller[i].answered, i > 0);
		assert_int_equal(call_end(door, &caller[i]), 503);
	}
	call(door, &caller[0], "right");
	assert_false(credential_follows(&caller[0].check));
	thread_enter_worker();
	credential_verify(&caller[0].check);
	assert_int_equal(call_end(door, &caller[0]), 200);
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

/* The shape of an app password, and another one for each number. */
static const char *
app_shaped(struct door *door, unsigned number)
{
	return arena_format(door->world->arena,
	    "abcd-efgh-ijkl-mnop-qrst-uvwx-yz23-%c%c%c%c",
	    (int)('a' + number / 26 % 26), (int)('a' + number % 26), 'a', 'a')
	    .ptr;
}

/* It sends the same until somebody looks at it, and shuts nobody out. */
static void
a_revoked_app_password_counts_once(void **state)
{
	struct door *door = *state;
	struct world *world = door->world;
	struct secret password;
	struct answer answer;
	struct user user;
	char typed[64];

	add_user(door, "bob", "right");
	assert_int_equal(user_find(world->txn, TEXT("bob"), &user), OK);
	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, user.id, TEXT("phone"), &password),
	    OK);
	snprintf(typed, sizeof(typed), "%.*s", TEXT_ARGS(password.bytes));
	answer = ask(door, "bob", typed);
	assert_int_equal(app_password_revoke(world->txn, user.id,
			     answer.principal.app_password),
	    OK);
	for (int i = 0; i < 20; i++) {
		answer = ask(door, "bob", typed);
		assert_int_equal(answer.problem.status, 401);
		assert_true(answer.hashed);
	}
	answer = ask(door, "bob", "right");
	assert_int_equal(answer.result, AUTHENTICATE_DONE);
	assert_true(answer.hashed);
}

/* It may be the account's own password that somebody guesses so. */
static void
others_of_that_shape_count_each(void **state)
{
	struct door *door = *state;
	uint64_t guesses = door->world->conf->auth.guess_free;

	add_user(door, "bob", "right");
	assert_int_equal(ask(door, "bob", app_shaped(door, 0)).problem.status,
	    401);
	assert_int_equal(ask(door, "bob",
			     "ABCD-efgh-ijkl-mnop-qrst-uvwx-yz23-aaaa")
			     .problem.status,
	    401);
	for (unsigned i = 1; i < guesses; i++)
		assert_int_equal(
		    ask(door, "bob", app_shaped(door, i)).problem.status, 401);
	assert_int_equal(ask(door, "bob", "right").problem.status, 429);
}

static void
own_password_of_that_shape_opens(void **state)
{
	struct door *door = *state;
	const char *own = app_shaped(door, 1), *other = app_shaped(door, 2);

	add_user(door, "bob", own);
	assert_int_equal(ask(door, "bob", other).problem.status, 401);
	assert_int_equal(ask(door, "bob", other).problem.status, 401);
	assert_int_equal(ask(door, "bob", own).result, AUTHENTICATE_DONE);
	assert_int_equal(ask(door, "nobody", own).problem.status, 401);
	assert_true(ask(door, "nobody", own).hashed);
}

static void
guess_until_slowed(struct door *door, const char *user)
{
	uint64_t guesses = door->world->conf->auth.guess_free + 1;

	for (uint64_t i = 0; i < guesses; i++)
		assert_int_equal(ask(door, user, "wrong").problem.status, 401);
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

/* Nor does a device with a revoked app password, while others are waited for. */
static void
a_repeat_is_no_look_in_vain(void **state)
{
	struct door *door = *state;
	const char *revoked = app_shaped(door, 1);
	uint64_t guesses = door->world->conf->auth.guess_free;

	add_user(door, "bob", "right");
	assert_int_equal(ask(door, "bob", "right").result, AUTHENTICATE_DONE);
	assert_int_equal(ask(door, "bob", revoked).problem.status, 401);
	for (uint64_t i = 0; i < guesses; i++)
		assert_int_equal(ask(door, "bob", "wrong").problem.status, 401);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(ask(door, "bob", revoked).problem.status, 429);
		assert_int_equal(ask(door, "bob", "right").result,
		    AUTHENTICATE_DONE);
	}
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
		CASE(one_hash_answers_all_who_ask_the_same),
		CASE(each_who_followed_a_wrong_one_counts),
		CASE(only_the_same_is_shared),
		CASE(a_full_lane_answers_those_who_follow),
		CASE(an_outdated_hash_is_made_again),
		CASE(an_app_password_needs_no_hash),
		CASE(a_revoked_app_password_counts_once),
		CASE(others_of_that_shape_count_each),
		CASE(own_password_of_that_shape_opens),
		CASE(guessing_waits_even_with_the_right_one),
		CASE(verified_ones_pass_while_others_wait),
		CASE(a_repeat_is_no_look_in_vain),
		CASE(verified_ones_forgive_nothing),
		CASE(unknown_names_wait_alike),
		CASE(plain_http_from_elsewhere_is_refused),
		CASE(malformed_fields_are_refused),
		CASE(the_challenge_names_one_realm),
		cmocka_unit_test(cache_is_bounded_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
