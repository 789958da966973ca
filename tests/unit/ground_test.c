/* The small files of the ground floor: outcome, scope, random, secret, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/memory.h"
#include "server/base/outcome.h"
#include "server/base/random.h"
#include "server/base/scope.h"
#include "server/base/secret.h"

static void
outcomes_have_names(void **state)
{
	(void)state;
	assert_string_equal(outcome_name(OK), "ok");
	assert_string_equal(outcome_name(NOT_FOUND), "not_found");
	assert_string_equal(outcome_name(BUG), "bug");
	assert_string_equal(outcome_name(OUTCOME_COUNT), "unknown");
	for (int i = 0; i < OUTCOME_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(outcome_name((enum outcome)i),
			    outcome_name((enum outcome)j));
}

static int
opened_and_left(void)
{
	SCOPED(fd) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	errno = ENOENT;
	return fd;
}

static void
descriptors_close_at_the_brace(void **state)
{
	int fd = opened_and_left();

	(void)state;
	assert_int_equal(errno, ENOENT);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	errno = EAGAIN;
	fd_close(-1);
	fd_close(fd);
	assert_int_equal(errno, EAGAIN);
}

static void
random_bytes_differ(void **state)
{
	unsigned char a[5000] = { 0 }, b[5000] = { 0 };
	size_t zeros = 0;

	(void)state;
	random_fill(a, sizeof(a));
	random_fill(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	/* 20 are expected; 100 never happen in the life of the universe. */
	assert_in_range(zeros, 0, 100);
	random_fill(a, 0);
}

static void
secrets_are_wiped(void **state)
{
	char bytes[] = "secret";

	(void)state;
	secret_wipe(bytes, sizeof(bytes) - 2);
	assert_memory_equal(bytes, "\0\0\0\0\0t", 7);
	secret_wipe(NULL, 0);
}

static void
memory_is_zeroed(void **state)
{
	char *bytes = memory_array(100, 3), *copy;

	(void)state;
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(bytes[i], 0);
	bytes = memory_resize(bytes, 10);
	free(bytes);
	copy = memory_string(TEXT("ab"));
	assert_string_equal(copy, "ab");
	free(copy);
	copy = memory_string(TEXT_NONE);
	assert_string_equal(copy, "");
	free(copy);
	free(memory_alloc(0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_have_names),
		cmocka_unit_test(descriptors_close_at_the_brace),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(secrets_are_wiped),
		cmocka_unit_test(memory_is_zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
