#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/codec.h"
#include "server/base/memory.h"
#include "store/keys.h"
#include "tests/unit/grove.h"

/*
 * The invariants, computed from nothing but the keys: no counter that the
 * store keeps is believed.
 */
enum { SLOTS = 1 << 15, TREES_MAX = 64 };

struct tally { /* id -> how often, open addressing */
	uint64_t id[SLOTS], count[SLOTS];
};

struct inventory {
	struct grove *grove;
	struct tally blobs;
	uint64_t nodes, places;
};

static uint64_t *
tally_at(struct tally *tally, uint64_t id)
{
	size_t slot = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 49);

	while (tally->id[slot] != 0 && tally->id[slot] != id)
		slot = (slot + 1) % SLOTS;
	tally->id[slot] = id;
	return &tally->count[slot];
}

typedef void (*key_each_fn)(struct text key, struct text value, void *context);

static void
each_key(struct grove *grove, enum key_kind kind, key_each_fn visit,
    void *context)
{
	struct cursor *cursor;
	struct key key;
	enum outcome outcome;

	assert_ok(cursor_open(grove->txn, &cursor));
	outcome = cursor_seek(cursor, key_text(&key, kind, TEXT_NONE));
	while (outcome == OK && cursor->key.ptr[0] == (char)kind) {
		visit(cursor->key, cursor->value, context);
		outcome = cursor_next(cursor);
	}
	assert_true(outcome == OK || outcome == NOT_FOUND);
	cursor_close(cursor);
}

/* Each record is decoded, is where its place says, and holds its blob. */
static void
visit_node(struct text key, struct text value, void *context)
{
	struct inventory *inventory = context;
	struct node node, again;

	assert_ok(node_decode(key, value, &node));
	assert_ok(node_find_id(inventory->grove->txn, node.id, &again));
	assert_int_equal(again.parent, node.parent);
	assert_true(text_equal(again.key, node.key));
	if (node.blob != 0)
		++*tally_at(&inventory->blobs, node.blob);
	inventory->nodes++;
}

static void
visit_place(struct text key, struct text value, void *context)
{
	struct inventory *inventory = context;
	struct node node;

	(void)value;
	assert_ok(node_find_id(inventory->grove->txn, key_id_of(key, 0),
	    &node));
	inventory->places++;
}

/* A version is of a node that says so, and holds a blob. */
static void
visit_version(struct text key, struct text value, void *context)
{
	struct inventory *inventory = context;
	struct reader reader = reader_from(value);
	struct node node;

	(void)reader_u8(&reader);
	(void)reader_u64(&reader);
	++*tally_at(&inventory->blobs, reader_u64(&reader));
	assert_false(reader.failed);
	assert_ok(node_find_id(inventory->grove->txn, key_id_of(key, 0),
	    &node));
	assert_true((node.flags & NODE_HAS_VERSIONS) != 0);
}

static void
visit_blob(struct text key, struct text value, void *context)
{
	struct inventory *inventory = context;
	struct blob_record record;
	uint64_t id = key_id_of(key, 0);
	uint64_t *count = tally_at(&inventory->blobs, id);

	(void)value;
	assert_ok(blob_get(inventory->grove->txn, id, &record));
	assert_int_equal(record.references, *count);
	*count = 0;
}

/* A live entry is the newest of its node. */
static void
visit_log(struct text key, struct text value, void *context)
{
	struct inventory *inventory = context;
	struct reader reader = reader_from(value);
	struct node node;
	uint8_t kind;

	(void)reader_u8(&reader);
	kind = reader_u8(&reader);
	(void)reader_u8(&reader);
	if (kind == LOG_REMOVED || kind == LOG_RIGHTS)
		return;
	assert_ok(node_find_id(inventory->grove->txn, reader_u64(&reader),
	    &node));
	assert_int_equal(node.tree, key_id_of(key, 0));
	assert_int_equal(node.sequence, key_id_of(key, 1));
}

/* ---- Counters of collections ---- */

struct sums {
	uint64_t size, count, versions, grants, locks, levels;
	struct grove *grove;
	node_id tree;
};

static bool
version_size(const struct version *version, void *context)
{
	*(uint64_t *)context += version->size;
	return true;
}

static void
collection_check(struct grove *grove, const struct node *node);

