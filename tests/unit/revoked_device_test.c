#include "auth_door.h"

#include <stdio.h>

/* What has the shape of an app password, and is none, or none any more. */

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

#define CASE(f) cmocka_unit_test_setup_teardown(f, door_setup, door_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_revoked_app_password_counts_once),
		CASE(others_of_that_shape_count_each),
		CASE(own_password_of_that_shape_opens),
		CASE(a_repeat_is_no_look_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
