#include "server/base/clock.h"
#include "server/base/codec.h"
#include "store/keys.h"
#include "store/tree_change.h"

/*
 * The queue of what is to be freed, and its worker. Work is done child by
 * child from the bottom, so that it can stop anywhere: what is left hangs
 * where it hung. An entry with a time belongs to a copy under way, which moves
 * the time on with each slice; when a crash ended the copy, the time passes.
 */
enum { RECLAIM_RECORD = 1 };

enum outcome
reclaim_store(struct txn *txn, const struct reclaim *reclaim)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, RECLAIM_RECORD);
	writer_u8(&value, (uint8_t)reclaim->what);
	writer_u64(&value, reclaim->id);
	writer_u64(&value, reclaim->not_before_ns);
	writer_u64(&value, reclaim->slice);
	outcome = txn_put(txn, key_id(&key, KEY_RECLAIM, reclaim->key),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

static enum outcome
reclaim_decode(struct text key, struct text value, struct reclaim *ret_reclaim)
{
	struct reader reader = reader_from(value);
	struct reclaim reclaim = { .key = key_id_of(key, 0) };
	uint8_t version = reader_u8(&reader);
	uint8_t what = reader_u8(&reader);

	reclaim.id = reader_u64(&reader);
	reclaim.not_before_ns = reader_u64(&reader);
	reclaim.slice = reader_u64(&reader);
	if (!reader_done(&reader) || version != RECLAIM_RECORD ||
	    what < RECLAIM_NODE || what > RECLAIM_TREE || reclaim.id == 0)
		return DAMAGED;
	reclaim.what = (enum reclaim_what)what;
	*ret_reclaim = reclaim;
	return OK;
}

enum outcome
reclaim_find(struct txn *txn, uint64_t id, struct reclaim *ret_reclaim)
{
	struct key key;
	struct text at = key_id(&key, KEY_RECLAIM, id), value;
	enum outcome outcome = txn_get(txn, at, &value);

	return outcome == OK ? reclaim_decode(at, value, ret_reclaim) : outcome;
}

enum outcome
reclaim_remove(struct txn *txn, uint64_t id)
{
	struct key key;

	return txn_remove(txn, key_id(&key, KEY_RECLAIM, id));
}

/* The first entry that is due; NOT_FOUND. */
static enum outcome
reclaim_next(struct txn *txn, uint64_t now_ns, struct reclaim *ret_reclaim)
{
	struct cursor *cursor;
	struct reclaim reclaim;
	struct key key;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, key_id(&key, KEY_RECLAIM, 0));
	while (outcome == OK) {
		outcome = NOT_FOUND;
		if (cursor->key.len == 0 || cursor->key.ptr[0] != KEY_RECLAIM)
			break;
		outcome = reclaim_decode(cursor->key, cursor->value, &reclaim);
		if (outcome != OK)
			break;
		if (reclaim.not_before_ns <= now_ns) {
			*ret_reclaim = reclaim;
			break;
		}
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return outcome;
}

/* Frees members of a parent from the bottom until none or no budget. */
static enum outcome
free_below(struct txn *txn, struct store *store, node_id parent, size_t *budget)
{
	node_id above[PATH_LEVELS_MAX + 1];
	size_t depth = 0;
	enum outcome outcome = OK;

	above[0] = parent;
	while (*budget > 0) {
		struct node node;

		outcome = node_next(txn, above[depth], TEXT_NONE, &node);
		if (outcome == OK && node.kind == NODE_COLLECTION) {
			if (++depth > PATH_LEVELS_MAX)
				return DAMAGED;
			above[depth] = node.id;
			continue;
		}
		if (outcome == NOT_FOUND && depth == 0)
			return OK;
		if (outcome == NOT_FOUND)
			outcome = node_find_id(txn, above[depth--], &node);
		if (outcome == OK)
			outcome = node_free(txn, store, &node);
		if (outcome != OK)
			break;
		--*budget;
	}
	return outcome;
}

/* Removes keys that begin with kind and id until none or no budget. */
static enum outcome
remove_keys(struct txn *txn, enum key_kind kind, node_id id, size_t *budget)
{
	enum outcome outcome = OK;

	while (outcome == OK && *budget > 0) {
		struct cursor *cursor;
		struct key key, found = { 0 };
		struct text prefix = key_id(&key, kind, id);

		outcome = cursor_open(txn, &cursor);
		if (outcome != OK)
			return outcome;
		outcome = cursor_seek(cursor, prefix);
		if (outcome == OK && !text_starts(cursor->key, prefix))
			outcome = NOT_FOUND;
		if (outcome == OK)
			prefix = key_pair(&found, kind, id,
			    key_id_of(cursor->key, 1));
		cursor_close(cursor);
		if (outcome != OK)
			break;
		outcome = txn_remove(txn, prefix);
		--*budget;
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
free_node(struct txn *txn, struct store *store, node_id id, size_t *budget)
{
	struct node node;
	enum outcome outcome = free_below(txn, store, id, budget);

	if (outcome != OK || *budget == 0)
		return outcome;
	outcome = node_find_id(txn, id, &node);
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	--*budget;
	return node_free(txn, store, &node);
}

/* The record of the tree goes last: it knows where the trash is. */
static enum outcome
free_tree(struct txn *txn, struct store *store, node_id id, size_t *budget)
{
	struct tree tree;
	struct key key;
	enum outcome outcome = tree_get(txn, id, &tree);

	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	outcome = free_below(txn, store, id, budget);
	if (outcome == OK)
		outcome = free_below(txn, store, tree.trash, budget);
	if (outcome == OK)
		outcome = remove_keys(txn, KEY_TRASH, id, budget);
	if (outcome == OK)
		outcome = remove_keys(txn, KEY_LOG, id, budget);
	if (outcome == OK && *budget > 0)
		outcome = txn_remove(txn, key_id(&key, KEY_TREE, id));
	return outcome;
}

/* Budget that is left afterwards means that the entry is done. */
static enum outcome
reclaim_work(struct txn *txn, struct store *store,
    const struct reclaim *reclaim, size_t *budget)
{
	enum outcome outcome = BUG;

	switch (reclaim->what) {
	case RECLAIM_NODE:
		outcome = free_node(txn, store, reclaim->id, budget);
		break;
	case RECLAIM_BELOW:
		outcome = free_below(txn, store, reclaim->id, budget);
		break;
	case RECLAIM_TREE:
		outcome = free_tree(txn, store, reclaim->id, budget);
		break;
	}
	if (outcome == OK && *budget > 0)
		outcome = reclaim_remove(txn, reclaim->key);
	return outcome;
}

/* Its copy may be a moment from going on: from here on it may not. */
static enum outcome
reclaim_take(struct txn *txn, struct reclaim *reclaim)
{
	if (reclaim->not_before_ns == 0)
		return OK;
	reclaim->not_before_ns = 0;
	reclaim->slice = 0;
	return reclaim_store(txn, reclaim);
}

enum outcome
tree_reclaim_due(struct txn *txn, bool *ret_due)
{
	struct reclaim reclaim;
	enum outcome outcome = reclaim_next(txn, clock_wall_ns(), &reclaim);

	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_due = outcome == OK;
	return OK;
}

enum outcome
tree_reclaim(struct txn *txn, struct store *store, size_t budget,
    bool *ret_more)
{
	uint64_t now_ns = clock_wall_ns();
	enum outcome outcome = OK;

	while (outcome == OK && budget > 0) {
		struct reclaim reclaim;

		outcome = reclaim_next(txn, now_ns, &reclaim);
		if (outcome == OK)
			outcome = reclaim_take(txn, &reclaim);
		if (outcome == OK)
			outcome = reclaim_work(txn, store, &reclaim, &budget);
	}
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_more = outcome == OK;
	return OK;
}
