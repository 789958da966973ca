#include <string.h>

#include "server/base/clock.h"
#include "store/tree_change.h"

/*
 * COPY in slices. The copy grows below a hidden parent that is no node; the
 * reclaimer has an entry for it from the first slice on and is held off by a
 * time that every slice moves on. A slice may run again because its
 * transaction was undone, while struct tree_copy remembers it: so the number
 * of the slice stands in that entry too, and where the two differ the copy
 * goes back to the mark that is true, or to the beginning when the reclaimer
 * has taken what rested too long.
 */
#define COPY_LEASE_NS (10 * 60 * NS_PER_SECOND)

struct copy_mark { /* never changed once it is made; arena of the copy */
	const struct copy_mark *before; /* NULL: the first */
	uint64_t key;                   /* of the reclaimer's entry */
	uint64_t slice;
	node_id hidden, staged;
	uint64_t nodes, bytes;
	size_t depth;
	struct copy_level *level;
};

/* The mark that agrees with what is written; NULL: nothing is. */
static enum outcome
mark_find(struct txn *txn, const struct tree_copy *copy,
    const struct copy_mark **ret_mark)
{
	const struct copy_mark *mark = copy->state;
	struct reclaim reclaim = { 0 };
	enum outcome outcome;

	if (mark != NULL) {
		outcome = reclaim_find(txn, mark->key, &reclaim);
		if (outcome != OK && outcome != NOT_FOUND)
			return outcome;
	}
	while (mark != NULL && mark->slice != reclaim.slice)
		mark = mark->before;
	*ret_mark = mark;
	return OK;
}

/* What can be known before the first node is copied. */
static enum outcome
copy_check(struct txn *txn, const struct tree_copy *copy, uint64_t most)
{
	struct tree tree;
	struct quota quota;
	uint64_t bytes = copy->source->size + copy->source->tree_size;
	enum outcome outcome;

	if (copy->shallow || copy->filter != NULL)
		return OK;
	if (copy->source->tree_count >= most)
		return TOO_LARGE;
	if (copy->tree == 0)
		return OK;
	outcome = tree_get(txn, copy->tree, &tree);
	if (outcome == OK)
		outcome = quota_of_user(txn, tree.owner, &quota);
	if (outcome != OK)
		return outcome == NOT_FOUND ? CONFLICT : outcome;
	return bytes > quota.available ? NO_SPACE : OK;
}

static void
run_resume(struct copy_run *run, const struct copy_mark *mark)
{
	run->nodes = mark->nodes;
	run->bytes = mark->bytes;
	run->depth = mark->depth;
	if (mark->depth > 0)
		memcpy(run->level, mark->level,
		    mark->depth * sizeof(*mark->level));
}

/* The root of the copy, below a parent of its own. */
static enum outcome
run_start(struct copy_run *run, const struct tree_copy *copy,
    struct copy_mark *mark)
{
	struct node source;
	struct arena *arena;
	enum outcome outcome = node_find_id(run->txn, copy->source->id,
	    &source);

	if (outcome != OK)
		return outcome;
	mark->key = store_next_id(run->store);
	mark->hidden = store_next_id(run->store);
	arena = arena_new();
	node_hold(arena, &source);
	outcome = copy_root(run, &source, mark->hidden, source.key,
	    &mark->staged);
	arena_free(arena);
	return outcome;
}

static enum outcome
run_slice(struct copy_run *run, uint64_t most)
{
	uint64_t slice = run->copy->slice != 0 ? run->copy->slice : COPY_SLICE;
	uint64_t end = run->nodes + slice;
	enum outcome outcome = OK;
	uint64_t steps = 0;

	/* Steps are bounded too: what a filter skips costs as well. */
	while (outcome == OK && run->depth > 0 && run->nodes < end &&
	    steps++ < 4 * slice) {
		outcome = copy_step(run);
		if (run->nodes > most)
			return TOO_LARGE;
	}
	return outcome;
}

/* The mark after a slice: written, then remembered. */
static enum outcome
mark_write(const struct copy_run *run, struct tree_copy *copy,
    const struct copy_mark *before, struct copy_mark *mark)
{
	struct reclaim reclaim = { .key = mark->key,
		.what = RECLAIM_BELOW,
		.id = mark->hidden,
		.not_before_ns = clock_wall_ns() + COPY_LEASE_NS };
	enum outcome outcome;

	mark->before = before;
	mark->slice = before != NULL ? before->slice + 1 : 1;
	reclaim.slice = mark->slice;
	outcome = reclaim_store(run->txn, &reclaim);
	if (outcome != OK)
		return outcome;
	mark->nodes = run->nodes;
	mark->bytes = run->bytes;
	mark->depth = run->depth;
	mark->level = ARENA_ARRAY(copy->arena, run->depth, struct copy_level);
	if (run->depth > 0)
		memcpy(mark->level, run->level,
		    run->depth * sizeof(*mark->level));
	copy->state = mark;
	copy->hidden = mark->hidden;
	copy->staged = mark->staged;
	copy->nodes = mark->nodes;
	copy->bytes = mark->bytes;
	copy->complete = mark->depth == 0;
	return OK;
}

