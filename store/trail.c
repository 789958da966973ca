#include "store/node.h"

/*
 * Trails are found in two parts: from the node at which a path begins up to
 * the root of its tree by KEY_PLACE, then down the segments by name. A node
 * whose ancestors end anywhere but at a root (trash, a copy under way, a tree
 * that is being freed) has no trail.
 */
enum { TRAIL_MAX = PATH_LEVELS_MAX + 1 };

/* Nodes from `id` up to the root, deepest first. */
static enum outcome
climb(struct txn *txn, node_id id, struct node *node, size_t *ret_count)
{
	size_t count = 0;

	for (;;) {
		enum outcome outcome;

		if (count == TRAIL_MAX)
			return DAMAGED;
		outcome = node_find_id(txn, id, &node[count]);
		if (outcome != OK)
			return outcome;
		id = node[count].parent;
		count++;
		if (id == 0)
			break;
	}
	*ret_count = count;
	return OK;
}

/* The same, from the root, held by the arena, with room for `more`. */
static enum outcome
climb_held(struct txn *txn, struct arena *arena, node_id id, size_t more,
    struct trail *ret_trail)
{
	struct node found[TRAIL_MAX];
	struct trail trail = { 0 };
	enum outcome outcome = climb(txn, id, found, &trail.count);

	if (outcome != OK)
		return outcome;
	trail.node = ARENA_ARRAY(arena, trail.count + more, struct node);
	for (size_t i = 0; i < trail.count; i++) {
		trail.node[i] = found[trail.count - 1 - i];
		node_hold(arena, &trail.node[i]);
	}
	trail.base = trail.count - 1;
	*ret_trail = trail;
	return OK;
}

enum outcome
trail_find(struct txn *txn, struct arena *arena, node_id root,
    const struct path *path, struct trail *ret_trail)
{
	struct trail trail;
	enum outcome outcome = climb_held(txn, arena, root, path->count,
	    &trail);
	size_t i;

	if (outcome != OK)
		return outcome;
	for (i = 0; i < path->count; i++) {
		const struct node *last = &trail.node[trail.count - 1];
		struct node *next = &trail.node[trail.count];

		if (last->kind != NODE_COLLECTION)
			break;
		outcome = node_find(txn, last->id, path->key[i], next);
		if (outcome == NOT_FOUND)
			break;
		if (outcome != OK)
			return outcome;
		node_hold(arena, next);
		trail.count++;
	}
	trail.missing = path->count - i;
	*ret_trail = trail;
	return OK;
}

enum outcome
trail_find_id(struct txn *txn, struct arena *arena, node_id id,
    struct trail *ret_trail)
{
	return climb_held(txn, arena, id, 0, ret_trail);
}

const struct node *
trail_last(const struct trail *trail)
{
	return &trail->node[trail->count - 1];
}
