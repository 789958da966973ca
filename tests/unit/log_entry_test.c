#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/keys.h"
#include "tests/unit/grove.h"

/* The change log: one entry a node, tombstones, arrivals, pruning. */
struct lines {
	char text[256];
	struct grove *grove;
};

static bool
take(const struct log_entry *entry, void *context)
{
	static const char letter[] = { ' ', 'c', 'a', 'r', 'g' };
	struct lines *lines = context;
	size_t len = strlen(lines->text);
	struct node node;
	struct text name = entry->name;

	assert_true((entry->kind == LOG_RIGHTS) == (entry->subject != 0));
	if (entry->kind == LOG_CHANGED || entry->kind == LOG_ARRIVED) {
		assert_ok(node_find_id(lines->grove->txn, entry->node, &node));
		name = node.name;
	}
	snprintf(lines->text + len, sizeof(lines->text) - len, "%c:%.*s%s ",
	    letter[entry->kind], TEXT_ARGS(name), entry->collection ? "/" : "");
	return true;
}

static uint64_t
now(struct grove *grove)
{
	struct tree tree;

	assert_ok(tree_get(grove->txn, grove->root, &tree));
	return tree.sequence;
}

static void
expect_log(struct grove *grove, uint64_t after, const char *expected)
{
	struct lines lines = { .grove = grove };

	assert_ok(log_each(grove->txn, grove->root, after, take, &lines));
	assert_string_equal(lines.text, expected);
}

/* Format 1 has no newest tombstone: anything may be one. */
static void
test_newest_tombstone(void **state)
{
	struct grove grove;
	struct tree tree;
	struct key key;
	struct text value;
	char old[128];

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "a", "x"));
	assert_ok(tree_get(grove.txn, grove.root, &tree));
	assert_int_equal(tree.tombstone, 0);
	assert_ok(grove_delete(&grove, "a"));
	assert_ok(grove_put(&grove, "b", "x"));
	assert_ok(tree_get(grove.txn, grove.root, &tree));
	assert_int_equal(tree.tombstone, tree.sequence - 1);
	assert_ok(txn_get(grove.txn, key_id(&key, KEY_TREE, grove.root),
	    &value));
	assert_true(value.len <= sizeof(old));
	memcpy(old, value.ptr, value.len);
	value = (struct text){ old, value.len - sizeof(uint64_t) };
	old[0] = 1;
	assert_ok(txn_put(grove.txn, key_id(&key, KEY_TREE, grove.root),
	    value));
	assert_ok(tree_get(grove.txn, grove.root, &tree));
	assert_int_equal(tree.tombstone, tree.sequence);
	grove_end(&grove);
}

static void
test_one_entry_a_node(void **state)
{
	struct grove grove;
	uint64_t start;

	grove_begin(&grove, *state);
	start = now(&grove);
	assert_ok(grove_put(&grove, "a", "1"));
	assert_ok(grove_put(&grove, "b", "1"));
	assert_ok(grove_put(&grove, "a", "2"));
	expect_log(&grove, start, "c:b c:a ");
	expect_log(&grove, now(&grove) - 1, "c:a ");
	expect_log(&grove, now(&grove), "");
	grove_end(&grove);
}

static void
test_tombstones_and_arrivals(void **state)
{
	struct grove grove;
	uint64_t start;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "d"));
	assert_ok(grove_put(&grove, "d/f", "1"));
	assert_ok(grove_put(&grove, "g", "1"));
	start = now(&grove);
	assert_ok(grove_delete(&grove, "g"));
	expect_log(&grove, start, "r:g ");
	start = now(&grove);
	assert_ok(grove_move(&grove, "d", "e"));
	expect_log(&grove, start, "r:d/ a:e/ ");
	start = now(&grove);
	assert_ok(grove_copy(&grove, "e", "copy"));
	expect_log(&grove, start, "a:copy/ ");
	start = now(&grove);
	assert_ok(grove_delete(&grove, "e"));
	assert_ok(trash_restore(grove.txn, grove.store, grove.root,
	    grove_trash(&grove).sequence, TEXT_NONE, &grove.actor));
	expect_log(&grove, start, "r:e/ a:e/ ");
	grove_end(&grove);
}

/* Who has not seen the arrival hears of it even after a later change. */
static void
test_an_arrival_is_not_lost(void **state)
{
	struct grove grove;
	struct trail trail;
	uint64_t before, after;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "d"));
	assert_ok(grove_put(&grove, "d/f", "1"));
	before = now(&grove);
	assert_ok(grove_copy(&grove, "d", "e"));
	after = now(&grove);
	trail = grove_trail(&grove, "e");
	assert_ok(tree_touch(grove.txn, &trail, &grove.actor));
	assert_ok(tree_touch(grove.txn, &trail, &grove.actor));
	expect_log(&grove, before, "a:e/ ");
	/* Paging passed the arrival's old place before it was told. */
	expect_log(&grove, after, "a:e/ ");
	assert_ok(grove_delete(&grove, "e"));
	expect_log(&grove, before, "r:e/ ");
	grove_end(&grove);
}

static void
regrant(struct grove *grove, const char *path, user_id subject)
{
	struct trail trail = grove_trail(grove, path);

	assert_ok(tree_regrant(grove->txn, &trail,
	    &(struct regrant){ .subject = subject }, &grove->actor));
}