static enum outcome
slice_run(struct copy_run *run, struct tree_copy *copy,
    const struct copy_mark *before)
{
	struct copy_mark *mark = ARENA_NEW(copy->arena, struct copy_mark);
	uint64_t most = copy->nodes_max != 0 ?
	    copy->nodes_max :
	    run->store->conf->limits.tree_nodes;
	enum outcome outcome;

	if (before != NULL) {
		*mark = *before;
		run_resume(run, before);
		outcome = OK;
	} else {
		outcome = copy_check(run->txn, copy, most);
		if (outcome == OK)
			outcome = run_start(run, copy, mark);
	}
	if (outcome == OK)
		outcome = run_slice(run, most);
	if (outcome == OK)
		outcome = mark_write(run, copy, before, mark);
	return outcome;
}

/* The source must still have a place: what is being freed is not copied. */
static enum outcome
source_check(struct txn *txn, const struct tree_copy *copy)
{
	struct arena *arena = arena_new();
	struct trail trail;
	enum outcome outcome = trail_find_id(txn, arena, copy->source->id,
	    &trail);

	arena_free(arena);
	return outcome;
}

enum outcome
tree_copy_slice(struct txn *txn, struct store *store, struct tree_copy *copy)
{
	const struct copy_mark *mark;
	struct arena *arena;
	struct copy_run *run;
	enum outcome outcome = mark_find(txn, copy, &mark);

	if (outcome == OK)
		outcome = source_check(txn, copy);
	if (outcome != OK)
		return outcome;
	if (mark != NULL && mark->depth == 0)
		return OK;
	arena = arena_new();
	run = ARENA_NEW(arena, struct copy_run);
	run->txn = txn;
	run->store = store;
	run->actor = &copy->actor;
	run->copy = copy;
	run->tree = copy->tree != 0 ? copy->tree : copy->source->tree;
	outcome = slice_run(run, copy, mark);
	arena_free(arena);
	return outcome;
}

/* A finished copy that is all there; BUSY when it rested too long. */
static enum outcome
staged_find(struct txn *txn, struct arena *arena, const struct tree_copy *copy,
    struct node *ret_node)
{
	const struct copy_mark *mark;
	enum outcome outcome = mark_find(txn, copy, &mark);

	if (outcome != OK)
		return outcome;
	if (mark == NULL || mark->depth > 0)
		return BUSY;
	outcome = node_find_id(txn, mark->staged, ret_node);
	if (outcome == OK)
		node_hold(arena, ret_node);
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

/* RFC 4918 9.8.5: a collection with its members does not go into itself. */
static enum outcome
publish_check(struct tree_change *change, struct arena *arena,
    const struct tree_copy *copy, const struct trail *target, struct node *node)
{
	struct text name = node->name;
	enum outcome outcome;

	for (size_t i = 0; !copy->shallow && i < target->count; i++)
		if (target->node[i].id == copy->source->id)
			return CONFLICT;
	outcome = tree_place_check(change->txn, arena, target, name,
	    &node->key);
	if (outcome != OK)
		return outcome;
	if (!tree_levels_fit(target, node->tree_levels + 1))
		return TOO_LARGE;
	return quota_fits(change->txn, target, 0, change->tree.owner,
	    (int64_t)node_weight(node));
}

/* `node` has its new key and name, and hangs below the hidden parent yet. */
static enum outcome
publish_write(struct tree_change *change, const struct tree_copy *copy,
    const struct trail *target, const struct node *staged, struct node *node)
{
	const struct copy_mark *mark = copy->state;
	struct tree_delta delta = tree_delta_of(node, 1);
	enum outcome outcome = node_unlink(change->txn, staged);

	if (outcome == OK && node->tree != change->id)
		outcome = tree_adopt(change->txn, node, change->id);
	node->parent = trail_last(target)->id;
	if (outcome == OK)
		outcome = tree_log(change, LOG_ARRIVED, node);
	if (outcome == OK)
		outcome = node_store(change->txn, node);
	if (outcome == OK)
		outcome = reclaim_remove(change->txn, mark->key);
	change->charge += (int64_t)node_weight(node);
	if (outcome == OK)
		outcome = tree_climb(change, target, target->count, &delta);
	return outcome == OK ? tree_end(change) : outcome;
}

enum outcome
tree_copy_publish(struct txn *txn, struct store *store, struct tree_copy *copy,
    const struct trail *target, struct text name, struct node *ret_node)
{
	struct arena *arena = arena_new();
	struct tree_change change;
	struct node staged, node;
	enum outcome outcome = staged_find(txn, arena, copy, &staged);

	(void)store; /* the nodes have their ids already */
	if (outcome == OK)
		outcome = tree_begin(txn, target->node[0].id, &copy->actor,
		    &change);
	if (outcome == OK) {
		node = staged;
		node.name = name;
		outcome = publish_check(&change, arena, copy, target, &node);
	}
	if (outcome == OK)
		outcome = publish_write(&change, copy, target, &staged, &node);
	arena_free(arena);
	if (outcome != OK)
		return outcome;
	return node_find_id(txn, staged.id, ret_node);
}

enum outcome
tree_copy_discard(struct txn *txn, struct store *store, struct tree_copy *copy)
{
	const struct copy_mark *mark = copy->state;
	struct reclaim reclaim;
	enum outcome outcome;

	(void)store; /* the reclaimer frees it */
	if (mark == NULL)
		return OK;
	outcome = reclaim_find(txn, mark->key, &reclaim);
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	reclaim.not_before_ns = 0;
	reclaim.slice = 0;
	return reclaim_store(txn, &reclaim);
}
