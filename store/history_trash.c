#include <stdio.h>

#include "server/base/codec.h"
#include "store/keys.h"
#include "store/tree_change.h"

/*
 * What was deleted hangs below the tree's trash under the sequence of its
 * tombstone, whole and unchanged. The record keeps where it was, and which
 * cells on folders its bytes still count against.
 */
enum { TRASH_RECORD = 1, TRASH_PATH_MAX = 60000 };

struct trash_record {
	struct trash_item item;
	size_t cell_count;
	node_id cell[PATH_LEVELS_MAX]; /* roots, on folders, above it */
};

struct text
trash_name(char name[TRASH_NAME_SIZE], uint64_t sequence)
{
	(void)snprintf(name, TRASH_NAME_SIZE, "%016llx",
	    (unsigned long long)sequence);
	return text_from(name);
}

static enum outcome
trash_decode(struct text key, struct text value, struct trash_record *record)
{
	struct reader reader = reader_from(value);
	struct trash_item *item = &record->item;
	uint8_t version = reader_u8(&reader);

	item->sequence = key_id_of(key, 1);
	item->node = reader_u64(&reader);
	item->parent = reader_u64(&reader);
	item->deleted_ns = reader_u64(&reader);
	item->size = reader_u64(&reader);
	item->count = reader_u64(&reader);
	item->by = reader_u64(&reader);
	item->moved_out = reader_u8(&reader) == 1;
	item->path = reader_text16(&reader);
	item->name = reader_text16(&reader);
	record->cell_count = reader_u8(&reader);
	if (record->cell_count > PATH_LEVELS_MAX)
		return DAMAGED;
	for (size_t i = 0; i < record->cell_count; i++)
		record->cell[i] = reader_u64(&reader);
	if (!reader_done(&reader) || version != TRASH_RECORD)
		return DAMAGED;
	return OK;
}

