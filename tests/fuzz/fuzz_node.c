/*
 * Stored records of the store. The first byte chooses the key under which the
 * rest is put into a memory engine; then it is read by what reads it in the
 * program. Nothing but OK, NOT_FOUND and DAMAGED may come of it, and a node
 * that is taken gives the same bytes when it is written again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "store/cell.h"
#include "store/history.h"
#include "store/keys.h"
#include "store/lock.h"
#include "store/log_entry.h"
#include "store/property.h"
#include "store/quota.h"
#include "store/tree_change.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static void
accept(enum outcome outcome)
{
	need(outcome == OK || outcome == NOT_FOUND || outcome == DAMAGED);
}

static struct engine *
engine_get(void)
{
	static struct engine *engine;
	struct engine_options options = { .map_size = 1 << 20 };
	struct buffer message = { 0 };

	if (engine == NULL)
		need(engine_row_find("memory")->open(&options, &message,
			 &engine) == OK);
	return engine;
}

static bool
see_version(const struct version *version, void *context)
{
	(void)context;
	need(version->media.len <= UINT16_MAX);
	return true;
}

static bool
see_item(const struct trash_item *item, void *context)
{
	(void)context;
	need(item->name.len <= UINT16_MAX);
	return true;
}

static bool
see_entry(const struct log_entry *entry, void *context)
{
	(void)context;
	need(entry->kind >= LOG_CHANGED && entry->kind <= LOG_RIGHTS);
	need((entry->kind == LOG_RIGHTS) == (entry->subject != 0));
	return true;
}

static void
try_node(struct txn *txn, struct arena *arena, struct text value)
{
	struct buffer out = { 0 };
	struct key key;
	struct node node;
	struct trail trail;
	enum outcome outcome = node_decode(key_name(&key, KEY_NODE, 0,
					       TEXT("name")),
	    value, &node);

	accept(outcome);
	if (outcome == OK) {
		node_hold(arena, &node);
		node_encode(&node, &out);
		/* A name equal to the key may be stored, and is not again. */
		need(out.len <= value.len);
	}
	buffer_done(&out);
	need(txn_put(txn, key_name(&key, KEY_NODE, 0, TEXT("name")), value) ==
	    OK);
	need(txn_put(txn, key_id(&key, KEY_PLACE, 1),
		 TEXT("\1\0\0\0\0\0\0\0\0"
		      "name")) == OK);
	accept(trail_find_id(txn, arena, 1, &trail));
}

static void
try_place(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;
	struct node node;

	(void)arena;
	need(txn_put(txn, key_id(&key, KEY_PLACE, 1), value) == OK);
	accept(node_find_id(txn, 1, &node));
}

static void
try_tree(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;
	struct tree tree;

	(void)arena;
	need(txn_put(txn, key_id(&key, KEY_TREE, 1), value) == OK);
	accept(tree_get(txn, 1, &tree));
}

static void
try_version(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;

	(void)arena;
	need(txn_put(txn, key_pair(&key, KEY_VERSION, 1, 2), value) == OK);
	accept(version_each(txn, 1, see_version, NULL));
}

static void
try_trash(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;

	(void)arena;
	need(txn_put(txn, key_pair(&key, KEY_TRASH, 1, 2), value) == OK);
	accept(trash_each(txn, 1, see_item, NULL));
}

static void
try_log(struct txn *txn, struct arena *arena, struct text value)
{
	struct tree tree = { .root = 1, .sequence = 9 };
	struct key key;
	bool more;

	(void)arena;
	need(tree_store(txn, &tree) == OK);
	need(txn_put(txn, key_pair(&key, KEY_LOG, 1, 2), value) == OK);
	accept(log_each(txn, 1, 0, see_entry, NULL));
	accept(log_prune(txn, 1, UINT64_MAX, 10, &more));
}

static void
try_lock(struct txn *txn, struct arena *arena, struct text value)
{
	static const unsigned char token[LOCK_TOKEN_BYTES] = "0123456789abcde";
	struct text name = { (const char *)token, sizeof(token) };
	struct key key;
	struct lock lock;
	bool more;

	(void)arena;
	need(txn_put(txn, key_name(&key, KEY_LOCK, 1, name), value) == OK);
	need(txn_put(txn, key_text(&key, KEY_TOKEN, name),
		 (struct text){ "\1\1\0\0\0\0\0\0\0", 9 }) == OK);
	accept(lock_find(txn, token, 0, &lock));
	accept(lock_expire(txn, UINT64_MAX, 10, &more));
}

static void
try_cell(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;
	struct cell cell;

	(void)arena;
	need(txn_put(txn, key_text(&key, KEY_CELL, TEXT("c")), value) == OK);
	accept(cell_find(txn, TEXT("c"), &cell));
	need(txn_put(txn, key_id(&key, KEY_CELL_ROOT, 1), value) == OK);
	accept(cell_find_root(txn, 1, &cell));
}

static void
try_property(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;
	struct dead_properties all;

	need(txn_put(txn, key_id(&key, KEY_PROPERTY, 1), value) == OK);
	accept(property_read(txn, arena, 1, &all));
}

static void
try_usage(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;
	struct quota quota;

	(void)arena;
	need(txn_put(txn, key_id(&key, KEY_USAGE, 1), value) == OK);
	accept(quota_of_user(txn, 1, &quota));
}

static void
try_reclaim(struct txn *txn, struct arena *arena, struct text value)
{
	struct key key;
	struct reclaim reclaim;

	(void)arena;
	need(txn_put(txn, key_id(&key, KEY_RECLAIM, 1), value) == OK);
	accept(reclaim_find(txn, 1, &reclaim));
}

static void (*const tries[])(struct txn *, struct arena *,
    struct text) = { try_node, try_place, try_tree, try_version, try_trash,
	try_log, try_lock, try_cell, try_property, try_usage, try_reclaim };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena;
	struct txn *txn;
	struct text value;

	if (size == 0)
		return 0;
	value = (struct text){ (const char *)data + 1, size - 1 };
	need(txn_begin_write(engine_get(), &txn) == OK);
	arena = arena_new();
	tries[data[0] % (sizeof(tries) / sizeof(tries[0]))](txn, arena, value);
	arena_free(arena);
	txn_abort(txn);
	return 0;
}
