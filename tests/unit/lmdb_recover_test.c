#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/engines.h"
#include "tests/unit/state.h"

/*
 * What the LMDB engine brings back from its checkpoint and its journal, when
 * data.mdb lost or garbled all that was not synced; what it refuses; and that
 * processes which take turns lose nothing of each other.
 */
enum { MAP = 64 << 20, PUTS = 300 };

static struct engine *
open_it(const char *folder)
{
	return open_engine(engine_row_find("lmdb"), folder, MAP);
}

static void
put_number(struct engine *engine, int number)
{
	char key[32], value[32];

	snprintf(key, sizeof(key), "k%d", number);
	snprintf(value, sizeof(value), "v%d", number);
	put(engine, key, value);
}

static void
assert_numbers(const char *folder, int first, int end)
{
	struct engine *engine = open_it(folder);
	char key[32], value[32];
	struct txn *txn;

	assert_int_equal(txn_begin_read(engine, &txn), OK);
	for (int i = first; i < end; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		snprintf(value, sizeof(value), "v%d", i);
		assert_value(txn, key, value);
	}
	snprintf(key, sizeof(key), "k%d", end);
	assert_value(txn, key, NULL);
	txn_abort(txn);
	engine->row->close(engine);
}

/* A process that commits and is killed; its checkpoint is the first of them. */
static void
commit_and_die(const char *folder, int first, int end)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct engine *engine = open_it(folder);

		for (int i = first; i < end; i++)
			put_number(engine, i);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static char *
path_of(const char *folder, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static off_t
file_size(const char *path)
{
	int fd = open(path, O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);

	close(fd);
	return size;
}

/* All of a file; the caller frees. */
static char *
file_read(const char *path, size_t size)
{
	char *bytes = malloc(size);
	int fd = open(path, O_RDONLY);

	assert_int_equal(pread(fd, bytes, size, 0), size);
	close(fd);
	return bytes;
}

static void
file_put(const char *path, const char *bytes, size_t size, off_t at)
{
	int fd = open(path, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, size, at), size);
	close(fd);
}

static void
test_unsynced_pages_are_lost(void **state)
{
	char folder[] = "/tmp/recover.XXXXXX", garbage[4096];
	size_t kept;
	char *before;

	(void)state;
	assert_non_null(mkdtemp(folder));
	commit_and_die(folder, 0, 1);
	assert_numbers(folder, 0, 1); /* leaves a checkpoint of k0 */
	kept = (size_t)file_size(path_of(folder, "data.mdb"));
	before = file_read(path_of(folder, "data.mdb"), kept);
	commit_and_die(folder, 1, PUTS);
	/* The disk kept nothing of data.mdb since, or nonsense behind it. */
	file_put(path_of(folder, "data.mdb"), before, kept, 0);
	memset(garbage, 0xa5, sizeof(garbage));
	for (off_t at = (off_t)kept;
	    at < file_size(path_of(folder, "data.mdb")); at += 4096)
		file_put(path_of(folder, "data.mdb"), garbage, 4096, at);
	assert_numbers(folder, 0, PUTS);
	/* Only the pages that tell of all the others were written. */
	commit_and_die(folder, PUTS, 2 * PUTS);
	assert_numbers(folder, 0, 2 * PUTS);
	free(before);
	remove_tree(folder);
}

static void
assert_refused(const char *folder, const char *why)
{
	struct engine_options options = { .path = folder, .map_size = MAP };
	struct buffer message = { .max = 1000 };
	struct engine *engine;

	assert_int_equal(engine_row_find("lmdb")->open(&options, &message,
			     &engine),
	    DAMAGED);
	buffer_append_byte(&message, 0);
	assert_non_null(strstr(message.ptr, why));
	buffer_done(&message);
}

static void
test_what_cannot_be_mended_is_refused(void **state)
{
	char folder[] = "/tmp/recover.XXXXXX", zeros[65536] = { 0 };
	size_t size;
	char *old;

	(void)state;
	assert_non_null(mkdtemp(folder));
	commit_and_die(folder, 0, 5);
	assert_numbers(folder, 0, 5);
	size = (size_t)file_size(path_of(folder, "data.mdb"));
	old = file_read(path_of(folder, "data.mdb"), size);
	commit_and_die(folder, 5, 10);
	file_put(path_of(folder, "journal.0"), zeros, sizeof(zeros), 0);
	file_put(path_of(folder, "journal.1"), zeros, sizeof(zeros), 0);
	assert_refused(folder, "changes too early");
	remove_tree(folder);

	assert_int_equal(mkdir(folder, 0700), 0);
	commit_and_die(folder, 0, 20);
	assert_numbers(folder, 0, 20);
	file_put(path_of(folder, "data.mdb"), old, size, 0);
	assert_refused(folder, "older than the checkpoint");
	assert_int_equal(truncate(path_of(folder, "data.mdb"), 0), 0);
	assert_refused(folder, "damaged");
	free(old);
	remove_tree(folder);
}

/* Two that write in turn, one of them killed in the end. */
static void
test_processes_take_turns(void **state)
{
	char folder[] = "/tmp/recover.XXXXXX";
	int turns[2], back[2], status;
	char byte = 0;
	pid_t child;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(pipe(turns), 0);
	assert_int_equal(pipe(back), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct engine *engine = open_it(folder);

		for (int i = 0; read(turns[0], &byte, 1) == 1; i += 2) {
			put_number(engine, i);
			if (write(back[1], &byte, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 1; i < PUTS; i += 2) {
		/* Each of them sees a tail that the other has moved. */
		struct engine *engine;

		assert_int_equal(write(turns[1], &byte, 1), 1);
		assert_int_equal(read(back[0], &byte, 1), 1);
		engine = open_it(folder);
		put_number(engine, i);
		engine->row->close(engine);
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_numbers(folder, 0, PUTS);
	close(turns[0]);
	close(turns[1]);
	close(back[0]);
	close(back[1]);
	remove_tree(folder);
}

/* Enough for many checkpoints by the keeper, and the journal's turns. */
static void
test_checkpoints_while_writing(void **state)
{
	static char bytes[1 << 20];
	char folder[] = "/tmp/recover.XXXXXX";
	struct engine *engine;
	struct txn *txn;

	(void)state;
	assert_non_null(mkdtemp(folder));
	engine = open_it(folder);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(txn_begin_write(engine, &txn), OK);
		memset(bytes, i, sizeof(bytes));
		assert_int_equal(txn_put(txn, TEXT("big"),
				     (struct text){ bytes, sizeof(bytes) }),
		    OK);
		assert_int_equal(txn_commit(txn), OK);
		put_number(engine, i);
	}
	/* What is replaced is used again: the file stays small. */
	assert_true(file_size(path_of(folder, "data.mdb")) < MAP);
	engine->row->close(engine);
	assert_numbers(folder, 0, 200);
	commit_and_die(folder, 200, 210);
	assert_numbers(folder, 0, 210);
	remove_tree(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsynced_pages_are_lost),
		cmocka_unit_test(test_what_cannot_be_mended_is_refused),
		cmocka_unit_test(test_processes_take_turns),
		cmocka_unit_test(test_checkpoints_while_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
