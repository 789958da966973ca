#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/layout.h"
#include "tests/unit/state.h"

/*
 * The folders of a state, and the process that looks at an engine first: what
 * becomes of it says whether the engine is damaged, or nothing.
 */
static struct engine_row row;
static int deadly;

/* What a broken page does, or somebody's kill. */
static enum outcome
open_dies(const struct engine_options *options, struct buffer *message,
    struct engine **ret_engine)
{
	(void)options;
	(void)message;
	(void)ret_engine;
	raise(deadly);
	return OK;
}

static enum outcome
open_refuses(const struct engine_options *options, struct buffer *message,
    struct engine **ret_engine)
{
	assert_true(options->read_only);
	buffer_format(message, "no");
	(void)ret_engine;
	return FORBIDDEN;
}

static enum outcome
seek_fails(struct cursor *cursor, struct text key)
{
	(void)cursor;
	(void)key;
	return DAMAGED;
}

static enum outcome
seek_works(struct cursor *cursor, struct text key)
{
	(void)cursor;
	(void)key;
	return OK;
}

static enum outcome
before_fails(struct cursor *cursor, struct text key)
{
	(void)cursor;
	return key.ptr[0] == 'n' ? DAMAGED : NOT_FOUND;
}

/* Opens the memory engine, whose cursors are those of `row`. */
static enum outcome
open_memory(const struct engine_options *options, struct buffer *message,
    struct engine **ret_engine)
{
	enum outcome outcome = engine_row_find("memory")->open(options, message,
	    ret_engine);

	if (outcome == OK)
		(*ret_engine)->row = &row;
	return outcome;
}

static void
probe(enum outcome expected, const char *words)
{
	struct engine_options options = { .path = "/nonexistent/engine" };
	struct buffer message = { .max = 1000 };

	assert_int_equal(layout_probe(&row, &options, &message), expected);
	buffer_append_byte(&message, 0);
	if (strstr(message.ptr, words) == NULL)
		fail_msg("\"%s\" is not said, but: %s", words, message.ptr);
	buffer_done(&message);
}

static void row_set(enum outcome (*open)(const struct engine_options *options,
    struct buffer *message, struct engine **ret_engine))
{
	row = *engine_row_find("memory");
	row.durable = true;
	row.open = open;
}

static void
test_probe_of_a_sound_engine(void **unused)
{
	(void)unused;
	row_set(open_memory);
	probe(OK, "");
	/* Why it is refused is said by the opening that follows. */
	row_set(open_refuses);
	probe(OK, "");
	/* Nothing is asked of what has no files. */
	row_set(open_dies);
	row.durable = false;
	probe(OK, "");
}

static void
test_probe_of_a_damaged_engine(void **unused)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE };

	(void)unused;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		row_set(open_dies);
		deadly = signals[i];
		probe(DAMAGED, "restore a backup");
	}
	row_set(open_memory);
	row.cursor_seek = seek_fails;
	probe(DAMAGED, "/nonexistent/engine is damaged");
	row_set(open_memory);
	row.cursor_seek = seek_works;
	row.cursor_before = before_fails;
	probe(DAMAGED, "/nonexistent/engine is damaged");
}

/* Want of memory, or a person: it proves nothing about the engine. */
static void
test_probe_that_is_killed(void **unused)
{
	(void)unused;
	row_set(open_dies);
	deadly = SIGKILL;
	probe(BUSY, "try again");
}

static void
assert_folders(const char *path)
{
	static const char *const names[] = { "engine", "blobs", "staging",
		"secret" };
	char name[256];
	struct stat status;

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, names[i]);
		assert_int_equal(stat(name, &status), 0);
		assert_true(S_ISDIR(status.st_mode));
		assert_int_equal(status.st_mode & 0777, 0700);
	}
	assert_true(layout_exists(path));
}

static void
create(const char *path, enum outcome expected)
{
	struct buffer message = { .max = 8192 };

	assert_int_equal(layout_create(path, &message), expected);
	assert_int_equal(message.len > 0, expected != OK);
	buffer_done(&message);
}

static void
test_folders_are_made(void **unused)
{
	char folder[] = "/tmp/layout_test.XXXXXX", here[512], path[64];

	(void)unused;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/state", folder);
	assert_false(layout_exists(path));
	create(path, OK);
	assert_folders(path);
	create(path, OK); /* again: what is there stays */
	/* A name without a slash is one of the folder that one is in. */
	assert_int_equal(chdir(folder), 0);
	create("other", OK);
	assert_folders("other");
	assert_int_equal(chdir(here), 0);
	remove_tree(folder);
}

static void
test_folders_that_cannot_be_made(void **unused)
{
	char folder[] = "/tmp/layout_test.XXXXXX", path[64], *longer;
	const size_t len = 4090;

	(void)unused;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/none/state", folder);
	create(path, IO);
	snprintf(path, sizeof(path), "%s/file", folder);
	write_whole(path, "x", 1);
	create(path, IO);
	assert_false(layout_exists(path));
	/* The state's own name fits, those in it do not. */
	longer = malloc(len + 1);
	for (size_t i = 0; i < len; i += 2)
		memcpy(longer + i, "./", 2);
	memcpy(longer, "/tmp/", 5);
	longer[len - 1] = '.';
	longer[len] = '\0';
	create(longer, IO);
	assert_false(layout_exists(longer));
	free(longer);
	remove_tree(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe_of_a_sound_engine),
		cmocka_unit_test(test_probe_of_a_damaged_engine),
		cmocka_unit_test(test_probe_that_is_killed),
		cmocka_unit_test(test_folders_are_made),
		cmocka_unit_test(test_folders_that_cannot_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
