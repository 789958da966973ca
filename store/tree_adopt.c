#include <string.h>

#include "store/tree_change.h"

/*
 * A subtree that changes trees: each node names its tree, so each is written.
 * Grants do not travel (rights.md 6), nor does the old tree's log know these
 * nodes any more.
 */
struct adopt_level {
	node_id parent;
	size_t resume_len;
	char resume[PATH_SEGMENT_MAX];
};

struct adopt {
	struct txn *txn;
	node_id tree;
	size_t depth;
	struct adopt_level level[PATH_LEVELS_MAX];
};

/* All but the write of its record. */
static enum outcome
adopt_node(struct txn *txn, struct node *node, node_id tree)
{
	enum outcome outcome = log_forget(txn, node->tree, node->sequence);

	if (outcome == OK && (node->flags & NODE_HAS_GRANTS) != 0)
		outcome = node_drop_grants(txn, node->id);
	node->sequence = 0;
	node->tree = tree;
	node->tree_grants = 0;
	node->flags &= ~(uint32_t)NODE_HAS_GRANTS;
	return outcome;
}

static enum outcome
adopt_enter(struct adopt *adopt, node_id parent)
{
	if (adopt->depth == PATH_LEVELS_MAX)
		return DAMAGED;
	adopt->level[adopt->depth].parent = parent;
	adopt->level[adopt->depth].resume_len = 0;
	adopt->depth++;
	return OK;
}

/* The next member of the deepest level; NOT_FOUND leaves that level. */
static enum outcome
adopt_step(struct adopt *adopt, struct arena *arena)
{
	struct adopt_level *level = &adopt->level[adopt->depth - 1];
	struct text after = { level->resume, level->resume_len };
	struct node node;
	enum outcome outcome = node_next(adopt->txn, level->parent, after,
	    &node);

	if (outcome == NOT_FOUND) {
		adopt->depth--;
		return OK;
	}
	if (outcome != OK)
		return outcome;
	memcpy(level->resume, node.key.ptr, node.key.len);
	level->resume_len = node.key.len;
	node_hold(arena, &node);
	outcome = adopt_node(adopt->txn, &node, adopt->tree);
	if (outcome == OK)
		outcome = node_update(adopt->txn, &node);
	if (outcome == OK && node.kind == NODE_COLLECTION)
		outcome = adopt_enter(adopt, node.id);
	return outcome;
}

enum outcome
tree_adopt(struct txn *txn, struct node *node, node_id tree)
{
	struct arena *arena = arena_new();
	struct adopt *adopt = ARENA_NEW(arena, struct adopt);
	enum outcome outcome = adopt_node(txn, node, tree);

	adopt->txn = txn;
	adopt->tree = tree;
	if (outcome == OK && node->kind == NODE_COLLECTION)
		outcome = adopt_enter(adopt, node->id);
	while (outcome == OK && adopt->depth > 0)
		outcome = adopt_step(adopt, arena);
	arena_free(arena);
	return outcome;
}
