#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/keys.h"
#include "tests/unit/grove.h"

static enum outcome
create(struct grove *grove, const char *slug, node_id root)
{
	struct cell cell = { .slug = text_from(slug),
		.root = root,
		.owner = grove->actor.user,
		.title = TEXT("Title") };

	return cell_create(grove->txn, grove->store, &cell);
}

static struct cell
find(struct grove *grove, const char *slug)
{
	struct cell cell = { .id = 0 };

	assert_ok(cell_find(grove->txn, text_from(slug), &cell));
	return cell;
}

static void
test_slugs(void **state)
{
	char long_slug[CELL_SLUG_MAX + 2];

	(void)state;
	assert_true(cell_slug_valid(TEXT("a")));
	assert_true(cell_slug_valid(TEXT("0-9z")));
	assert_false(cell_slug_valid(TEXT("")));
	assert_false(cell_slug_valid(TEXT("-a")));
	assert_false(cell_slug_valid(TEXT("A")));
	assert_false(cell_slug_valid(TEXT("a_b")));
	assert_false(cell_slug_valid(TEXT("~1")));
	assert_false(cell_slug_valid(TEXT("my-files")));
	memset(long_slug, 'a', sizeof(long_slug));
	assert_true(cell_slug_valid((struct text){ long_slug, CELL_SLUG_MAX }));
	assert_false(cell_slug_valid((struct text){
	    long_slug, CELL_SLUG_MAX + 1 }));
}

static void
test_create_and_find(void **state)
{
	struct grove grove;
	struct cell cell, by_root;
	uint64_t writes;

	grove_begin(&grove, *state);
	assert_ok(create(&grove, "docs", 0));
	cell = find(&grove, "docs");
	assert_true(cell.own_tree && cell.id != 0 && cell.created_ns != 0);
	assert_true(text_equal(cell.title, TEXT("Title")));
	assert_ok(cell_find_root(grove.txn, cell.root, &by_root));
	assert_true(text_equal(by_root.slug, TEXT("docs")));
	assert_ok(grove_put_in(&grove, cell.root, "file", "x"));
	writes = grove.txn->writes;
	assert_int_equal(create(&grove, "docs", 0), EXISTS);
	assert_int_equal(create(&grove, "No", 0), BAD_INPUT);
	assert_int_equal(create(&grove, "other", cell.root), CONFLICT);
	assert_int_equal(create(&grove, "other", 12345), CONFLICT);
	assert_int_equal(grove.txn->writes, writes);
	assert_int_equal(cell_find(grove.txn, TEXT("no"), &cell), NOT_FOUND);
	grove_end(&grove);
}

static void
test_own_cell_is_made_once(void **state)
{
	struct grove grove;
	struct cell one, two;

	grove_begin(&grove, *state);
	assert_int_equal(cell_find_own(grove.txn, 255, &one), NOT_FOUND);
	assert_ok(cell_make_own(grove.txn, grove.store, 255, &one));
	assert_true(text_equal(one.slug, TEXT("~ff")));
	assert_int_equal(one.owner, 255);
	assert_ok(cell_make_own(grove.txn, grove.store, 255, &two));
	assert_int_equal(one.root, two.root);
	grove_end(&grove);
}

static bool
take_slug(const struct cell *cell, void *context)
{
	char *slugs = context;
	size_t len = strlen(slugs);

	snprintf(slugs + len, 64 - len, "%.*s ", TEXT_ARGS(cell->slug));
	return true;
}

static void
test_each_leaves_own_cells_out(void **state)
{
	struct grove grove;
	struct cell own;
	char slugs[64] = "";

	grove_begin(&grove, *state);
	assert_ok(create(&grove, "z", 0));
	assert_ok(cell_make_own(grove.txn, grove.store, 7, &own));
	assert_ok(create(&grove, "a", 0));
	assert_ok(cell_each(grove.txn, take_slug, slugs));
	assert_string_equal(slugs, "a z ");
	grove_end(&grove);
}

