/* A mapping that breaks is told, and is no signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/mapping.h"

/* In the child: a look at a page that its file does not have. */
static void
look_behind_the_end(int told)
{
	FILE *file = tmpfile();
	volatile char *map;

	if (file == NULL || ftruncate(fileno(file), 1) != 0)
		_exit(3);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
	if (map == MAP_FAILED || dup2(told, STDERR_FILENO) < 0 ||
	    ftruncate(fileno(file), 0) != 0)
		_exit(3);
	mapping_guard();
	_exit(map[0] == 'x' ? 2 : 4);
}

static void
a_broken_mapping_ends_with_a_sentence(void **state)
{
	char said[256] = "";
	int told[2], status = 0;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(told), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		look_behind_the_end(told[1]);
	close(told[1]);
	assert_true(read(told[0], said, sizeof(said) - 1) > 0);
	close(told[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(said, "restore a backup"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_mapping_ends_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
