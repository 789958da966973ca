#include "auth_door.h"

/* Many who sign in at the same moment: one run of argon2id answers them. */

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
	enum authenticate_result result;

	thread_enter_loop();
	result = authenticate_finish(door->authenticator, door->world->txn,
	    caller->request, &caller->check, &caller->principal,
	    &caller->problem);
	return result == AUTHENTICATE_DONE ? 200 : caller->problem.status;
}

enum { CALLERS = 64 };

/* All but the first follow it, and have its answer with it. */
static void
call_together(struct door *door, struct caller *caller, const char *password)
{
	thread_enter_loop();
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

	thread_enter_loop();
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
	thread_enter_worker();
	for (size_t i = 0; i < 5; i++) {
		if (i != 3)
			credential_verify(&caller[i].check);
	}
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

	thread_enter_loop();
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, door_setup, door_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_hash_answers_all_who_ask_the_same),
		CASE(each_who_followed_a_wrong_one_counts),
		CASE(only_the_same_is_shared),
		CASE(a_full_lane_answers_those_who_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
