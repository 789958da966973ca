#include "store/log_entry.h"

#include "server/base/codec.h"
#include "store/keys.h"
#include "store/tree_change.h"

/*
 * A node that lives has one entry: the older one goes when a newer one is
 * written. What arrived as a subtree stays ARRIVED in later entries, for a
 * reader may be anywhere between: one who pages through the log stands past
 * the place of the older entry without having seen it.
 */
enum { LOG_RECORD = 1 };

enum entry_flag {
	ENTRY_COLLECTION = 1 << 0,
	ENTRY_GRANTED = 1 << 1,
	ENTRY_WAS_REFUSED = 1 << 2,
	ENTRY_IS_REFUSED = 1 << 3
};

enum {
	ENTRY_FLAGS_REFUSED = ENTRY_WAS_REFUSED | ENTRY_IS_REFUSED,
	ENTRY_FLAGS = ENTRY_COLLECTION | ENTRY_GRANTED | ENTRY_FLAGS_REFUSED
};

static enum outcome
entry_decode(struct text key, struct text value, struct log_entry *ret_entry)
{
	struct reader reader = reader_from(value);
	struct log_entry entry = { .sequence = key_id_of(key, 1) };
	uint8_t version = reader_u8(&reader);
	uint8_t kind = reader_u8(&reader);
	uint8_t flags = reader_u8(&reader);

	entry.node = reader_u64(&reader);
	entry.parent = reader_u64(&reader);
	entry.at_ns = reader_u64(&reader);
	entry.name = reader_text16(&reader);
	if (kind == LOG_RIGHTS)
		entry.subject = reader_u64(&reader);
	if (!reader_done(&reader) || version != LOG_RECORD ||
	    (flags & ~ENTRY_FLAGS) != 0 ||
	    (kind != LOG_RIGHTS && (flags & ENTRY_FLAGS_REFUSED) != 0) ||
	    kind < LOG_CHANGED || kind > LOG_RIGHTS ||
	    (kind == LOG_RIGHTS && entry.subject == 0))
		return DAMAGED;
	entry.kind = (enum log_kind)kind;
	entry.collection = (flags & ENTRY_COLLECTION) != 0;
	entry.granted = (flags & ENTRY_GRANTED) != 0;
	entry.was_refused = (flags & ENTRY_WAS_REFUSED) != 0;
	entry.is_refused = (flags & ENTRY_IS_REFUSED) != 0;
	*ret_entry = entry;
	return OK;
}

