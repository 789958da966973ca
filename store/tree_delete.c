#include "store/lock.h"
#include "store/tree_change.h"

/* DELETE: one key goes to the trash, with all that hangs below it. */
enum outcome
tree_leave_check(struct txn *txn, struct arena *arena,
    const struct trail *trail, struct node *ret_node)
{
	if (trail->missing > 0)
		return NOT_FOUND;
	if (trail->count < 2)
		return CONFLICT;
	return node_again(txn, arena, trail_last(trail), ret_node);
}

enum outcome
tree_unlock(struct txn *txn, struct arena *arena, struct node *node)
{
	enum outcome outcome;

	if ((node->flags & NODE_HAS_LOCKS) == 0 && node->tree_locks == 0)
		return OK;
	outcome = lock_remove_tree(txn, node);
	if (outcome == OK)
		outcome = node_again(txn, arena, node, node);
	return outcome;
}

enum outcome
tree_detach(struct tree_change *change, const struct trail *trail,
    struct node *node, uint64_t *ret_sequence)
{
	struct tree_delta delta = tree_delta_of(node, -1);
	enum outcome outcome = tree_tombstone(change, node, ret_sequence);

	if (outcome == OK)
		outcome = node_unlink(change->txn, node);
	if (outcome == OK)
		outcome = counter_add(&change->tree.version_bytes,
		    delta.versions);
	change->charge -= (int64_t)node_weight(node);
	if (outcome == OK)
		outcome = tree_climb(change, trail, trail->count - 1, &delta);
	return outcome;
}

static enum outcome
delete_write(struct tree_change *change, const struct trail *trail,
    struct node *node, bool moved_out)
{
	char name[TRASH_NAME_SIZE];
	struct trash_entry entry = { .trail = trail,
		.node = node,
		.kept = node->id,
		.moved_out = moved_out };
	enum outcome outcome = tree_detach(change, trail, node,
	    &entry.sequence);

	if (outcome != OK)
		return outcome;
	node->parent = change->tree.trash;
	node->key = trash_name(name, entry.sequence);
	outcome = node_store(change->txn, node);
	if (outcome == OK)
		outcome = trash_add(change, &entry);
	return outcome == OK ? tree_end(change) : outcome;
}

enum outcome
tree_to_trash(struct txn *txn, const struct trail *trail,
    const struct tree_actor *actor, bool moved_out)
{
	struct arena *arena = arena_new();
	struct tree_change change;
	struct node node;
	enum outcome outcome = tree_leave_check(txn, arena, trail, &node);

	if (outcome == OK)
		outcome = tree_begin(txn, trail->node[0].id, actor, &change);
	if (outcome == OK)
		outcome = tree_unlock(txn, arena, &node);
	if (outcome == OK)
		outcome = delete_write(&change, trail, &node, moved_out);
	arena_free(arena);
	return outcome;
}

enum outcome
tree_delete(struct txn *txn, struct store *store, const struct trail *trail,
    const struct tree_actor *actor)
{
	(void)store; /* nothing is freed and no id is needed yet */
	return tree_to_trash(txn, trail, actor, false);
}