static bool
sum_member(const struct node *node, void *context)
{
	struct sums *sums = context;
	uint64_t versions = 0;

	assert_int_equal(node->tree, sums->tree);
	if (node->kind == NODE_COLLECTION) {
		collection_check(sums->grove, node);
	} else {
		assert_ok(version_each(sums->grove->txn, node->id, version_size,
		    &versions));
		assert_int_equal(versions, node->tree_versions);
	}
	sums->size += node->size + node->tree_size;
	sums->count += node->tree_count + 1;
	sums->versions += node->tree_versions;
	sums->grants += node->tree_grants +
	    ((node->flags & NODE_HAS_GRANTS) != 0);
	sums->locks += node->tree_locks + ((node->flags & NODE_HAS_LOCKS) != 0);
	if (sums->levels < node->tree_levels + 1u)
		sums->levels = node->tree_levels + 1u;
	return true;
}

static void
collection_check(struct grove *grove, const struct node *node)
{
	struct sums sums = { .grove = grove, .tree = node->tree };

	assert_ok(node_each(grove->txn, node->id, TEXT_NONE, sum_member,
	    &sums));
	assert_int_equal(node->tree_size, sums.size);
	assert_int_equal(node->tree_count, sums.count);
	assert_int_equal(node->tree_versions, sums.versions);
	assert_int_equal(node->tree_grants, sums.grants);
	assert_int_equal(node->tree_locks, sums.locks);
	assert_true(node->tree_levels >= sums.levels);
}

struct owners {
	struct grove *grove;
	user_id user[TREES_MAX];
	uint64_t bytes[TREES_MAX];
	size_t count;
};

static void
owner_add(struct owners *owners, user_id user, uint64_t bytes)
{
	size_t i = 0;

	while (i < owners->count && owners->user[i] != user)
		i++;
	if (i == owners->count) {
		assert_true(i < TREES_MAX);
		owners->user[owners->count++] = user;
	}
	owners->bytes[i] += bytes;
}

struct trash_count {
	struct grove *grove;
	node_id tree, trash;
	uint64_t bytes;
};

/* Items, not what is below the trash: the rest waits for the reclaimer. */
static bool
sum_trash(const struct trash_item *item, void *context)
{
	struct trash_count *trash = context;
	struct node node;

	assert_ok(node_find_id(trash->grove->txn, item->node, &node));
	assert_int_equal(node.parent, trash->trash);
	assert_int_equal(node.tree, trash->tree);
	assert_true(text_equal(node.name, item->name));
	if (node.kind == NODE_COLLECTION)
		collection_check(trash->grove, &node);
	assert_int_equal(item->size, node.size + node.tree_size);
	trash->bytes += node.size + node.tree_size + node.tree_versions;
	return true;
}

static void
visit_tree(struct text key, struct text value, void *context)
{
	struct owners *owners = context;
	struct grove *grove = owners->grove;
	node_id id = key_id_of(key, 0);
	struct trash_count trash = { .grove = grove, .tree = id };
	struct tree tree;
	struct node root;

	(void)value;
	assert_ok(tree_get(grove->txn, id, &tree));
	if (node_find_id(grove->txn, id, &root) != OK)
		return;
	trash.trash = tree.trash;
	collection_check(grove, &root);
	assert_int_equal(tree.version_bytes, root.tree_versions);
	assert_ok(trash_each(grove->txn, id, sum_trash, &trash));
	assert_int_equal(tree.trash_bytes, trash.bytes);
	owner_add(owners, tree.owner,
	    root.tree_size + root.tree_versions + trash.bytes);
}

void
grove_check(struct grove *grove)
{
	struct inventory *inventory = memory_alloc(sizeof(*inventory));
	struct owners owners = { .grove = grove };
	struct quota quota;

	inventory->grove = grove;
	each_key(grove, KEY_NODE, visit_node, inventory);
	each_key(grove, KEY_PLACE, visit_place, inventory);
	assert_int_equal(inventory->nodes, inventory->places);
	each_key(grove, KEY_VERSION, visit_version, inventory);
	each_key(grove, KEY_BLOB, visit_blob, inventory);
	for (size_t i = 0; i < SLOTS; i++)
		assert_int_equal(inventory->blobs.count[i], 0);
	each_key(grove, KEY_LOG, visit_log, inventory);
	each_key(grove, KEY_TREE, visit_tree, &owners);
	for (size_t i = 0; i < owners.count; i++) {
		assert_ok(quota_of_user(grove->txn, owners.user[i], &quota));
		assert_int_equal(quota.used, owners.bytes[i]);
	}
	free(inventory);
}
