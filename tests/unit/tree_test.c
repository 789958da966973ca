#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/keys.h"
#include "tests/unit/grove.h"

/* PUT, MKCOL, DELETE, MOVE: outcomes, what is kept, what is not written. */
static void
make_some(struct grove *grove)
{
	assert_ok(grove_mkcol(grove, "a"));
	assert_ok(grove_mkcol(grove, "a/b"));
	assert_ok(grove_put(grove, "a/b/file", "hello"));
	assert_ok(grove_put(grove, "a/other", "you"));
}

static void
test_refusals_write_nothing(void **state)
{
	struct grove grove;
	uint64_t writes;

	grove_begin(&grove, *state);
	make_some(&grove);
	writes = grove.txn->writes;
	assert_int_equal(grove_put(&grove, "a", "x"), EXISTS);
	assert_int_equal(grove_put(&grove, "a/no/file", "x"), CONFLICT);
	assert_int_equal(grove_put(&grove, "a/other/file", "x"), CONFLICT);
	assert_int_equal(grove_mkcol(&grove, "a"), EXISTS);
	assert_int_equal(grove_mkcol(&grove, "a/other"), EXISTS);
	assert_int_equal(grove_mkcol(&grove, "no/no"), CONFLICT);
	assert_int_equal(grove_delete(&grove, ""), CONFLICT);
	assert_int_equal(grove_delete(&grove, "no"), NOT_FOUND);
	assert_int_equal(grove_move(&grove, "", "a/x"), CONFLICT);
	assert_int_equal(grove_move(&grove, "no", "x"), NOT_FOUND);
	assert_int_equal(grove_move(&grove, "a", "a/b/x"), CONFLICT);
	assert_int_equal(grove_move(&grove, "a", "a/x"), CONFLICT);
	assert_int_equal(grove_move(&grove, "a/b", "a/other"), EXISTS);
	assert_int_equal(grove_move(&grove, "a/b", "a/other/x"), CONFLICT);
	assert_int_equal(grove.txn->writes, writes);
	grove_end(&grove);
}

static void
test_put_keeps_id_and_changes_etag(void **state)
{
	struct grove grove;
	struct node before, after;

	grove_begin(&grove, *state);
	make_some(&grove);
	before = grove_node(&grove, "a/b/file");
	assert_ok(grove_put(&grove, "a/b/file", "hello"));
	after = grove_node(&grove, "a/b/file");
	assert_int_equal(after.id, before.id);
	assert_true(after.etag != before.etag);
	assert_int_equal(after.tree_versions, 5);
	grove_expect(&grove, "a/b/file", "hello");
	grove_end(&grove);
}

static void
test_names_are_one_in_nfc(void **state)
{
	struct grove grove;
	struct node node;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "e\xcc\x81", "decomposed"));
	node = grove_node(&grove, "\xc3\xa9");
	assert_true(text_equal(node.key, TEXT("\xc3\xa9")));
	assert_true(text_equal(node.name, TEXT("e\xcc\x81")));
	assert_ok(grove_put(&grove, "\xc3\xa9", "composed"));
	assert_int_equal(grove_node(&grove, "").tree_count, 1);
	assert_ok(grove_move(&grove, "\xc3\xa9", "\xc3\xa9"));
	assert_true(text_equal(grove_node(&grove, "\xc3\xa9").name,
	    TEXT("\xc3\xa9")));
	grove_end(&grove);
}

static void
test_move_keeps_what_is_known_of_a_node(void **state)
{
	struct grove grove;
	struct node before, after;
	uint64_t writes;

	grove_begin(&grove, *state);
	make_some(&grove);
	assert_ok(grove_put(&grove, "a/b/file", "again"));
	before = grove_node(&grove, "a/b/file");
	writes = grove.txn->writes;
	assert_ok(grove_move(&grove, "a/b", "c"));
	/* One key, not the subtree. */
	assert_true(grove.txn->writes - writes < 12);
	after = grove_node(&grove, "c/file");
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.etag, before.etag);
	assert_int_equal(after.tree_versions, 5);
	assert_false(grove_has(&grove, "a/b"));
	grove_end(&grove);
}

static node_id
other_tree(struct grove *grove, user_id owner)
{
	struct node root;

	assert_ok(tree_create(grove->txn, grove->store, owner, &root));
	return root.id;
}

static enum outcome
move_to_tree(struct grove *grove, const char *from, node_id root,
    const char *name)
{
	struct trail source = grove_trail(grove, from);
	struct trail target = grove_trail_in(grove, root, "");

	return tree_move(grove->txn, grove->store, &source, &target,
	    text_from(name), TREE_MOVE_PLACE, &grove->actor);
}

static void
put_grant(struct grove *grove, node_id node)
{
	/* As auth/grant.c begins it: version, subject. */
	static const char record[] = "\1\5\0\0\0\0\0\0\0";
	struct key key;

	assert_ok(txn_put(grove->txn, key_pair(&key, KEY_GRANT, node, 9),
	    (struct text){ record, 9 }));
	assert_ok(txn_put(grove->txn, key_id(&key, KEY_GRANT_NODE, 9),
	    (struct text){ record, 9 }));
	assert_ok(txn_put(grove->txn, key_pair(&key, KEY_GRANT_SUBJECT, 5, 9),
	    (struct text){ record, 9 }));
}

