#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <time.h>

#include "auth/password.h"
#include "server/base/clock.h"

/* argon2id: right, wrong, nobody's, and what each costs. */
static struct secret
secret_of(const char *password)
{
	return (struct secret){ text_from(password) };
}

static void
right_and_wrong(void **state)
{
	struct arena *arena = arena_new();
	struct text phc, again;

	(void)state;
	thread_enter_worker();
	assert_int_equal(password_hash(arena, secret_of("pass w\xc3\xb6rd"),
			     &phc),
	    OK);
	assert_true(text_starts(phc, TEXT("$argon2id$v=19$m=19456,t=2,p=1$")));
	assert_int_equal(password_hash(arena, secret_of("pass w\xc3\xb6rd"),
			     &again),
	    OK);
	assert_false(text_equal(phc, again));
	assert_int_equal(password_verify(phc, secret_of("pass w\xc3\xb6rd")),
	    OK);
	assert_int_equal(password_verify(phc, secret_of("pass w\xc3\xb6r")),
	    UNAUTHENTICATED);
	assert_int_equal(password_verify(phc, secret_of("")), UNAUTHENTICATED);
	assert_false(password_outdated(phc));
	arena_free(arena);
}

static void
empty_and_endless_are_refused(void **state)
{
	struct arena *arena = arena_new();
	char long_one[1025];
	struct text phc;

	(void)state;
	thread_enter_worker();
	memset(long_one, 'x', sizeof(long_one));
	assert_int_equal(password_hash(arena, secret_of(""), &phc), BAD_INPUT);
	assert_int_equal(password_hash(arena,
			     (struct secret){ { long_one, sizeof(long_one) } },
			     &phc),
	    BAD_INPUT);
	assert_int_equal(
	    password_hash(arena,
		(struct secret){ { long_one, sizeof(long_one) - 1 } }, &phc),
	    OK);
	arena_free(arena);
}

static void
damaged_hashes_are_wrong(void **state)
{
	char long_one[300];

	(void)state;
	thread_enter_worker();
	memset(long_one, '$', sizeof(long_one));
	assert_int_equal(password_verify(TEXT("secret"), secret_of("secret")),
	    UNAUTHENTICATED);
	assert_int_equal(password_verify((struct text){ long_one,
					     sizeof(long_one) },
			     secret_of("x")),
	    UNAUTHENTICATED);
	assert_true(password_outdated(TEXT("secret")));
	assert_true(password_outdated(
	    TEXT("$argon2id$v=19$m=4096,t=1,p=1$k0Zc7bJpX1vQm3sYtR9eWg$"
		 "uC4nTq8HxLw2VbA6oKfJ5dPzE7iMyS1rGh0QmNt3Uv8")));
}

/* Of this thread alone: a busy machine does not decide. */
static uint64_t
thread_cpu_ns(void)
{
	struct timespec spent;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent), 0);
	return (uint64_t)spent.tv_sec * NS_PER_SECOND + (uint64_t)spent.tv_nsec;
}

static uint64_t
fastest_verify(struct text phc)
{
	uint64_t least = UINT64_MAX;

	thread_enter_worker();
	for (int i = 0; i < 7; i++) {
		uint64_t begun = thread_cpu_ns(), took;

		assert_int_equal(password_verify(phc, secret_of("wrong")),
		    UNAUTHENTICATED);
		took = thread_cpu_ns() - begun;
		least = took < least ? took : least;
	}
	return least;
}

/* V59a: the best of several runs. */
static void
nobody_costs_what_somebody_costs(void **state)
{
	struct arena *arena = arena_new();
	uint64_t somebody, nobody;
	struct text phc;

	(void)state;
	thread_enter_worker();
	assert_int_equal(password_hash(arena, secret_of("right"), &phc), OK);
	somebody = fastest_verify(phc);
	nobody = fastest_verify(TEXT_NONE);
	assert_true(nobody > somebody / 2 && nobody < somebody * 2);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_and_wrong),
		cmocka_unit_test(empty_and_endless_are_refused),
		cmocka_unit_test(damaged_hashes_are_wrong),
		cmocka_unit_test(nobody_costs_what_somebody_costs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
