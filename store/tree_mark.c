#include "store/tree_change.h"

/* Changes that touch no content: times, dead properties, flags. */

/* A node that was changed in place: entry, record, etags above. */
static enum outcome
mark_write(struct txn *txn, const struct trail *trail,
    const struct tree_actor *actor, struct node *node)
{
	struct tree_delta delta = { 0 };
	struct tree_change change;
	enum outcome outcome = tree_begin(txn, trail->node[0].id, actor,
	    &change);

	if (outcome == OK)
		outcome = tree_log(&change, LOG_CHANGED, node);
	if (outcome == OK)
		outcome = node_update(txn, node);
	if (outcome == OK)
		outcome = tree_climb(&change, trail, trail->count - 1, &delta);
	return outcome == OK ? tree_end(&change) : outcome;
}

enum outcome
tree_set_times(struct txn *txn, const struct trail *trail,
    const struct tree_actor *actor, uint64_t created_ns, uint64_t modified_ns)
{
	struct arena *arena = arena_new();
	struct node node;
	enum outcome outcome = node_again(txn, arena, trail_last(trail), &node);

	if (outcome == OK) {
		if (created_ns == 0)
			created_ns = node.created_ns;
		if (modified_ns == 0)
			modified_ns = node.modified_ns;
		if (node.created_ns != created_ns ||
		    node.modified_ns != modified_ns) {
			node.created_ns = created_ns;
			node.modified_ns = modified_ns;
			outcome = mark_write(txn, trail, actor, &node);
		}
	}
	arena_free(arena);
	return outcome;
}

enum outcome
tree_touch(struct txn *txn, const struct trail *trail,
    const struct tree_actor *actor)
{
	struct arena *arena = arena_new();
	struct node node;
	enum outcome outcome = node_again(txn, arena, trail_last(trail), &node);

	if (outcome == OK)
		outcome = mark_write(txn, trail, actor, &node);
	arena_free(arena);
	return outcome;
}

/* Who lists a collection sees other members of it: its own etag is new too. */
enum outcome
tree_regrant(struct txn *txn, const struct trail *trail,
    const struct regrant *regrant, const struct tree_actor *actor)
{
	struct arena *arena = arena_new();
	struct tree_delta delta = { 0 };
	struct tree_change change;
	struct node node;
	enum outcome outcome = node_again(txn, arena, trail_last(trail), &node);

	if (outcome == OK)
		outcome = tree_begin(txn, trail->node[0].id, actor, &change);
	if (outcome == OK)
		outcome = tree_log_rights(&change, &node, regrant);
	if (outcome == OK)
		outcome = tree_climb(&change, trail,
		    trail->count - (node.kind == NODE_FILE), &delta);
	arena_free(arena);
	return outcome == OK ? tree_end(&change) : outcome;
}

enum outcome
tree_set_flag(struct txn *txn, const struct trail *trail, enum node_flag flag,
    bool on)
{
	const struct node *old = trail_last(trail);
	struct tree_change change = { .txn = txn };
	struct tree_delta delta = { .quiet = true };
	struct node node;
	enum outcome outcome = node_find(txn, old->parent, old->key, &node);

	if (outcome != OK)
		return outcome;
	if (((node.flags & (uint32_t)flag) != 0) == on)
		return OK;
	node.flags ^= (uint32_t)flag;
	if (flag == NODE_HAS_GRANTS)
		delta.grants = on ? 1 : -1;
	else if (flag == NODE_HAS_LOCKS)
		delta.locks = on ? 1 : -1;
	outcome = node_update(txn, &node);
	if (outcome == OK && (delta.grants != 0 || delta.locks != 0))
		outcome = tree_climb(&change, trail, trail->count - 1, &delta);
	return outcome;
}
