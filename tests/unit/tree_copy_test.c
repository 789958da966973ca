#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/tree_change.h"
#include "tests/unit/grove.h"

/* COPY: what is copied, slices, undone transactions, crashes. */
enum { MANY = COPY_SLICE + 500 };

static void
make_many(struct grove *grove)
{
	char path[32];

	assert_ok(grove_mkcol(grove, "many"));
	assert_ok(grove_mkcol(grove, "many/sub"));
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "many/%s%d",
		    i % 2 == 0 ? "sub/" : "", i);
		assert_ok(grove_put(grove, path, i < 3 ? "bytes" : ""));
	}
	grove_commit(grove);
}

static struct tree_copy
copy_begin(struct grove *grove, struct trail *source)
{
	return (struct tree_copy){ .source = trail_last(source),
		.arena = grove->arena,
		.actor = grove->actor };
}

static enum outcome
slice(struct grove *grove, struct tree_copy *copy)
{
	return tree_copy_slice(grove->txn, grove->store, copy);
}

static enum outcome
publish(struct grove *grove, struct tree_copy *copy, const char *name)
{
	struct trail target = grove_trail(grove, "");
	struct node node;

	return tree_copy_publish(grove->txn, grove->store, copy, &target,
	    text_from(name), &node);
}

static void
set_property(struct grove *grove, const char *path, const char *value)
{
	struct dead_property property = { TEXT("urn:x"), TEXT("p"),
		text_from(value) };
	struct dead_properties all = { &property, 1 };
	struct trail trail = grove_trail(grove, path);

	assert_ok(property_write(grove->txn, grove->state.conf,
	    trail_last(&trail)->id, &all));
	assert_ok(tree_set_flag(grove->txn, &trail, NODE_HAS_PROPERTIES, true));
}

static void
test_what_is_copied(void **state)
{
	struct grove grove;
	struct dead_properties all;
	struct node from, onto;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_put(&grove, "a/file", "old"));
	assert_ok(grove_put(&grove, "a/file", "new"));
	set_property(&grove, "a/file", "value");
	assert_ok(grove_copy(&grove, "a", "b"));
	from = grove_node(&grove, "a/file");
	onto = grove_node(&grove, "b/file");
	assert_int_not_equal(onto.id, from.id);
	assert_int_not_equal(onto.etag, from.etag);
	assert_int_equal(onto.blob, from.blob);
	assert_int_equal(onto.tree_versions, 0);
	assert_int_equal(onto.flags, NODE_HAS_PROPERTIES);
	assert_true(text_equal(onto.media, from.media));
	assert_ok(property_read(grove.txn, grove.arena, onto.id, &all));
	assert_int_equal(all.count, 1);
	assert_true(text_equal(all.property[0].value, TEXT("value")));
	assert_int_not_equal(grove_node(&grove, "a").tree_etag,
	    grove_node(&grove, "b").tree_etag);
	grove_end(&grove);
}

static enum copy_answer
skip_sub(struct txn *txn, const struct node *node, void *context)
{
	(void)txn;
	(void)context;
	return text_equal(node->key, TEXT("sub")) ? COPY_SKIP : COPY_TAKE;
}

static void
test_shallow_and_filter(void **state)
{
	struct grove grove;
	struct trail source;
	struct tree_copy copy;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_mkcol(&grove, "a/sub"));
	assert_ok(grove_put(&grove, "a/sub/x", "x"));
	assert_ok(grove_put(&grove, "a/y", "y"));
	source = grove_trail(&grove, "a");
	copy = copy_begin(&grove, &source);
	copy.shallow = true;
	assert_ok(slice(&grove, &copy));
	assert_true(copy.complete);
	assert_ok(publish(&grove, &copy, "shallow"));
	assert_int_equal(grove_node(&grove, "shallow").tree_count, 0);
	copy = copy_begin(&grove, &source);
	copy.filter = skip_sub;
	assert_ok(slice(&grove, &copy));
	assert_ok(publish(&grove, &copy, "filtered"));
	assert_true(grove_has(&grove, "filtered/y"));
	assert_false(grove_has(&grove, "filtered/sub"));
	grove_end(&grove);
}

static void
test_slices_show_nothing_before_publish(void **state)
{
	struct grove grove;
	struct trail source;
	struct tree_copy copy;
	struct node before;

	grove_begin(&grove, *state);
	make_many(&grove);
	before = grove_node(&grove, "");
	source = grove_trail(&grove, "many");
	copy = copy_begin(&grove, &source);
	assert_ok(slice(&grove, &copy));
	assert_false(copy.complete);
	assert_in_range(copy.nodes, COPY_SLICE, COPY_SLICE + 1);
	assert_int_equal(publish(&grove, &copy, "copy"), BUSY);
	grove_check(&grove);
	grove_commit(&grove);
	assert_int_equal(grove_node(&grove, "").tree_etag, before.tree_etag);
	assert_int_equal(grove_node(&grove, "").tree_count, MANY + 2);
	assert_ok(slice(&grove, &copy));
	assert_true(copy.complete);
	assert_ok(publish(&grove, &copy, "copy"));
	assert_int_equal(grove_node(&grove, "").tree_count, 2 * (MANY + 2));
	assert_int_equal(grove_node(&grove, "copy").tree_size, 15);
	grove_end(&grove);
}