static void
assert_no_grant(struct grove *grove, node_id node)
{
	struct key key;
	struct text value;

	assert_int_equal(txn_get(grove->txn, key_pair(&key, KEY_GRANT, node, 9),
			     &value),
	    NOT_FOUND);
	assert_int_equal(txn_get(grove->txn, key_id(&key, KEY_GRANT_NODE, 9),
			     &value),
	    NOT_FOUND);
	assert_int_equal(txn_get(grove->txn,
			     key_pair(&key, KEY_GRANT_SUBJECT, 5, 9), &value),
	    NOT_FOUND);
}

static void
test_move_between_trees(void **state)
{
	struct grove grove;
	struct node before, after;
	struct trash_item item;
	struct trail trail;
	node_id other;

	grove_begin(&grove, *state);
	other = other_tree(&grove, 88);
	make_some(&grove);
	assert_ok(grove_put(&grove, "a/b/file", "again"));
	before = grove_node(&grove, "a/b/file");
	trail = grove_trail(&grove, "a/b/file");
	put_grant(&grove, before.id);
	assert_ok(tree_set_flag(grove.txn, &trail, NODE_HAS_GRANTS, true));
	assert_ok(move_to_tree(&grove, "a", other, "moved"));
	assert_false(grove_has(&grove, "a"));
	after = *trail_last(&(struct trail){
	    .node = grove_trail_in(&grove, other, "moved/b/file").node,
	    .count = 4 });
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.etag, before.etag);
	assert_int_equal(after.tree, other);
	assert_int_equal(after.tree_versions, 5);
	assert_int_equal(after.flags & NODE_HAS_GRANTS, 0);
	assert_no_grant(&grove, before.id);
	item = grove_trash(&grove);
	assert_true(item.moved_out);
	assert_int_equal(item.count, 4);
	assert_int_equal(item.by, grove.actor.user);
	grove_check(&grove);
	assert_ok(trash_restore(grove.txn, grove.store, grove.root,
	    item.sequence, TEXT_NONE, &grove.actor));
	grove_expect(&grove, "a/b/file", "again");
	assert_int_equal(grove_node(&grove, "a").tree_versions, 5);
	grove_end(&grove);
}

static void
test_move_between_trees_is_bounded(void **state)
{
	struct grove grove;
	uint64_t writes;
	node_id other;

	grove_begin(&grove, *state);
	other = other_tree(&grove, 88);
	make_some(&grove);
	grove.state.conf->limits.tree_nodes = 3;
	writes = grove.txn->writes;
	assert_int_equal(move_to_tree(&grove, "a", other, "moved"), TOO_LARGE);
	assert_int_equal(grove.txn->writes, writes);
	grove.state.conf->limits.tree_nodes = 4;
	assert_ok(move_to_tree(&grove, "a", other, "moved"));
	grove_end(&grove);
}

static enum outcome
fold(struct grove *grove, const char *from, const char *onto)
{
	struct trail source = grove_trail(grove, from);
	struct trail target = grove_trail(grove, onto);

	return tree_move(grove->txn, grove->store, &source, &target,
	    trail_last(&target)->name, TREE_MOVE_FOLD, &grove->actor);
}

static void
test_fold_makes_a_version(void **state)
{
	struct grove grove;
	struct node before, after;

	grove_begin(&grove, *state);
	make_some(&grove);
	assert_ok(grove_put(&grove, "a/file.tmp", "safe-saved"));
	before = grove_node(&grove, "a/b/file");
	assert_ok(fold(&grove, "a/file.tmp", "a/b/file"));
	after = grove_node(&grove, "a/b/file");
	assert_int_equal(after.id, before.id);
	assert_true(after.etag != before.etag);
	assert_int_equal(after.tree_versions, 5);
	grove_expect(&grove, "a/b/file", "safe-saved");
	assert_false(grove_has(&grove, "a/file.tmp"));
	assert_int_equal(fold(&grove, "a/b/file", "a/b/file"), CONFLICT);
	assert_int_equal(fold(&grove, "a/b", "a/other"), CONFLICT);
	grove_end(&grove);
}

/* "d/d/d": `levels` of them. */
static void
deep_path(char *path, size_t levels)
{
	for (size_t i = 0; i < levels; i++)
		memcpy(path + 2 * i, "d/", 2);
	path[2 * levels - 1] = '\0';
}

