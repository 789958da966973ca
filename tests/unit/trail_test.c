#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/grove.h"

/* From roots and ids to trails. */
static void
test_missing_counts_segments(void **state)
{
	struct grove grove;
	struct trail trail;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_put(&grove, "a/file", "x"));
	trail = grove_trail(&grove, "");
	assert_int_equal(trail.count, 1);
	assert_int_equal(trail.base, 0);
	assert_int_equal(trail.missing, 0);
	trail = grove_trail(&grove, "a/file");
	assert_int_equal(trail.count, 3);
	assert_int_equal(trail.missing, 0);
	assert_int_equal(grove_trail(&grove, "a/new").missing, 1);
	assert_int_equal(grove_trail(&grove, "b/c/d").missing, 3);
	trail = grove_trail(&grove, "a/file/below");
	assert_int_equal(trail.missing, 1);
	assert_int_equal(trail_last(&trail)->kind, NODE_FILE);
	grove_end(&grove);
}

static void
test_base_of_a_folder(void **state)
{
	struct grove grove;
	struct trail trail;
	node_id folder;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_mkcol(&grove, "a/b"));
	assert_ok(grove_put(&grove, "a/b/file", "x"));
	folder = grove_node(&grove, "a/b").id;
	trail = grove_trail_in(&grove, folder, "file");
	assert_int_equal(trail.count, 4);
	assert_int_equal(trail.base, 2);
	assert_int_equal(trail.node[0].id, grove.root);
	assert_int_equal(trail.node[2].id, folder);
	grove_end(&grove);
}

static void
test_trails_outlive_writes(void **state)
{
	struct grove grove;
	struct trail trail;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "folder"));
	assert_ok(grove_put(&grove, "folder/file", "x"));
	trail = grove_trail(&grove, "folder/file");
	assert_ok(grove_delete(&grove, "folder"));
	grove_reclaim(&grove);
	assert_true(text_equal(trail.node[1].name, TEXT("folder")));
	assert_true(text_equal(trail.node[2].media, TEXT("text/plain")));
	grove_end(&grove);
}

static void
test_by_id(void **state)
{
	struct grove grove;
	struct trail trail;
	node_id id;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_put(&grove, "a/file", "x"));
	id = grove_node(&grove, "a/file").id;
	assert_ok(trail_find_id(grove.txn, grove.arena, id, &trail));
	assert_int_equal(trail.count, 3);
	assert_int_equal(trail.base, 2);
	assert_ok(grove_move(&grove, "a", "b"));
	assert_ok(trail_find_id(grove.txn, grove.arena, id, &trail));
	assert_true(text_equal(trail.node[1].name, TEXT("b")));
	assert_ok(grove_delete(&grove, "b"));
	assert_int_equal(trail_find_id(grove.txn, grove.arena, id, &trail),
	    NOT_FOUND);
	assert_int_equal(trail_find_id(grove.txn, grove.arena, 12345, &trail),
	    NOT_FOUND);
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GROVE_TEST(test_missing_counts_segments),
		GROVE_TEST(test_base_of_a_folder),
		GROVE_TEST(test_trails_outlive_writes), GROVE_TEST(test_by_id)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