/* Each slice is run, undone, and run again, as the committer may. */
static void
test_slices_run_again(void **state)
{
	struct grove grove;
	struct trail source;
	struct tree_copy copy;

	grove_begin(&grove, *state);
	make_many(&grove);
	source = grove_trail(&grove, "many");
	copy = copy_begin(&grove, &source);
	assert_ok(slice(&grove, &copy));
	grove_rollback(&grove);
	assert_ok(slice(&grove, &copy));
	assert_in_range(copy.nodes, COPY_SLICE, COPY_SLICE + 1);
	grove_commit(&grove);
	assert_ok(slice(&grove, &copy));
	assert_ok(publish(&grove, &copy, "copy"));
	grove_rollback(&grove);
	assert_false(grove_has(&grove, "copy"));
	assert_ok(slice(&grove, &copy));
	assert_true(copy.complete);
	assert_ok(publish(&grove, &copy, "copy"));
	assert_int_equal(grove_node(&grove, "copy").tree_count, MANY + 1);
	grove_check(&grove);
	/* And both slices in one transaction that is undone. */
	copy = copy_begin(&grove, &source);
	grove_commit(&grove);
	assert_ok(slice(&grove, &copy));
	assert_ok(slice(&grove, &copy));
	grove_rollback(&grove);
	copy.complete = false;
	while (!copy.complete)
		assert_ok(slice(&grove, &copy));
	assert_ok(publish(&grove, &copy, "third"));
	assert_int_equal(grove_node(&grove, "third").tree_count, MANY + 1);
	grove_end(&grove);
}

/* A copy under way is left alone; one that a crash ended is freed. */
static void
test_reclaimer_and_lease(void **state)
{
	struct grove grove;
	struct trail source;
	struct tree_copy copy;
	struct reclaim reclaim;
	struct node node;
	bool more;

	grove_begin(&grove, *state);
	make_many(&grove);
	source = grove_trail(&grove, "many");
	copy = copy_begin(&grove, &source);
	assert_ok(slice(&grove, &copy));
	assert_ok(tree_reclaim(grove.txn, grove.store, SIZE_MAX, &more));
	assert_ok(node_find_id(grove.txn, copy.staged, &node));
	/* The entry's key is given just before the hidden parent's id. */
	assert_ok(reclaim_find(grove.txn, copy.hidden - 1, &reclaim));
	assert_int_equal(reclaim.id, copy.hidden);
	reclaim.not_before_ns = 1;
	assert_ok(reclaim_store(grove.txn, &reclaim));
	assert_ok(tree_reclaim(grove.txn, grove.store, 10, &more));
	assert_true(more);
	assert_int_equal(publish(&grove, &copy, "copy"), BUSY);
	grove_reclaim(&grove);
	assert_int_equal(node_find_id(grove.txn, copy.staged, &node),
	    NOT_FOUND);
	/* It begins anew, and what was half is not in it. */
	copy.complete = false;
	while (!copy.complete)
		assert_ok(slice(&grove, &copy));
	assert_ok(publish(&grove, &copy, "copy"));
	assert_int_equal(grove_node(&grove, "copy").tree_count, MANY + 1);
	grove_end(&grove);
}

static void
test_discard_and_limits(void **state)
{
	struct grove grove;
	struct trail source;
	struct tree_copy copy;
	struct node node;
	uint64_t writes;

	grove_begin(&grove, *state);
	make_many(&grove);
	source = grove_trail(&grove, "many");
	copy = copy_begin(&grove, &source);
	assert_ok(slice(&grove, &copy));
	assert_ok(tree_copy_discard(grove.txn, grove.store, &copy));
	grove_reclaim(&grove);
	assert_int_equal(node_find_id(grove.txn, copy.staged, &node),
	    NOT_FOUND);
	copy = copy_begin(&grove, &source);
	copy.nodes_max = MANY + 1;
	writes = grove.txn->writes;
	assert_int_equal(slice(&grove, &copy), TOO_LARGE);
	assert_int_equal(grove.txn->writes, writes);
	copy.nodes_max = MANY + 2;
	copy.tree = grove.root;
	assert_ok(quota_set_user(grove.txn, grove.actor.user, 25));
	assert_ok(grove_put(&grove, "fill", "123456"));
	writes = grove.txn->writes;
	assert_int_equal(slice(&grove, &copy), NO_SPACE);
	assert_int_equal(grove.txn->writes, writes);
	grove_end(&grove);
}

static void
test_copy_to_another_tree(void **state)
{
	struct grove grove;
	struct trail source, target;
	struct tree_copy copy;
	struct node root, node;

	grove_begin(&grove, *state);
	assert_ok(tree_create(grove.txn, grove.store, 88, &root));
	node_hold(grove.arena, &root);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_put(&grove, "a/file", "shared"));
	source = grove_trail(&grove, "a");
	target = grove_trail_in(&grove, root.id, "");
	for (int announced = 0; announced < 2; announced++) {
		copy = copy_begin(&grove, &source);
		copy.tree = announced ? root.id : 0;
		assert_ok(slice(&grove, &copy));
		assert_ok(tree_copy_publish(grove.txn, grove.store, &copy,
		    &target, announced ? TEXT("x") : TEXT("y"), &node));
		assert_int_equal(node.tree, root.id);
	}
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { GROVE_TEST(test_what_is_copied),
		GROVE_TEST(test_shallow_and_filter),
		GROVE_TEST(test_slices_show_nothing_before_publish),
		GROVE_TEST(test_slices_run_again),
		GROVE_TEST(test_reclaimer_and_lease),
		GROVE_TEST(test_discard_and_limits),
		GROVE_TEST(test_copy_to_another_tree) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