static void
test_levels_are_bounded(void **state)
{
	struct grove grove;
	char path[2 * PATH_LEVELS_MAX + 8];
	uint64_t writes;

	grove_begin(&grove, *state);
	for (size_t i = 1; i < PATH_LEVELS_MAX; i++) {
		deep_path(path, i);
		assert_ok(grove_mkcol(&grove, path));
	}
	deep_path(path, PATH_LEVELS_MAX);
	assert_ok(grove_put(&grove, path, "at the limit"));
	assert_ok(grove_delete(&grove, path));
	assert_ok(grove_mkcol(&grove, path));
	/* One more level, by a cell that stands on a folder. */
	writes = grove.txn->writes;
	assert_int_equal(grove_put_in(&grove, grove_node(&grove, path).id,
			     "past", "x"),
	    TOO_LARGE);
	assert_int_equal(grove.txn->writes, writes);
	assert_ok(grove_mkcol(&grove, "box"));
	writes = grove.txn->writes;
	assert_int_equal(grove_move(&grove, "d", "box/d"), TOO_LARGE);
	assert_int_equal(grove.txn->writes, writes);
	assert_int_equal(grove_copy(&grove, "d", "box/d"), TOO_LARGE);
	/* What is counted once more: the bound does not shrink. */
	assert_ok(grove_delete(&grove, path));
	assert_ok(grove_move(&grove, "d", "box/d"));
	grove_reclaim(&grove);
	grove_end(&grove);
}

static void
test_times_and_flags_without_change_write_nothing(void **state)
{
	struct grove grove;
	struct trail trail;
	struct node before;
	uint64_t writes;

	grove_begin(&grove, *state);
	make_some(&grove);
	trail = grove_trail(&grove, "a/b/file");
	before = grove_node(&grove, "a");
	writes = grove.txn->writes;
	assert_ok(tree_set_times(grove.txn, &trail, &grove.actor, 0, 0));
	assert_ok(tree_set_flag(grove.txn, &trail, NODE_HAS_LOCKS, false));
	assert_int_equal(grove.txn->writes, writes);
	assert_ok(tree_set_times(grove.txn, &trail, &grove.actor, 5, 6));
	assert_int_equal(grove_node(&grove, "a/b/file").created_ns, 5);
	assert_int_equal(grove_node(&grove, "a/b/file").modified_ns, 6);
	assert_true(grove_node(&grove, "a").tree_etag != before.tree_etag);
	before = grove_node(&grove, "a");
	assert_ok(tree_set_flag(grove.txn, &trail, NODE_HAS_GRANTS, true));
	assert_int_equal(grove_node(&grove, "a").tree_etag, before.tree_etag);
	assert_int_equal(grove_node(&grove, "").tree_grants, 1);
	grove_end(&grove);
}

static void
test_deleted_grants_rest_and_return(void **state)
{
	struct grove grove;
	struct trail trail;

	grove_begin(&grove, *state);
	make_some(&grove);
	trail = grove_trail(&grove, "a/b/file");
	assert_ok(tree_set_flag(grove.txn, &trail, NODE_HAS_GRANTS, true));
	assert_ok(grove_delete(&grove, "a/b"));
	assert_int_equal(grove_node(&grove, "").tree_grants, 0);
	assert_int_equal(trail_find_id(grove.txn, grove.arena,
			     trail_last(&trail)->id, &trail),
	    NOT_FOUND);
	assert_ok(trash_restore(grove.txn, grove.store, grove.root,
	    grove_trash(&grove).sequence, TEXT_NONE, &grove.actor));
	assert_int_equal(grove_node(&grove, "").tree_grants, 1);
	grove_end(&grove);
}

static void
test_reclaim_keeps_to_its_budget(void **state)
{
	struct grove grove;
	bool more = true;
	size_t items, rounds = 0;
	node_id id;
	struct node node;

	grove_begin(&grove, *state);
	make_some(&grove);
	id = grove_node(&grove, "a/b/file").id;
	put_grant(&grove, id);
	assert_ok(tree_set_flag(grove.txn,
	    &(struct trail){ grove_trail(&grove, "a/b/file").node, 4, 0, 0 },
	    NODE_HAS_GRANTS, true));
	assert_ok(grove_delete(&grove, "a"));
	assert_ok(trash_empty(grove.txn, grove.store, grove.root, UINT64_MAX,
	    &items));
	assert_int_equal(items, 1);
	while (more) {
		assert_ok(tree_reclaim(grove.txn, grove.store, 1, &more));
		grove_check(&grove);
		assert_true(++rounds < 20);
	}
	assert_true(rounds >= 4);
	assert_int_equal(node_find_id(grove.txn, id, &node), NOT_FOUND);
	assert_no_grant(&grove, id);
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GROVE_TEST(test_refusals_write_nothing),
		GROVE_TEST(test_put_keeps_id_and_changes_etag),
		GROVE_TEST(test_names_are_one_in_nfc),
		GROVE_TEST(test_move_keeps_what_is_known_of_a_node),
		GROVE_TEST(test_move_between_trees),
		GROVE_TEST(test_move_between_trees_is_bounded),
		GROVE_TEST(test_fold_makes_a_version),
		GROVE_TEST(test_levels_are_bounded),
		GROVE_TEST(test_times_and_flags_without_change_write_nothing),
		GROVE_TEST(test_deleted_grants_rest_and_return),
		GROVE_TEST(test_reclaim_keeps_to_its_budget)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
