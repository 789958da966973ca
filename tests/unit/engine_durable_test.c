#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/engines.h"

/*
 * What engines promise about their files: commits that survive a kill, other
 * processes, and damage that is refused.
 */
static void
test_durable_survives_kill(struct fixture *f)
{
	struct txn *txn;
	int status;
	pid_t child;

	if (!f->row->durable)
		return;
	f->row->close(f->engine);
	f->engine = NULL;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct engine *engine = open_engine(f->row, f->folder,
		    MAP_SIZE);

		put(engine, "acked", "1");
		if (txn_begin_write(engine, &txn) != OK ||
		    txn_put(txn, TEXT("open"), TEXT("1")) != OK)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	f->engine = open_engine(f->row, f->folder, MAP_SIZE);
	put(f->engine, "after", "1");
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_value(txn, "acked", "1");
	assert_value(txn, "open", NULL);
	txn_abort(txn);
}

static void
test_relaxed_works(struct fixture *f)
{
	struct engine_options options = {
		.path = f->folder, .map_size = MAP_SIZE, .relaxed = true
	};
	struct buffer message = { .max = 1000 };
	struct txn *txn;

	if (!f->row->durable)
		return;
	f->row->close(f->engine);
	assert_int_equal(f->row->open(&options, &message, &f->engine), OK);
	put(f->engine, "a", "1");
	f->row->close(f->engine);
	f->engine = open_engine(f->row, f->folder, MAP_SIZE);
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_value(txn, "a", "1");
	txn_abort(txn);
}

/* Every row refuses its broken file with one line, and does not crash. */
static void
test_damage_is_refused(struct fixture *f)
{
	struct engine_options options = { .path = f->folder,
		.map_size = MAP_SIZE };
	struct buffer message = { .max = 1000 };
	struct engine *engine = NULL;
	char path[128];
	int fd;

	f->row->close(f->engine);
	f->engine = NULL;
	snprintf(path, sizeof(path), "%s/%s", f->folder,
	    f->row->durable ? "data.mdb" : "records");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(write(fd, "not an engine!!", 15), 15);
	close(fd);
	assert_int_equal(f->row->open(&options, &message, &engine), DAMAGED);
	assert_null(engine);
	assert_true(message.len > strlen(f->folder));
	buffer_done(&message);
}

/* A second process whose map is larger grows the file past ours. */
static void
test_other_process_grows_the_map(struct fixture *f)
{
	static char bytes[65536];
	struct txn *txn;
	int status, turn[2];
	pid_t child;

	if (!f->row->durable)
		return;
	f->row->close(f->engine);
	assert_int_equal(pipe(turn), 0);
	/* Before the engine is open: it has a thread, and fork copies one. */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct engine *engine;

		if (read(turn[0], bytes, 1) != 1)
			_exit(1);
		engine = open_engine(f->row, f->folder, MAP_SIZE);
		if (txn_begin_write(engine, &txn) != OK)
			_exit(1);
		for (int i = 0; i < 64; i++) {
			char key[16];

			snprintf(key, sizeof(key), "big%d", i);
			if (txn_put(txn, text_from(key),
				(struct text){ bytes, sizeof(bytes) }) != OK)
				_exit(1);
		}
		_exit(txn_commit(txn) == OK ? 0 : 1);
	}
	f->engine = open_engine(f->row, f->folder, 1 << 20);
	assert_int_equal(write(turn[1], "", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(turn[0]);
	close(turn[1]);
	put(f->engine, "mine", "1");
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_int_equal(bank_sum(txn), 1);
	txn_abort(txn);
}

static const struct engine_test tests[] = {
	{ "durable survives kill", test_durable_survives_kill },
	{ "relaxed works", test_relaxed_works },
	{ "damage is refused", test_damage_is_refused },
	{ "another process grows the map", test_other_process_grows_the_map },
};

int
main(void)
{
	return run_engine_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