static enum outcome
trash_store(struct txn *txn, node_id tree, const struct trash_record *record)
{
	const struct trash_item *item = &record->item;
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, TRASH_RECORD);
	writer_u64(&value, item->node);
	writer_u64(&value, item->parent);
	writer_u64(&value, item->deleted_ns);
	writer_u64(&value, item->size);
	writer_u64(&value, item->count);
	writer_u64(&value, item->by);
	writer_u8(&value, item->moved_out);
	writer_text16(&value, item->path);
	writer_text16(&value, item->name);
	writer_u8(&value, (uint8_t)record->cell_count);
	for (size_t i = 0; i < record->cell_count; i++)
		writer_u64(&value, record->cell[i]);
	outcome = txn_put(txn, key_pair(&key, KEY_TRASH, tree, item->sequence),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

/* "/a/b" from the names between the root and the last node. */
static void
parent_path(const struct trail *trail, struct buffer *out)
{
	for (size_t i = 1; i + 1 < trail->count; i++) {
		buffer_append_byte(out, '/');
		buffer_append(out, trail->node[i].name);
	}
	if (out->len == 0)
		buffer_append_byte(out, '/');
}

/* The bytes of an item, for the cells on folders that it came from. */
static enum outcome
charge_cells(struct txn *txn, const struct trash_record *record, int64_t bytes)
{
	enum outcome outcome = OK;

	for (size_t i = 0; outcome == OK && i < record->cell_count; i++)
		outcome = cell_charge_trash(txn, record->cell[i], bytes);
	return outcome;
}

static void
note_cells(const struct trail *trail, struct trash_record *record)
{
	for (size_t i = 1; i + 1 < trail->count; i++)
		if ((trail->node[i].flags & NODE_IS_CELL_ROOT) != 0)
			record->cell[record->cell_count++] = trail->node[i].id;
}

enum outcome
trash_add(struct tree_change *change, const struct trash_entry *entry)
{
	const struct node *node = entry->node;
	int64_t weight = (int64_t)node_weight(node);
	struct buffer path = { .max = TRASH_PATH_MAX };
	struct trash_record record = {
		.item = { .sequence = entry->sequence,
		    .node = entry->kept,
		    .parent = entry->trail->node[entry->trail->count - 2].id,
		    .name = node->name,
		    .deleted_ns = change->actor->now_ns,
		    .size = node->size + node->tree_size,
		    .count = node->tree_count + 1,
		    .by = change->actor->user,
		    .moved_out = entry->moved_out }
	};
	enum outcome outcome;

	parent_path(entry->trail, &path);
	record.item.path = buffer_text(&path);
	note_cells(entry->trail, &record);
	outcome = trash_store(change->txn, change->id, &record);
	buffer_done(&path);
	if (outcome == OK)
		outcome = charge_cells(change->txn, &record, weight);
	if (outcome == OK)
		outcome = counter_add(&change->tree.trash_bytes, weight);
	change->charge += weight;
	return outcome;
}

enum outcome
trash_each(struct txn *txn, node_id tree, trash_each_fn visit, void *context)
{
	struct trash_record record = { .item.sequence = UINT64_MAX };
	struct cursor *cursor;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	for (;;) {
		struct key key;

		outcome = cursor_before(cursor,
		    key_pair(&key, KEY_TRASH, tree, record.item.sequence));
		if (outcome != OK || cursor->key.ptr[0] != KEY_TRASH ||
		    key_id_of(cursor->key, 0) != tree)
			break;
		outcome = trash_decode(cursor->key, cursor->value, &record);
		if (outcome != OK || !visit(&record.item, context))
			break;
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND ? OK : outcome;
}

static void
record_hold(struct arena *arena, struct trash_record *record)
{
	record->item.path = arena_copy(arena, record->item.path);
	record->item.name = arena_copy(arena, record->item.name);
}

static enum outcome
trash_find(struct txn *txn, struct arena *arena, node_id tree,
    uint64_t sequence, struct trash_record *record)
{
	struct key key;
	struct text at = key_pair(&key, KEY_TRASH, tree, sequence), value;
	enum outcome outcome = txn_get(txn, at, &value);

	if (outcome == OK)
		outcome = trash_decode(at, value, record);
	if (outcome == OK)
		record_hold(arena, record);
	return outcome;
}

/* The first item with a sequence of at least `from`. */
static enum outcome
trash_from(struct txn *txn, struct arena *arena, node_id tree, uint64_t from,
    struct trash_record *record)
{
	struct cursor *cursor;
	struct key key;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, key_pair(&key, KEY_TRASH, tree, from));
	if (outcome == OK &&
	    (cursor->key.ptr[0] != KEY_TRASH ||
		key_id_of(cursor->key, 0) != tree))
		outcome = NOT_FOUND;
	if (outcome == OK)
		outcome = trash_decode(cursor->key, cursor->value, record);
	if (outcome == OK)
		record_hold(arena, record);
	cursor_close(cursor);
	return outcome;
}

/* The record goes, and what it counted. */
static enum outcome
trash_drop(struct tree_change *change, const struct trash_record *record,
    uint64_t weight)
{
	struct key key;
	enum outcome outcome = txn_remove(change->txn,
	    key_pair(&key, KEY_TRASH, change->id, record->item.sequence));

	if (outcome == OK)
		outcome = charge_cells(change->txn, record, -(int64_t)weight);
	if (outcome == OK)
		outcome = counter_add(&change->tree.trash_bytes,
		    -(int64_t)weight);
	change->charge -= (int64_t)weight;
	return outcome;
}

struct restore {
	struct trash_record record;
	struct trail target;
	struct node node;      /* as it lies in the trash */
	struct text name, key; /* at its new place */
};

/* The old name, else the one that the caller offers. */
static enum outcome
restore_place(struct txn *txn, struct arena *arena, struct restore *restore,
    struct text other)
{
	enum outcome outcome;

	restore->name = restore->record.item.name;
	outcome = tree_place_check(txn, arena, &restore->target, restore->name,
	    &restore->key);
	if (outcome != EXISTS || other.len == 0)
		return outcome;
	restore->name = other;
	return tree_place_check(txn, arena, &restore->target, other,
	    &restore->key);
}

static enum outcome
restore_check(struct txn *txn, struct arena *arena, node_id tree,
    struct text name, struct restore *restore)
{
	enum outcome outcome = trail_find_id(txn, arena,
	    restore->record.item.parent, &restore->target);

	if (outcome != OK)
		return outcome == NOT_FOUND ? CONFLICT : outcome;
	if (restore->target.node[0].id != tree)
		return CONFLICT;
	outcome = node_find_id(txn, restore->record.item.node, &restore->node);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	node_hold(arena, &restore->node);
	if (!tree_levels_fit(&restore->target, restore->node.tree_levels + 1))
		return TOO_LARGE;
	return restore_place(txn, arena, restore, name);
}

static enum outcome
restore_write(struct tree_change *change, struct restore *restore)
{
	struct node *node = &restore->node;
	struct tree_delta delta = tree_delta_of(node, 1);
	enum outcome outcome = node_unlink(change->txn, node);

	if (outcome != OK)
		return outcome;
	node->parent = trail_last(&restore->target)->id;
	node->key = restore->key;
	node->name = restore->name;
	outcome = tree_log(change, LOG_ARRIVED, node);
	if (outcome == OK)
		outcome = node_store(change->txn, node);
	if (outcome == OK)
		outcome = trash_drop(change, &restore->record,
		    node_weight(node));
	if (outcome != OK)
		return outcome;
	change->charge += (int64_t)node_weight(node);
	outcome = counter_add(&change->tree.version_bytes, delta.versions);
	if (outcome == OK)
		outcome = tree_climb(change, &restore->target,
		    restore->target.count, &delta);
	return outcome == OK ? tree_end(change) : outcome;
}

enum outcome
trash_restore(struct txn *txn, struct store *store, node_id tree,
    uint64_t sequence, struct text name, const struct tree_actor *actor)
{
	struct arena *arena = arena_new();
	struct restore *restore = ARENA_NEW(arena, struct restore);
	struct tree_change change;
	enum outcome outcome = trash_find(txn, arena, tree, sequence,
	    &restore->record);

	(void)store; /* no id and no blob is needed to hang it back */
	if (outcome == OK)
		outcome = restore_check(txn, arena, tree, name, restore);
	if (outcome == OK)
		outcome = tree_begin(txn, tree, actor, &change);
	if (outcome == OK)
		outcome = restore_write(&change, restore);
	arena_free(arena);
	return outcome;
}

/* One item to the reclaimer. */
static enum outcome
trash_give_up(struct tree_change *change, struct store *store,
    const struct trash_record *record)
{
	struct reclaim work = { .key = store_next_id(store),
		.what = RECLAIM_NODE,
		.id = record->item.node };
	struct node node;
	enum outcome outcome = node_find_id(change->txn, record->item.node,
	    &node);

	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	outcome = trash_drop(change, record, node_weight(&node));
	return outcome == OK ? reclaim_store(change->txn, &work) : outcome;
}

struct emptying {
	struct tree_change change;
	struct trash_record record;
	size_t items; /* given up */
};

static enum outcome
empty_step(struct emptying *emptying, struct store *store,
    const struct trash_step *step, uint64_t *ret_next)
{
	struct arena *arena = arena_new();
	struct trash_record *record = &emptying->record;
	struct tree_change *change = &emptying->change;
	uint64_t from = step->from;
	enum outcome outcome = OK;

	for (size_t i = 0; outcome == OK && i < step->budget; i++) {
		outcome = trash_from(change->txn, arena, change->id, from,
		    record);
		if (outcome != OK)
			break;
		from = record->item.sequence + 1;
		if (record->item.deleted_ns >= step->before_ns)
			continue;
		outcome = trash_give_up(change, store, record);
		emptying->items++;
	}
	arena_free(arena);
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_next = outcome == OK ? from : 0;
	return emptying->items > 0 ? tree_end(change) : OK;
}

static enum outcome
trash_empty_some(struct txn *txn, struct store *store, node_id tree,
    const struct trash_step *step, uint64_t *ret_next, size_t *ret_items)
{
	struct arena *arena = arena_new();
	struct emptying *emptying = ARENA_NEW(arena, struct emptying);
	struct tree_actor nobody = { 0 };
	enum outcome outcome = tree_begin(txn, tree, &nobody,
	    &emptying->change);

	if (outcome == OK)
		outcome = empty_step(emptying, store, step, ret_next);
	if (outcome == OK)
		*ret_items = emptying->items;
	arena_free(arena);
	return outcome;
}

enum outcome
trash_empty_step(struct txn *txn, struct store *store, node_id tree,
    const struct trash_step *step, uint64_t *ret_next)
{
	size_t items;

	return trash_empty_some(txn, store, tree, step, ret_next, &items);
}

enum outcome
trash_empty(struct txn *txn, struct store *store, node_id tree,
    uint64_t before_ns, size_t *ret_items)
{
	struct trash_step step = { .before_ns = before_ns, .budget = SIZE_MAX };
	uint64_t next;

	return trash_empty_some(txn, store, tree, &step, &next, ret_items);
}

enum outcome
trash_due(struct txn *txn, node_id tree, uint64_t before_ns, bool *ret_due)
{
	struct arena *arena = arena_new();
	struct trash_record *record = ARENA_NEW(arena, struct trash_record);
	enum outcome outcome = trash_from(txn, arena, tree, 0, record);
	bool due = outcome == OK && record->item.deleted_ns < before_ns;

	arena_free(arena);
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_due = due;
	return OK;
}
