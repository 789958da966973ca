#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/memory.h"
#include "store/change.h"
#include "store/reserve.h"
#include "tests/unit/state.h"

/*
 * The committer where there is no space: a real disk that is full (a small
 * tmpfs, where the user may mount one), and a full map.
 */
static struct engine *
open_lmdb(const char *folder, uint64_t size)
{
	struct engine_options options = { .path = folder, .map_size = size };
	struct buffer message = { .max = 1000 };
	struct engine *engine = NULL;

	assert_int_equal(engine_row_find("lmdb")->open(&options, &message,
			     &engine),
	    OK);
	buffer_done(&message);
	return engine;
}

/* Fills what is left of the file system below `folder`. */
static void
fill_disk(const char *folder, const char *name)
{
	static char bytes[4096];
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	setvbuf(file, NULL, _IONBF, 0);
	while (fwrite(bytes, 1, sizeof(bytes), file) == sizeof(bytes))
		continue;
	fclose(file);
}

struct sized_change {
	struct change change;
	size_t size;
};

static enum outcome
sized_run(struct txn *txn, struct change *change)
{
	size_t size = ((struct sized_change *)change)->size;
	char *bytes = memory_alloc(size);
	enum outcome outcome = txn_put(txn, TEXT("big"),
	    (struct text){ bytes, size });

	free(bytes);
	return outcome;
}

static void
run_sized(struct committer *committer, size_t size, bool frees,
    enum outcome expected) ON_WORKER;

static void
run_sized(struct committer *committer, size_t size, bool frees,
    enum outcome expected)
{
	struct sized_change change = {
		.change = { .run = sized_run, .frees = frees }, .size = size
	};

	assert_int_equal(change_run(committer, &change.change), expected);
}

static void
on_full_disk(const char *folder) ON_WORKER;

static void
on_full_disk(const char *folder)
{
	char engine_path[64], reserve[64], filler[64];
	struct committer *committer;
	struct engine *engine;
	struct stat status;

	snprintf(engine_path, sizeof(engine_path), "%s/engine", folder);
	snprintf(reserve, sizeof(reserve), "%s/reserve", folder);
	assert_int_equal(mkdir(engine_path, 0700), 0);
	engine = open_lmdb(engine_path, 1 << 30);
	assert_int_equal(reserve_resize(reserve, 1 << 20), OK);
	assert_int_equal(committer_start(engine, 8, reserve, &committer), OK);
	run_sized(committer, 1000, false, OK);
	assert_int_equal(stat(reserve, &status), 0);
	assert_true(status.st_blocks * 512 >= 1 << 20);
	fill_disk(folder, "filler");
	run_sized(committer, 300000, false, NO_SPACE);
	/* What frees gets the reserve; the others are still refused. */
	run_sized(committer, 300000, true, OK);
	run_sized(committer, 10, false, NO_SPACE);
	run_sized(committer, 20, true, OK);
	/* Space is back: the reserve is taken, everybody goes on. */
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	assert_int_equal(unlink(filler), 0);
	run_sized(committer, 30, true, OK);
	run_sized(committer, 40, false, OK);
	assert_int_equal(stat(reserve, &status), 0);
	assert_true(status.st_blocks * 512 >= 1 << 20);
	assert_false(committer_is_degraded(committer));
	committer_stop(committer);
	engine->row->close(engine);
}

static void
test_full_disk(void **state)
{
	char folder[] = "/tmp/reserve_test.XXXXXX";

	(void)state;
	thread_enter_worker();
	assert_non_null(mkdtemp(folder));
	if (mount("tmpfs", folder, "tmpfs", 0, "size=4m") != 0) {
		rmdir(folder);
		print_message("SKIPPED: this user may not mount a tmpfs\n");
		skip();
	}
	on_full_disk(folder);
	assert_int_equal(umount2(folder, MNT_DETACH), 0);
	rmdir(folder);
}

static void
test_full_map(void **state)
{
	char folder[] = "/tmp/reserve_test.XXXXXX";
	struct committer *committer;
	struct engine *engine;

	(void)state;
	thread_enter_worker();
	assert_non_null(mkdtemp(folder));
	engine = open_lmdb(folder, 1 << 20);
	assert_int_equal(committer_start(engine, 8, NULL, &committer), OK);
	run_sized(committer, 700000, false, OK);
	run_sized(committer, 800000, false, NO_SPACE);
	run_sized(committer, 800000, true, OK);
	run_sized(committer, 100, false, OK);
	committer_stop(committer);
	engine->row->close(engine);
	remove_tree(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_full_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
