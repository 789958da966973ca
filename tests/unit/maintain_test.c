#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "server/base/clock.h"
#include "store/blobs.h"
#include "tests/unit/world.h"

/* A tree goes in and comes out the same; what was deleted goes in time. */
static void
test_import_and_export(void **unused)
{
	struct world world;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	assert_int_equal(number(&world, "files"), 606);
	assert_int_equal(number(&world, "folders"), 4);
	assert_int_equal(number(&world, "skipped"), 3);
	assert_int_equal(world.maintain.findings, 3);
	assert_verified(&world);
	/* Again: nothing to do. */
	assert_int_equal(transfer(&world, true), OK);
	assert_int_equal(number(&world, "files"), 0);
	assert_int_equal(number(&world, "present"), 606);
	/* One changed: only that one. */
	shell("printf new > '%s/sub/f7'%s", world.source, "");
	assert_int_equal(transfer(&world, true), OK);
	assert_int_equal(number(&world, "files"), 1);
	assert_verified(&world);
	assert_int_equal(transfer(&world, false), OK);
	assert_int_equal(number(&world, "files"), 606);
	clean_source(&world);
	shell("diff -r '%s' '%s'", world.source, world.out);
	shell("cd '%s' && find . -mindepth 1 -printf '%%p %%T@ %%s %%y\\n' | "
	      "sed 's/ [0-9]* d$/ d/' | sort > ../a && cd '%s' && find . "
	      "-mindepth 1 -printf '%%p %%T@ %%s %%y\\n' | "
	      "sed 's/ [0-9]* d$/ d/' | sort > ../b && diff ../a ../b",
	    world.source, world.out);
	assert_int_equal(transfer(&world, false), OK);
	assert_int_equal(number(&world, "present"), 606);
	world_end(&world);
}

static void
test_links_do_not_lead_out(void **unused)
{
	struct world world;
	struct stat status;

	(void)unused;
	world_begin(&world);
	shell("ln -s /etc '%s/sub/etc'%s", world.source, "");
	assert_int_equal(transfer(&world, true), OK);
	assert_int_equal(number(&world, "skipped"), 4);
	/* The same on the way out: a link in the target is not followed. */
	shell("mkdir '%s' && ln -s /tmp '%s/empty'", world.out, world.out);
	assert_int_equal(transfer(&world, false), OK);
	assert_int_equal(number(&world, "skipped"), 1);
	assert_int_equal(lstat(state_path(&world.state, "out/empty"), &status),
	    0);
	assert_true(S_ISLNK(status.st_mode));
	world_end(&world);
}

static void
test_gc_and_tidy(void **unused)
{
	static const char bytes[40000];
	struct blob_writer *writer;
	struct blob_ref ref;
	struct tidy_pace pace = { 0 };
	struct world world;
	bool more = true;
	struct stat status;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	/* As after a crash between rename and commit. */
	assert_int_equal(blob_writer_open(world.state.store, &writer), OK);
	assert_int_equal(blob_writer_write(writer,
			     (struct text){ bytes, sizeof(bytes) }),
	    OK);
	assert_int_equal(blob_writer_finish(writer, &ref), OK);
	report_begin(&world, false);
	assert_int_equal(store_gc(world.state.store, &world.maintain), OK);
	assert_int_equal(number(&world, "orphans"), 0); /* in flight */
	blob_writer_close(writer, true);
	assert_verified(&world);
	report_begin(&world, false);
	assert_int_equal(store_gc(world.state.store, &world.maintain), OK);
	assert_int_equal(number(&world, "orphans"), 1);
	assert_int_equal(stat(content_path(&world, ref.id), &status), -1);
	assert_int_equal(store_tidy(world.state.store, clock_wall_ns(), &pace,
			     &more),
	    OK);
	assert_false(more);
	report_begin(&world, false);
	assert_int_equal(store_stats(world.state.store, &world.maintain), OK);
	assert_int_equal(number(&world, "files"), 606);
	assert_int_equal(number(&world, "collections"), 5);
	assert_int_equal(number(&world, "trees"), 1);
	world_end(&world);
}

/* Four times all bytes a second: a quarter of one, at least. */
static void
test_scrub_keeps_its_rate(void **unused)
{
	struct world world;
	uint64_t bytes, begun_ns;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	report_begin(&world, false);
	assert_int_equal(store_scrub(world.state.store, &world.maintain), OK);
	bytes = (uint64_t)number(&world, "bytes");
	assert_true(bytes > 0);
	report_begin(&world, false);
	world.maintain.rate = 4 * bytes;
	begun_ns = clock_monotonic_ns();
	assert_int_equal(store_scrub(world.state.store, &world.maintain), OK);
	assert_true(clock_monotonic_ns() - begun_ns >= NS_PER_SECOND / 4 - 1);
	assert_int_equal((uint64_t)number(&world, "bytes"), bytes);
	world_end(&world);
}

struct deletion {
	struct world *world;
	const char *path;
};

static enum outcome
delete_path(struct txn *txn, void *context)
{
	const struct deletion *deletion = context;
	struct arena *arena = arena_new();
	struct trail trail;
	struct path path;
	enum outcome outcome = path_parse_decoded(arena,
	    text_from(deletion->path), &path);

	if (outcome == OK)
		outcome = trail_find(txn, arena, deletion->world->root, &path,
		    &trail);
	if (outcome == OK)
		outcome = tree_delete(txn, deletion->world->state.store, &trail,
		    &deletion->world->actor);
	arena_free(arena);
	return outcome;
}

/* Deleted, aged, reclaimed, unlinked: sound at every stop. */
static void
test_deleted_things_go(void **unused)
{
	const uint64_t year = UINT64_C(366) * 86400 * NS_PER_SECOND;
	struct deletion deletion;
	struct tidy_pace pace = { 0 };
	struct world world;
	bool more = true;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	deletion = (struct deletion){ &world, "/sub" };
	assert_int_equal(store_change(world.state.store, delete_path,
			     &deletion),
	    OK);
	assert_verified(&world);
	for (int i = 0; i < 50 && more; i++) {
		assert_int_equal(store_tidy(world.state.store,
				     clock_wall_ns() + year, &pace, &more),
		    OK);
		assert_verified(&world);
	}
	assert_false(more);
	report_begin(&world, false);
	assert_int_equal(store_gc(world.state.store, &world.maintain), OK);
	assert_int_equal(number(&world, "files"), 0); /* of blobs/ */
	report_begin(&world, false);
	assert_int_equal(store_stats(world.state.store, &world.maintain), OK);
	assert_int_equal(number(&world, "files"), 3);
	assert_int_equal(number(&world, "blob_file_bytes"), 0);
	assert_int_equal(number(&world, "trash_items"), 0);
	assert_verified(&world);
	world_end(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_import_and_export),
		cmocka_unit_test(test_links_do_not_lead_out),
		cmocka_unit_test(test_gc_and_tidy),
		cmocka_unit_test(test_scrub_keeps_its_rate),
		cmocka_unit_test(test_deleted_things_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
