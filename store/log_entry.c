#include "store/log_entry.h"

#include "server/base/codec.h"
#include "store/keys.h"
#include "store/tree_change.h"

/*
 * A node that lives has at most one entry: the older one goes when a newer one
 * is written. For a subtree that arrived that must not lose the arrival, so
 * an entry also keeps the sequence at which it came: a reader who has seen
 * that hears CHANGED, others hear ARRIVED.
 */
enum { LOG_RECORD = 1 };

struct log_record {
	struct log_entry entry;
	uint64_t arrived; /* 0: not as a subtree */
};

static enum outcome
record_decode(struct text key, struct text value, struct log_record *ret)
{
	struct reader reader = reader_from(value);
	struct log_record record = { .entry.sequence = key_id_of(key, 1) };
	struct log_entry *entry = &record.entry;
	uint8_t version = reader_u8(&reader);
	uint8_t kind = reader_u8(&reader);
	uint8_t collection = reader_u8(&reader);

	entry->node = reader_u64(&reader);
	entry->parent = reader_u64(&reader);
	record.arrived = reader_u64(&reader);
	entry->at_ns = reader_u64(&reader);
	entry->name = reader_text16(&reader);
	if (!reader_done(&reader) || version != LOG_RECORD ||
	    collection > 1 || kind < LOG_CHANGED || kind > LOG_REMOVED)
		return DAMAGED;
	entry->kind = (enum log_kind)kind;
	entry->collection = collection == 1;
	*ret = record;
	return OK;
}