/* It stands beside the node's own entry, and outlives the node. */
static void
test_rights_are_entries_of_their_own(void **state)
{
	struct grove grove;
	struct node before, after;
	uint64_t start, end;
	size_t items;
	bool more;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "d"));
	assert_ok(grove_put(&grove, "d/f", "1"));
	start = now(&grove);
	before = grove_node(&grove, "d");
	regrant(&grove, "d/f", 7);
	after = grove_node(&grove, "d");
	assert_true(after.tree_etag != before.tree_etag);
	assert_int_equal(after.sequence, before.sequence);
	regrant(&grove, "d", 8);
	assert_true(grove_node(&grove, "d").tree_etag != after.tree_etag);
	regrant(&grove, "d/f", 7);
	expect_log(&grove, start, "g:f g:d/ g:f ");
	assert_ok(grove_put(&grove, "d/f", "2"));
	expect_log(&grove, start, "g:f g:d/ g:f c:f ");
	grove_check(&grove);
	end = now(&grove);
	assert_ok(grove_delete(&grove, "d"));
	assert_ok(trash_empty(grove.txn, grove.store, grove.root, UINT64_MAX,
	    &items));
	grove_reclaim(&grove);
	grove_check(&grove);
	expect_log(&grove, start, "g:f g:d/ g:f r:d/ ");
	assert_ok(log_prune(grove.txn, grove.root, UINT64_MAX, 100, &more));
	assert_int_equal(log_each(grove.txn, grove.root, end, take, NULL),
	    CONFLICT);
	grove_end(&grove);
}

struct refusals {
	char text[64];
};

static bool
take_refusal(const struct log_entry *entry, void *context)
{
	struct refusals *refusals = context;
	size_t len = strlen(refusals->text);

	snprintf(refusals->text + len, sizeof(refusals->text) - len, "%d%d ",
	    entry->was_refused, entry->is_refused);
	return true;
}

/* Entries of older programs have neither flag. */
static void
test_rights_say_what_was_refused(void **state)
{
	struct grove grove;
	struct refusals refusals = { "" };
	struct trail trail;
	uint64_t start;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "f", "1"));
	start = now(&grove);
	for (int bits = 0; bits < 4; bits++) {
		const struct regrant regrant = { 7, bits > 1, bits % 2 != 0 };

		trail = grove_trail(&grove, "f");
		assert_ok(tree_regrant(grove.txn, &trail, &regrant,
		    &grove.actor));
	}
	assert_ok(grove_put(&grove, "f", "2"));
	assert_ok(log_each(grove.txn, grove.root, start, take_refusal,
	    &refusals));
	assert_string_equal(refusals.text, "00 01 10 11 00 ");
	grove_end(&grove);
}

static enum outcome
ask(struct grove *grove, uint64_t after)
{
	struct lines lines = { .grove = grove };

	return log_each(grove->txn, grove->root, after, take, &lines);
}

/* What was broken off stays so when older entries are pruned later. */
static void
test_a_break_refuses_all_before(void **state)
{
	struct grove grove;
	uint64_t before, at, removed;
	bool more;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "a", "1"));
	assert_ok(grove_delete(&grove, "a"));
	before = now(&grove);
	assert_ok(log_break(grove.txn, grove.root));
	at = now(&grove);
	assert_true(at > before);
	assert_int_equal(ask(&grove, before), CONFLICT);
	assert_ok(ask(&grove, at));
	assert_ok(grove_put(&grove, "b", "1"));
	expect_log(&grove, at, "c:b ");
	assert_ok(log_prune(grove.txn, grove.root, UINT64_MAX, 100, &more));
	assert_int_equal(ask(&grove, before), CONFLICT);
	assert_ok(ask(&grove, at));
	assert_ok(grove_delete(&grove, "b"));
	removed = now(&grove);
	assert_ok(log_prune(grove.txn, grove.root, UINT64_MAX, 100, &more));
	assert_int_equal(ask(&grove, at), CONFLICT);
	assert_ok(ask(&grove, removed));
	assert_int_equal(log_break(grove.txn, 1000), DAMAGED);
	grove_check(&grove);
	grove_end(&grove);
}

static void
test_pruning_and_tokens(void **state)
{
	struct grove grove;
	uint64_t before, removed, young;
	bool more = false;
	size_t rounds = 0;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "a", "1"));
	assert_ok(grove_put(&grove, "b", "1"));
	assert_ok(grove_put(&grove, "keep", "1"));
	before = now(&grove);
	assert_ok(grove_delete(&grove, "a"));
	removed = now(&grove);
	grove.actor.now_ns += 100;
	young = grove.actor.now_ns;
	assert_ok(grove_delete(&grove, "b"));
	assert_int_equal(ask(&grove, now(&grove) + 1), CONFLICT);
	assert_ok(ask(&grove, before));
	do {
		assert_ok(log_prune(grove.txn, grove.root, young, 1, &more));
		assert_true(++rounds < 10);
	} while (more);
	assert_int_equal(ask(&grove, before), CONFLICT);
	expect_log(&grove, removed, "r:b ");
	/* What lives is not pruned, and a round without work writes nothing. */
	rounds = grove.txn->writes;
	assert_ok(log_prune(grove.txn, grove.root, young, 100, &more));
	assert_int_equal(grove.txn->writes, rounds);
	assert_ok(log_prune(grove.txn, grove.root, UINT64_MAX, 100, &more));
	assert_false(more);
	assert_ok(ask(&grove, now(&grove)));
	assert_int_equal(ask(&grove, removed), CONFLICT);
	assert_ok(grove_put(&grove, "keep", "2"));
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { GROVE_TEST(test_newest_tombstone),
		GROVE_TEST(test_one_entry_a_node),
		GROVE_TEST(test_tombstones_and_arrivals),
		GROVE_TEST(test_an_arrival_is_not_lost),
		GROVE_TEST(test_rights_are_entries_of_their_own),
		GROVE_TEST(test_rights_say_what_was_refused),
		GROVE_TEST(test_a_break_refuses_all_before),
		GROVE_TEST(test_pruning_and_tokens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