static enum outcome
entry_write(struct txn *txn, node_id tree, const struct log_entry *entry)
{
	unsigned flags = (entry->collection ? ENTRY_COLLECTION : 0) |
	    (entry->granted ? ENTRY_GRANTED : 0) |
	    (entry->was_refused ? ENTRY_WAS_REFUSED : 0) |
	    (entry->is_refused ? ENTRY_IS_REFUSED : 0);
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, LOG_RECORD);
	writer_u8(&value, (uint8_t)entry->kind);
	writer_u8(&value, (uint8_t)flags);
	writer_u64(&value, entry->node);
	writer_u64(&value, entry->parent);
	writer_u64(&value, entry->at_ns);
	writer_text16(&value, entry->name);
	if (entry->kind == LOG_RIGHTS)
		writer_u64(&value, entry->subject);
	outcome = txn_put(txn, key_pair(&key, KEY_LOG, tree, entry->sequence),
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

/* Did the node's entry say that its subtree arrived? */
static enum outcome
had_arrived(struct tree_change *change, const struct node *node,
    bool *ret_arrived)
{
	struct log_entry entry = { .kind = LOG_CHANGED };
	struct key key;
	struct text at, value;
	enum outcome outcome = NOT_FOUND;

	if (node->kind == NODE_COLLECTION && node->sequence != 0) {
		at = key_pair(&key, KEY_LOG, change->id, node->sequence);
		outcome = txn_get(change->txn, at, &value);
		if (outcome == OK)
			outcome = entry_decode(at, value, &entry);
	}
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_arrived = entry.kind == LOG_ARRIVED;
	return OK;
}

enum outcome
tree_log(struct tree_change *change, enum log_kind kind, struct node *node)
{
	struct log_entry entry = { .sequence = change->tree.sequence + 1,
		.kind = kind,
		.node = node->id,
		.collection = node->kind == NODE_COLLECTION,
		.at_ns = change->actor->now_ns };
	bool arrived;
	enum outcome outcome = had_arrived(change, node, &arrived);

	if (outcome == OK)
		outcome = log_forget(change->txn, change->id, node->sequence);
	if (outcome != OK)
		return outcome;
	if (arrived)
		entry.kind = LOG_ARRIVED;
	change->tree.sequence = entry.sequence;
	node->sequence = entry.sequence;
	return entry_write(change->txn, change->id, &entry);
}

enum outcome
tree_tombstone(struct tree_change *change, struct node *node,
    uint64_t *ret_sequence)
{
	struct log_entry entry = { .sequence = change->tree.sequence + 1,
		.kind = LOG_REMOVED,
		.node = node->id,
		.parent = node->parent,
		.name = node->name,
		.collection = node->kind == NODE_COLLECTION,
		.granted = (node->flags & NODE_HAS_GRANTS) != 0,
		.at_ns = change->actor->now_ns };
	enum outcome outcome = log_forget(change->txn, change->id,
	    node->sequence);

	if (outcome == OK)
		outcome = entry_write(change->txn, change->id, &entry);
	if (outcome != OK)
		return outcome;
	node->sequence = 0;
	change->tree.sequence = entry.sequence;
	change->tree.tombstone = entry.sequence;
	*ret_sequence = entry.sequence;
	return OK;
}

enum outcome
tree_log_rights(struct tree_change *change, const struct node *node,
    const struct regrant *regrant)
{
	struct log_entry entry = { .sequence = change->tree.sequence + 1,
		.kind = LOG_RIGHTS,
		.node = node->id,
		.parent = node->parent,
		.name = node->name,
		.collection = node->kind == NODE_COLLECTION,
		.at_ns = change->actor->now_ns,
		.subject = regrant->subject,
		.was_refused = regrant->was_refused,
		.is_refused = regrant->is_refused };

	change->tree.sequence = entry.sequence;
	return entry_write(change->txn, change->id, &entry);
}

/* The entry under a cursor; NOT_FOUND past the tree's last. */
static enum outcome
cursor_entry(const struct cursor *cursor, node_id tree,
    struct log_entry *ret_entry)
{
	if (cursor->key.len == 0 || cursor->key.ptr[0] != KEY_LOG ||
	    key_id_of(cursor->key, 0) != tree)
		return NOT_FOUND;
	return entry_decode(cursor->key, cursor->value, ret_entry);
}

static enum outcome
each_behind(struct txn *txn, node_id tree, uint64_t after, log_each_fn visit,
    void *context)
{
	struct cursor *cursor;
	struct key key;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, key_pair(&key, KEY_LOG, tree, after + 1));
	while (outcome == OK) {
		struct log_entry entry;

		outcome = cursor_entry(cursor, tree, &entry);
		if (outcome != OK || !visit(&entry, context))
			break;
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
log_each(struct txn *txn, node_id tree_id, uint64_t after, log_each_fn visit,
    void *context)
{
	struct tree tree;
	enum outcome outcome = tree_get(txn, tree_id, &tree);

	if (outcome != OK)
		return outcome;
	if (after < tree.pruned || after > tree.sequence)
		return CONFLICT;
	if (after == tree.sequence)
		return OK;
	return each_behind(txn, tree_id, after, visit, context);
}

enum outcome
log_each_kept(struct txn *txn, node_id tree, log_each_fn visit, void *context)
{
	return each_behind(txn, tree, 0, visit, context);
}

/* The first entry behind `after`; its texts are not used. */
static enum outcome
entry_behind(struct txn *txn, node_id tree, uint64_t after,
    struct log_entry *ret_entry)
{
	struct cursor *cursor;
	struct key key;
	enum outcome outcome;

	if (after == UINT64_MAX)
		return NOT_FOUND;
	outcome = cursor_open(txn, &cursor);
	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, key_pair(&key, KEY_LOG, tree, after + 1));
	if (outcome == OK)
		outcome = cursor_entry(cursor, tree, ret_entry);
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
	struct log_entry entry;
	enum outcome outcome = entry_behind(txn, tree->root, tree->swept,
	    &entry);

	while (outcome == OK && entry.at_ns < before_ns) {
		if (budget-- == 0) {
			*ret_more = true;
			return OK;
		}
		tree->swept = entry.sequence;
		if (entry.kind == LOG_REMOVED || entry.kind == LOG_RIGHTS) {
			/* What a restore or log_break() took stays taken. */
			if (tree->pruned < entry.sequence)
				tree->pruned = entry.sequence;
			outcome = log_forget(txn, tree->root, entry.sequence);
		}
		if (outcome == OK)
			outcome = entry_behind(txn, tree->root, tree->swept,
			    &entry);
	}
	*ret_more = false;
	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
log_break(struct txn *txn, node_id tree_id)
{
	struct tree tree;
	enum outcome outcome = tree_get(txn, tree_id, &tree);

	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	tree.pruned = ++tree.sequence;
	return tree_store(txn, &tree);
}

enum outcome
log_prune_due(struct txn *txn, node_id tree_id, uint64_t before_ns,
    bool *ret_due)
{
	struct log_entry entry;
	struct tree tree;
	enum outcome outcome = tree_get(txn, tree_id, &tree);

	if (outcome == OK)
		outcome = entry_behind(txn, tree_id, tree.swept, &entry);
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_due = outcome == OK && entry.at_ns < before_ns;
	return OK;
}

enum outcome
log_prune(struct txn *txn, node_id tree_id, uint64_t before_ns, size_t budget,
    bool *ret_more)
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