static enum outcome
record_write(struct txn *txn, node_id tree, const struct log_record *record)
{
	const struct log_entry *entry = &record->entry;
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, LOG_RECORD);
	writer_u8(&value, (uint8_t)entry->kind);
	writer_u8(&value, entry->collection);
	writer_u64(&value, entry->node);
	writer_u64(&value, entry->parent);
	writer_u64(&value, record->arrived);
	writer_u64(&value, entry->at_ns);
	writer_text16(&value, entry->name);
	outcome = txn_put(txn,
	    key_pair(&key, KEY_LOG, tree, entry->sequence),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

enum outcome
log_forget(struct txn *txn, node_id tree, uint64_t sequence)
{
	struct key key;
	enum outcome outcome;

	if (sequence == 0)
		return OK;
	outcome = txn_remove(txn, key_pair(&key, KEY_LOG, tree, sequence));
	return outcome == NOT_FOUND ? OK : outcome;
}

/* When the subtree of a collection came to its place; 0 for most. */
static enum outcome
arrival_of(struct txn *txn, node_id tree, const struct node *node,
    uint64_t *ret_arrived)
{
	struct log_record record = { 0 };
	struct key key;
	struct text at, value;
	enum outcome outcome;

	if (node->kind == NODE_FILE || node->sequence == 0) {
		*ret_arrived = 0;
		return OK;
	}
	at = key_pair(&key, KEY_LOG, tree, node->sequence);
	outcome = txn_get(txn, at, &value);
	if (outcome == OK)
		outcome = record_decode(at, value, &record);
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_arrived = record.arrived;
	return OK;
}

enum outcome
tree_log(struct tree_change *change, enum log_kind kind, struct node *node)
{
	struct log_record record = { .entry = {
		.sequence = change->tree.sequence + 1,
		.kind = kind,
		.node = node->id,
		.collection = node->kind == NODE_COLLECTION,
		.at_ns = change->actor->now_ns
	} };
	enum outcome outcome = arrival_of(change->txn, change->id, node,
	    &record.arrived);

	if (outcome == OK)
		outcome = log_forget(change->txn, change->id, node->sequence);
	if (outcome != OK)
		return outcome;
	if (kind == LOG_ARRIVED)
		record.arrived = record.entry.sequence;
	else if (record.arrived != 0)
		record.entry.kind = LOG_ARRIVED;
	change->tree.sequence = record.entry.sequence;
	node->sequence = record.entry.sequence;
	return record_write(change->txn, change->id, &record);
}

enum outcome
tree_tombstone(struct tree_change *change, struct node *node,
    uint64_t *ret_sequence)
{
	struct log_record record = { .entry = {
		.sequence = change->tree.sequence + 1,
		.kind = LOG_REMOVED,
		.node = node->id,
		.parent = node->parent,
		.name = node->name,
		.collection = node->kind == NODE_COLLECTION,
		.at_ns = change->actor->now_ns
	} };
	enum outcome outcome = log_forget(change->txn, change->id,
	    node->sequence);

	if (outcome == OK)
		outcome = record_write(change->txn, change->id, &record);
	if (outcome != OK)
		return outcome;
	node->sequence = 0;
	change->tree.sequence = record.entry.sequence;
	*ret_sequence = record.entry.sequence;
	return OK;
}

/* The entry under a cursor; NOT_FOUND past the tree's last. */
static enum outcome
cursor_entry(const struct cursor *cursor, node_id tree,
    struct log_record *ret_record)
{
	if (cursor->key.len == 0 || cursor->key.ptr[0] != KEY_LOG ||
	    key_id_of(cursor->key, 0) != tree)
		return NOT_FOUND;
	return record_decode(cursor->key, cursor->value, ret_record);
}

enum outcome
log_each(struct txn *txn, node_id tree_id, uint64_t after,
    log_each_fn visit, void *context)
{
	struct tree tree;
	struct cursor *cursor;
	struct key key;
	enum outcome outcome = tree_get(txn, tree_id, &tree);

	if (outcome != OK)
		return outcome;
	if (after < tree.pruned || after > tree.sequence)
		return CONFLICT;
	outcome = cursor_open(txn, &cursor);
	if (outcome != OK)
		return outcome;
	if (after < tree.sequence)
		outcome = cursor_seek(cursor,
		    key_pair(&key, KEY_LOG, tree_id, after + 1));
	else
		outcome = NOT_FOUND;
	while (outcome == OK) {
		struct log_record record;

		outcome = cursor_entry(cursor, tree_id, &record);
		if (outcome != OK)
			break;
		if (record.entry.kind == LOG_ARRIVED &&
		    record.arrived <= after)
			record.entry.kind = LOG_CHANGED;
		if (!visit(&record.entry, context))
			break;
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND ? OK : outcome;
}

/* The first entry behind `after`; its texts are not used. */
static enum outcome
entry_behind(struct txn *txn, node_id tree, uint64_t after,
    struct log_record *ret_record)
{
	struct cursor *cursor;
	struct key key;
	enum outcome outcome;

	if (after == UINT64_MAX)
		return NOT_FOUND;
	outcome = cursor_open(txn, &cursor);
	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor,
	    key_pair(&key, KEY_LOG, tree, after + 1));
	if (outcome == OK)
		outcome = cursor_entry(cursor, tree, ret_record);
	cursor_close(cursor);
	return outcome;
}

/*
 * Looks at entries in order and stops at the first young one. Entries of
 * nodes that live are passed over and not seen again (tree.swept), so that
 * each round costs what is new to it.
 */
static enum outcome
prune_some(struct txn *txn, struct tree *tree, uint64_t before_ns,
    size_t budget, bool *ret_more)
{
	struct log_record record;
	enum outcome outcome = entry_behind(txn, tree->root, tree->swept,
	    &record);

	while (outcome == OK && record.entry.at_ns < before_ns) {
		if (budget-- == 0) {
			*ret_more = true;
			return OK;
		}
		tree->swept = record.entry.sequence;
		if (record.entry.kind == LOG_REMOVED) {
			tree->pruned = record.entry.sequence;
			outcome = log_forget(txn, tree->root, tree->pruned);
		}
		if (outcome == OK)
			outcome = entry_behind(txn, tree->root, tree->swept,
			    &record);
	}
	*ret_more = false;
	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
log_prune(struct txn *txn, node_id tree_id, uint64_t before_ns,
    size_t budget, bool *ret_more)
{
	struct tree tree;
	uint64_t swept;
	bool more = false;
	enum outcome outcome = tree_get(txn, tree_id, &tree);

	if (outcome != OK)
		return outcome;
	swept = tree.swept;
	outcome = prune_some(txn, &tree, before_ns, budget, &more);
	if (outcome == OK && tree.swept != swept)
		outcome = tree_store(txn, &tree);
	if (outcome == OK)
		*ret_more = more;
	return outcome;
}
