#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "auth/guess.h"
#include "server/base/clock.h"

/* Waits after wrong passwords, on a clock that the test moves. */
static const struct guess_rule rule = { .free = 3, .longest_seconds = 60 };

#define BOB TEXT("bob")

static uint64_t
at(uint64_t seconds)
{
	return (1000 + seconds) * NS_PER_SECOND;
}

static int
setup(void **state)
{
	*state = guesses_new();
	return 0;
}

static int
teardown(void **state)
{
	guesses_free(*state);
	return 0;
}

static unsigned
guess(struct guesses *guesses, struct text user, const char *address,
    uint64_t now_ns)
{
	unsigned wait = guess_begin(guesses, user, address, &rule, now_ns);

	if (wait == 0)
		guess_wrong(guesses, user, address, &rule, now_ns);
	return wait;
}

static void
waits_double_up_to_the_longest(void **state)
{
	static const unsigned waits[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	uint64_t now = at(0);

	for (size_t i = 0; i < rule.free + 1; i++)
		assert_int_equal(guess(*state, BOB, "192.0.2.1", now), 0);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		assert_int_equal(guess(*state, BOB, "192.0.2.1", now),
		    waits[i]);
		now += waits[i] * NS_PER_SECOND - 1;
		assert_int_equal(guess(*state, BOB, "192.0.2.1", now), 1);
		now += 1;
		assert_int_equal(guess(*state, BOB, "192.0.2.1", now), 0);
	}
}

static void
lock_out(struct guesses *guesses, struct text user, const char *address)
{
	for (size_t i = 0; i < rule.free + 1; i++)
		assert_int_equal(guess(guesses, user, address, at(0)), 0);
	assert_true(guess(guesses, user, address, at(0)) > 0);
}

static void
others_do_not_wait(void **state)
{
	lock_out(*state, BOB, "192.0.2.1");
	assert_true(guess(*state, BOB, "192.0.2.200", at(0)) > 0);
	assert_true(guess(*state, BOB, "::ffff:192.0.2.7", at(0)) > 0);
	assert_int_equal(guess(*state, BOB, "192.0.3.1", at(0)), 0);
	assert_int_equal(guess(*state, TEXT("eve"), "192.0.2.1", at(0)), 0);
	lock_out(*state, BOB, "2001:db8:1:2::1");
	assert_true(guess(*state, BOB, "2001:db8:1:2:ffff::9", at(0)) > 0);
	assert_int_equal(guess(*state, BOB, "2001:db8:1:3::1", at(0)), 0);
	lock_out(*state, BOB, "");
}

static void
right_one_forgives(void **state)
{
	uint64_t now = at(0);

	for (size_t i = 0; i < rule.free; i++)
		assert_int_equal(guess(*state, BOB, "192.0.2.1", now), 0);
	assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule, now), 0);
	guess_right(*state, BOB, "192.0.2.1");
	lock_out(*state, BOB, "192.0.2.1");
}

static void
many_at_once_gain_nothing(void **state)
{
	uint64_t now = at(0);
	size_t begun = 0;

	while (begun < 1000 &&
	    guess_begin(*state, BOB, "192.0.2.1", &rule, now) == 0)
		begun++;
	assert_int_equal(begun, 256);
	for (size_t i = 0; i < begun; i++)
		guess_wrong(*state, BOB, "192.0.2.1", &rule, now);
	assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule, now), 60);
	now += 60 * NS_PER_SECOND;
	assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule, now), 0);
	assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule, now), 1);
	guess_drop(*state, BOB, "192.0.2.1");
	assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule, now), 0);
}

static void
lost_attempts_end_by_themselves(void **state)
{
	for (size_t i = 0; i < 256; i++) {
		assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule,
				     at(0)),
		    0);
	}
	assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule, at(1)),
	    1);
	assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule, at(31)),
	    0);
}

static void
silence_is_forgotten(void **state)
{
	lock_out(*state, BOB, "192.0.2.1");
	assert_int_equal(guess(*state, BOB, "192.0.2.1", at(10)), 0);
	assert_int_equal(guess(*state, BOB, "192.0.2.1", at(10)), 2);
	assert_int_equal(guess(*state, BOB, "192.0.2.1", at(911)), 0);
	assert_int_equal(guess(*state, BOB, "192.0.2.1", at(911)), 0);
}

static bool
note(struct guesses *guesses, struct text user, const char *address,
    const char *password)
{
	return guess_repeat_note(guesses, user, address,
	    (struct secret){ text_from(password) });
}

static bool
repeats(struct guesses *guesses, struct text user, const char *address,
    const char *password)
{
	return guess_repeats(guesses, user, address,
	    (struct secret){ text_from(password) });
}

/* Of one user and network, until as many others have come. */
static void
the_last_few_repeat(void **state)
{
	static const char *const others[] = { "1", "2", "3", "4", "5", "6",
		"7" };

	assert_false(repeats(*state, BOB, "192.0.2.1", "old"));
	assert_false(note(*state, BOB, "192.0.2.1", "old"));
	assert_true(note(*state, BOB, "192.0.2.1", "old"));
	assert_true(repeats(*state, BOB, "192.0.2.200", "old"));
	assert_false(repeats(*state, BOB, "192.0.2.1", "Old"));
	assert_false(repeats(*state, BOB, "192.0.2.1", "old "));
	assert_false(repeats(*state, BOB, "192.0.3.1", "old"));
	assert_false(repeats(*state, TEXT("eve"), "192.0.2.1", "old"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(note(*state, BOB, "192.0.2.1", others[i]));
	assert_true(repeats(*state, BOB, "192.0.2.1", "old"));
	assert_false(note(*state, BOB, "192.0.2.1", "8"));
	assert_false(repeats(*state, BOB, "192.0.2.1", "old"));
	assert_true(repeats(*state, BOB, "192.0.2.1", "1"));
}

/* The table is bounded; a spray of names has to hit one set out of 8 192. */
static void
spraying_does_not_free_the_one_who_waits(void **state)
{
	char name[32];

	lock_out(*state, BOB, "192.0.2.1");
	for (int i = 0; i < 5000; i++) {
		int len = snprintf(name, sizeof(name), "user%d", i);

		assert_int_equal(guess(*state,
				     (struct text){ name, (size_t)len },
				     "192.0.2.1", at(0)),
		    0);
	}
	assert_true(guess(*state, BOB, "192.0.2.1", at(0)) > 0);
}

static void *
hammer(void *context)
{
	for (int i = 0; i < 20000; i++) {
		if (guess_begin(context, BOB, "192.0.2.1", &rule, at(0)) == 0)
			guess_drop(context, BOB, "192.0.2.1");
	}
	return NULL;
}

static void
threads_share_it(void **state)
{
	pthread_t thread[4];

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&thread[i], NULL, hammer,
				     *state),
		    0);
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	for (size_t i = 0; i < 256; i++) {
		assert_int_equal(guess_begin(*state, BOB, "192.0.2.1", &rule,
				     at(0)),
		    0);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(waits_double_up_to_the_longest),
		CASE(others_do_not_wait),
		CASE(right_one_forgives),
		CASE(many_at_once_gain_nothing),
		CASE(lost_attempts_end_by_themselves),
		CASE(silence_is_forgotten),
		CASE(the_last_few_repeat),
		CASE(spraying_does_not_free_the_one_who_waits),
		CASE(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
