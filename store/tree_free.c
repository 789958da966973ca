#include "store/tree_change.h"

#include "server/base/codec.h"
#include "store/keys.h"
#include "store/lock.h"
#include "store/property.h"

/*
 * A node that goes for good takes with it what is keyed by its id. Its bytes
 * were taken off the counters when it became unreachable.
 */

/* The first grant on a node: its id, and who has it. */
static enum outcome
grant_first(struct txn *txn, node_id node, uint64_t *ret_grant,
    user_id *ret_subject)
{
	struct cursor *cursor;
	struct key key;
	struct text prefix = key_id(&key, KEY_GRANT, node);
	struct reader reader;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, prefix);
	if (outcome == OK && !text_starts(cursor->key, prefix))
		outcome = NOT_FOUND;
	if (outcome == OK) {
		/* A grant's record begins with version and subject. */
		reader = reader_from(cursor->value);
		(void)reader_u8(&reader);
		*ret_subject = reader_u64(&reader);
		*ret_grant = key_id_of(cursor->key, 1);
	}
	cursor_close(cursor);
	return outcome;
}

static enum outcome
remove_if_there(struct txn *txn, struct text key)
{
	enum outcome outcome = txn_remove(txn, key);

	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
node_drop_grants(struct txn *txn, node_id node)
{
	enum outcome outcome;

	for (;;) {
		struct key key;
		uint64_t grant;
		user_id subject;

		outcome = grant_first(txn, node, &grant, &subject);
		if (outcome != OK)
			break;
		outcome = txn_remove(txn,
		    key_pair(&key, KEY_GRANT, node, grant));
		if (outcome == OK)
			outcome = remove_if_there(txn,
			    key_id(&key, KEY_GRANT_NODE, grant));
		if (outcome == OK)
			outcome = remove_if_there(txn,
			    key_pair(&key, KEY_GRANT_SUBJECT, subject, grant));
		if (outcome != OK)
			break;
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

/* Of what the flags tell; dead properties are looked for in any case. */
static enum outcome
node_free_belongings(struct txn *txn, struct store *store,
    const struct node *node)
{
	enum outcome outcome = property_remove(txn, node->id);

	if (outcome == OK && (node->flags & NODE_HAS_VERSIONS) != 0)
		outcome = version_remove_all(txn, store, node->id);
	if (outcome == OK && (node->flags & NODE_HAS_GRANTS) != 0)
		outcome = node_drop_grants(txn, node->id);
	if (outcome == OK && (node->flags & NODE_IS_CELL_ROOT) != 0)
		outcome = cell_forget(txn, node->id);
	if (outcome == OK)
		outcome = log_forget(txn, node->tree, node->sequence);
	if (outcome == OK && node->blob != 0)
		outcome = blob_release(txn, store, node->blob);
	return outcome;
}

enum outcome
node_free(struct txn *txn, struct store *store, const struct node *node)
{
	struct arena *arena = arena_new();
	struct node held = *node;
	enum outcome outcome;

	node_hold(arena, &held);
	outcome = node_unlink(txn, &held);
	if (outcome == OK)
		outcome = node_free_belongings(txn, store, &held);
	arena_free(arena);
	return outcome;
}