static void
test_update_moves_the_use(void **state)
{
	struct grove grove;
	struct cell cell;
	struct quota quota;

	grove_begin(&grove, *state);
	assert_ok(create(&grove, "docs", 0));
	cell = find(&grove, "docs");
	assert_ok(grove_put_in(&grove, cell.root, "file", "12345"));
	cell = find(&grove, "docs");
	cell.owner = 99;
	cell.quota = 6;
	cell.title = TEXT("New");
	assert_ok(cell_update(grove.txn, &cell));
	assert_ok(quota_of_user(grove.txn, 99, &quota));
	assert_int_equal(quota.used, 5);
	assert_int_equal(grove_put_in(&grove, cell.root, "g", "12"), NO_SPACE);
	assert_true(text_equal(find(&grove, "docs").title, TEXT("New")));
	grove_end(&grove);
}

static size_t
keys_of(struct grove *grove, enum key_kind kind)
{
	struct cursor *cursor;
	struct key key;
	size_t count = 0;
	enum outcome outcome;

	assert_ok(cursor_open(grove->txn, &cursor));
	outcome = cursor_seek(cursor, key_text(&key, kind, TEXT_NONE));
	while (outcome == OK && cursor->key.ptr[0] == (char)kind) {
		count++;
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return count;
}

static void
test_remove_frees_everything(void **state)
{
	struct grove grove;
	struct cell cell;
	struct trail trail;
	node_id folder;
	struct node node;

	grove_begin(&grove, *state);
	assert_ok(create(&grove, "docs", 0));
	cell = find(&grove, "docs");
	assert_ok(grove_put_in(&grove, cell.root, "f", "1"));
	assert_ok(grove_put_in(&grove, cell.root, "f", "2"));
	trail = grove_trail_in(&grove, cell.root, "f");
	assert_ok(tree_delete(grove.txn, grove.store, &trail, &grove.actor));
	trail = grove_trail_in(&grove, cell.root, "folder");
	assert_ok(tree_mkcol(grove.txn, grove.store, &trail, TEXT("folder"),
	    &grove.actor, &node));
	folder = node.id;
	assert_ok(create(&grove, "inner", folder));
	assert_ok(cell_remove(grove.txn, grove.store, TEXT("docs")));
	assert_int_equal(trail_find_id(grove.txn, grove.arena, folder, &trail),
	    NOT_FOUND);
	grove_reclaim(&grove);
	assert_int_equal(cell_find(grove.txn, TEXT("inner"), &cell), NOT_FOUND);
	assert_int_equal(keys_of(&grove, KEY_TREE), 1);
	assert_int_equal(keys_of(&grove, KEY_NODE), 1);
	assert_int_equal(keys_of(&grove, KEY_LOG), 0);
	assert_int_equal(keys_of(&grove, KEY_TRASH), 0);
	assert_int_equal(keys_of(&grove, KEY_BLOB), 0);
	assert_int_equal(keys_of(&grove, KEY_VERSION), 0);
	assert_int_equal(keys_of(&grove, KEY_RECLAIM), 0);
	assert_int_equal(keys_of(&grove, KEY_CELL_ROOT), 0);
	grove_end(&grove);
}

static void
test_remove_leaves_the_folder(void **state)
{
	struct grove grove;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_put(&grove, "a/f", "x"));
	assert_ok(create(&grove, "inner", grove_node(&grove, "a").id));
	assert_true((grove_node(&grove, "a").flags & NODE_IS_CELL_ROOT) != 0);
	assert_int_equal(create(&grove, "again", grove_node(&grove, "a").id),
	    CONFLICT);
	assert_ok(cell_remove(grove.txn, grove.store, TEXT("inner")));
	assert_int_equal(grove_node(&grove, "a").flags, 0);
	grove_expect(&grove, "a/f", "x");
	assert_int_equal(cell_remove(grove.txn, grove.store, TEXT("inner")),
	    NOT_FOUND);
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_slugs),
		GROVE_TEST(test_create_and_find),
		GROVE_TEST(test_own_cell_is_made_once),
		GROVE_TEST(test_each_leaves_own_cells_out),
		GROVE_TEST(test_update_moves_the_use),
		GROVE_TEST(test_remove_frees_everything),
		GROVE_TEST(test_remove_leaves_the_folder) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
