#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/keys.h"
#include "tests/unit/grove.h"

/* The record of a node, listings and walks. */
static struct node
sample(enum node_kind kind)
{
	struct node node = { .id = 3,
		.parent = 2,
		.tree = 1,
		.kind = kind,
		.flags = NODE_HAS_LOCKS,
		.key = TEXT("key"),
		.name = TEXT("name"),
		.etag = 9,
		.created_ns = 10,
		.modified_ns = UINT64_MAX,
		.sequence = 12,
		.creator = 13,
		.author = 14,
		.tree_versions = 15 };

	if (kind == NODE_FILE) {
		node.media = TEXT("text/plain");
		node.blob = 7;
		node.size = 8;
	} else {
		node.tree_size = 16;
		node.tree_count = 17;
		node.tree_etag = 18;
		node.tree_grants = UINT32_MAX;
		node.tree_locks = 20;
		node.tree_levels = 21;
	}
	return node;
}

static enum outcome
decode(const struct node *node, struct text value, struct node *ret_node)
{
	static struct key key; /* the node points into it */

	return node_decode(key_name(&key, KEY_NODE, node->parent, node->key),
	    value, ret_node);
}

static void
assert_same(const struct node *a, const struct node *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->parent, b->parent);
	assert_int_equal(a->tree, b->tree);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->flags, b->flags);
	assert_true(text_equal(a->name, b->name));
	assert_true(text_equal(a->media, b->media));
	assert_int_equal(a->blob, b->blob);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->etag, b->etag);
	assert_int_equal(a->created_ns, b->created_ns);
	assert_int_equal(a->modified_ns, b->modified_ns);
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->creator, b->creator);
	assert_int_equal(a->author, b->author);
	assert_int_equal(a->tree_versions, b->tree_versions);
	assert_int_equal(a->tree_size, b->tree_size);
	assert_int_equal(a->tree_count, b->tree_count);
	assert_int_equal(a->tree_etag, b->tree_etag);
	assert_int_equal(a->tree_grants, b->tree_grants);
	assert_int_equal(a->tree_locks, b->tree_locks);
	assert_int_equal(a->tree_levels, b->tree_levels);
}

static void
test_record_there_and_back(void **state)
{
	(void)state;
	for (int kind = NODE_FILE; kind <= NODE_COLLECTION; kind++) {
		struct node node = sample((enum node_kind)kind), back;
		struct buffer value = { 0 };

		node_encode(&node, &value);
		assert_ok(decode(&node, buffer_text(&value), &back));
		assert_same(&node, &back);
		buffer_done(&value);
	}
}

static void
test_name_is_stored_only_when_it_differs(void **state)
{
	struct node node = sample(NODE_FILE), back;
	struct buffer with = { 0 }, without = { 0 };

	(void)state;
	node_encode(&node, &with);
	node.name = node.key;
	node_encode(&node, &without);
	assert_int_equal(with.len, without.len + 4);
	assert_ok(decode(&node, buffer_text(&without), &back));
	assert_true(text_equal(back.name, TEXT("key")));
	buffer_done(&with);
	buffer_done(&without);
}

/* Every shorter record, a longer one, and odd bytes are damage. */
static void
test_damage_is_found(void **state)
{
	struct node node = sample(NODE_COLLECTION), back;
	struct buffer value = { 0 };
	struct text whole;

	(void)state;
	node_encode(&node, &value);
	whole = buffer_text(&value);
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(decode(&node, text_slice(whole, 0, len),
				     &back),
		    DAMAGED);
	buffer_append_byte(&value, 'x');
	assert_int_equal(decode(&node, buffer_text(&value), &back), DAMAGED);
	value.len--;
	value.ptr[0] ^= 1;
	assert_int_equal(decode(&node, buffer_text(&value), &back), DAMAGED);
	value.ptr[0] ^= 1;
	value.ptr[1] = 3;
	assert_int_equal(decode(&node, buffer_text(&value), &back), DAMAGED);
	value.ptr[1] = NODE_COLLECTION;
	value.ptr[5] = 1;
	assert_int_equal(decode(&node, buffer_text(&value), &back), DAMAGED);
	buffer_done(&value);
	assert_int_equal(node_decode(TEXT("n"), TEXT(""), &back), DAMAGED);
}

struct seen {
	char names[256];
	size_t count, stop;
};

static bool
see(const struct node *node, void *context)
{
	struct seen *seen = context;
	size_t len = strlen(seen->names);

	snprintf(seen->names + len, sizeof(seen->names) - len, "%.*s ",
	    TEXT_ARGS(node->key));
	return ++seen->count != seen->stop;
}

static bool
see_level(const struct node *node, size_t levels, void *context)
{
	struct seen *seen = context;
	size_t len = strlen(seen->names);

	snprintf(seen->names + len, sizeof(seen->names) - len, "%zu", levels);
	return see(node, context);
}

static void
test_each_in_order_with_resume(void **state)
{
	struct grove grove;
	struct seen all = { 0 }, some = { .stop = 2 }, rest = { 0 };

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "b", ""));
	assert_ok(grove_put(&grove, "ab", ""));
	assert_ok(grove_put(&grove, "a", ""));
	assert_ok(grove_mkcol(&grove, "c"));
	assert_ok(grove_put(&grove, "c/x", ""));
	assert_ok(node_each(grove.txn, grove.root, TEXT_NONE, see, &all));
	assert_string_equal(all.names, "a ab b c ");
	assert_ok(node_each(grove.txn, grove.root, TEXT_NONE, see, &some));
	assert_string_equal(some.names, "a ab ");
	assert_ok(node_each(grove.txn, grove.root, TEXT("ab"), see, &rest));
	assert_string_equal(rest.names, "b c ");
	rest = (struct seen){ 0 };
	assert_ok(node_each(grove.txn, grove.root, TEXT("aa"), see, &rest));
	assert_string_equal(rest.names, "ab b c ");
	grove_end(&grove);
}

static void
test_walk_parents_first(void **state)
{
	struct grove grove;
	struct seen all = { 0 }, some = { .stop = 3 };

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "b"));
	assert_ok(grove_mkcol(&grove, "b/d"));
	assert_ok(grove_put(&grove, "b/d/e", ""));
	assert_ok(grove_put(&grove, "b/c", ""));
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_put(&grove, "f", ""));
	assert_ok(node_walk(grove.txn, grove.root, see_level, &all));
	assert_string_equal(all.names, "1a 1b 2c 2d 3e 1f ");
	assert_ok(node_walk(grove.txn, grove.root, see_level, &some));
	assert_string_equal(some.names, "1a 1b 2c ");
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_there_and_back),
		cmocka_unit_test(test_name_is_stored_only_when_it_differs),
		cmocka_unit_test(test_damage_is_found),
		GROVE_TEST(test_each_in_order_with_resume),
		GROVE_TEST(test_walk_parents_first)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
