#include "store/tree_change.h"

/*
 * MOVE. Within one tree it is one key and the counters of two trails. Between
 * trees all nodes of the subtree are written, and the tree that loses it keeps
 * a copy in its trash that shares the blobs (rights.md 6). The safe-save fold
 * gives the content of one file to another.
 */
struct move {
	struct txn *txn;
	struct store *store;
	struct arena *arena;
	const struct trail *source, *target;
	const struct tree_actor *actor;
	struct text name, key;
	struct node node; /* what moves, read anew, held */
	bool same_tree, same_parent, same_place;
	size_t common; /* nodes that both trails share */
};

/* A member that finds a level too many ends the walk. */
struct depth_question {
	size_t allowed;
	bool exceeded;
};

static bool
depth_ask(const struct node *node, size_t levels, void *context)
{
	struct depth_question *question = context;

	(void)node;
	question->exceeded = levels > question->allowed;
	return !question->exceeded;
}

/* tree_levels never shrinks: what it forbids is counted once more. */
static enum outcome
levels_check(const struct move *move)
{
	struct depth_question question;
	enum outcome outcome;

	if (tree_levels_fit(move->target, move->node.tree_levels + 1))
		return OK;
	if (!tree_levels_fit(move->target, 1))
		return TOO_LARGE;
	question = (struct depth_question){ .allowed = PATH_LEVELS_MAX -
		    move->target->count };
	outcome = node_walk(move->txn, move->node.id, depth_ask, &question);
	if (outcome != OK)
		return outcome;
	return question.exceeded ? TOO_LARGE : OK;
}

static void
compare_trails(struct move *move)
{
	const struct trail *source = move->source, *target = move->target;

	while (move->common + 1 < source->count &&
	    move->common < target->count &&
	    source->node[move->common].id == target->node[move->common].id)
		move->common++;
	move->same_tree = source->node[0].id == target->node[0].id;
	move->same_parent = source->node[source->count - 2].id ==
	    trail_last(target)->id;
}

static bool
target_is_below(const struct move *move)
{
	for (size_t i = 0; i < move->target->count; i++)
		if (move->target->node[i].id == move->node.id)
			return true;
	return false;
}

/* Its own place under another spelling is free for it. */
static enum outcome
name_check(struct move *move)
{
	struct node other;
	enum outcome outcome = tree_place_check(move->txn, move->arena,
	    move->target, move->name, &move->key);

	if (outcome != EXISTS)
		return outcome;
	outcome = name_key(move->arena, move->name, &move->key);
	if (outcome == OK)
		outcome = node_find(move->txn, trail_last(move->target)->id,
		    move->key, &other);
	if (outcome != OK)
		return outcome;
	move->same_place = other.id == move->node.id;
	return move->same_place ? OK : EXISTS;
}

/* Between trees the source keeps its bytes, so all of it is new. */
static enum outcome
room_check(const struct move *move)
{
	struct tree tree;
	int64_t bytes = (int64_t)node_weight(&move->node);
	enum outcome outcome;

	if (move->same_tree)
		return quota_fits(move->txn, move->target, move->common, 0,
		    bytes);
	if (move->node.tree_count >= move->store->conf->limits.tree_nodes)
		return TOO_LARGE;
	outcome = tree_get(move->txn, move->target->node[0].id, &tree);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	return quota_fits(move->txn, move->target, 0, tree.owner, bytes);
}

static enum outcome
place_check(struct move *move)
{
	enum outcome outcome;

	if (target_is_below(move))
		return CONFLICT;
	outcome = name_check(move);
	if (outcome == OK)
		outcome = levels_check(move);
	return outcome == OK ? room_check(move) : outcome;
}

/* Another name in the same collection. */
static enum outcome
rename_write(struct move *move, struct tree_change *change)
{
	struct tree_delta delta = { .members = true };
	struct node *node = &move->node;
	uint64_t sequence;
	enum outcome outcome = OK;

	if (!move->same_place) {
		outcome = tree_tombstone(change, node, &sequence);
		if (outcome == OK)
			outcome = node_unlink(move->txn, node);
	}
	node->key = move->key;
	node->name = move->name;
	if (outcome == OK)
		outcome = tree_log(change,
		    move->same_place ? LOG_CHANGED : LOG_ARRIVED, node);
	if (outcome == OK)
		outcome = node_store(move->txn, node);
	if (outcome != OK)
		return outcome;
	return tree_climb(change, move->target, move->target->count, &delta);
}

/* Hangs the node below the target; all it weighs is counted there. */
static enum outcome
attach(struct move *move, struct tree_change *change)
{
	struct node *node = &move->node;
	struct tree_delta delta = tree_delta_of(node, 1);
	enum outcome outcome;

	node->parent = trail_last(move->target)->id;
	node->key = move->key;
	node->name = move->name;
	outcome = tree_log(change, LOG_ARRIVED, node);
	if (outcome == OK)
		outcome = node_store(move->txn, node);
	if (outcome == OK)
		outcome = counter_add(&change->tree.version_bytes,
		    delta.versions);
	change->charge += (int64_t)node_weight(node);
	if (outcome == OK)
		outcome = tree_climb(change, move->target, move->target->count,
		    &delta);
	return outcome;
}

static enum outcome
move_within(struct move *move)
{
	struct tree_change change;
	uint64_t sequence;
	enum outcome outcome = tree_begin(move->txn, move->source->node[0].id,
	    move->actor, &change);

	if (outcome == OK && move->same_parent) {
		outcome = rename_write(move, &change);
	} else if (outcome == OK) {
		outcome = tree_detach(&change, move->source, &move->node,
		    &sequence);
		if (outcome == OK)
			outcome = attach(move, &change);
	}
	return outcome == OK ? tree_end(&change) : outcome;
}

/* All of it once more, below the trash of the tree that it leaves. */
static enum outcome
keep_copy(struct move *move, const struct tree_change *change,
    const struct node *from, struct trash_entry *entry)
{
	struct copy_run *run = ARENA_NEW(move->arena, struct copy_run);
	char name[TRASH_NAME_SIZE];
	enum outcome outcome;

	run->txn = move->txn;
	run->store = move->store;
	run->actor = move->actor;
	run->tree = change->id;
	outcome = copy_root(run, from, change->tree.trash,
	    trash_name(name, entry->sequence), &entry->kept);
	while (outcome == OK && run->depth > 0)
		outcome = copy_step(run);
	return outcome;
}

static enum outcome
leave_tree(struct move *move)
{
	struct trash_entry entry = {
		.trail = move->source, .node = &move->node, .moved_out = true
	};
	struct tree_change change;
	enum outcome outcome = tree_begin(move->txn, move->source->node[0].id,
	    move->actor, &change);

	if (outcome == OK)
		outcome = tree_detach(&change, move->source, &move->node,
		    &entry.sequence);
	if (outcome == OK)
		outcome = keep_copy(move, &change, &move->node, &entry);
	if (outcome == OK)
		outcome = trash_add(&change, &entry);
	return outcome == OK ? tree_end(&change) : outcome;
}

static enum outcome
move_between(struct move *move)
{
	struct tree_change change;
	enum outcome outcome = leave_tree(move);

	if (outcome == OK)
		outcome = tree_adopt(move->txn, &move->node,
		    move->target->node[0].id);
	if (outcome == OK)
		outcome = tree_begin(move->txn, move->target->node[0].id,
		    move->actor, &change);
	if (outcome == OK)
		outcome = attach(move, &change);
	return outcome == OK ? tree_end(&change) : outcome;
}

static enum outcome
move_place(struct move *move)
{
	enum outcome outcome = place_check(move);

	if (outcome != OK)
		return outcome;
	if (move->same_place && text_equal(move->name, move->node.name))
		return OK;
	outcome = tree_unlock(move->txn, move->arena, &move->node);
	if (outcome != OK)
		return outcome;
	return move->same_tree ? move_within(move) : move_between(move);
}

/* ---- Fold ---- */

/* The target may be given itself, or by its collection and name. */
static enum outcome
fold_target(struct move *move, struct trail *trail)
{
	const struct trail *target = move->target;
	struct text key;
	enum outcome outcome;

	*trail = *target;
	if (trail_last(target)->kind == NODE_FILE)
		return OK;
	outcome = name_key(move->arena, move->name, &key);
	if (outcome != OK)
		return outcome;
	trail->node = ARENA_ARRAY(move->arena, target->count + 1, struct node);
	for (size_t i = 0; i < target->count; i++)
		trail->node[i] = target->node[i];
	outcome = node_find(move->txn, trail_last(target)->id, key,
	    &trail->node[trail->count]);
	if (outcome != OK)
		return outcome == NOT_FOUND ? CONFLICT : outcome;
	node_hold(move->arena, &trail->node[trail->count]);
	trail->count++;
	trail->missing = 0;
	return OK;
}

/* In one tree the source's own bytes make room for themselves. */
static enum outcome
fold_room(const struct move *move, const struct tree_overwrite *over)
{
	int64_t bytes = tree_overwrite_bytes(over);
	struct tree tree;
	enum outcome outcome = tree_get(move->txn, over->trail->node[0].id,
	    &tree);

	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (!move->same_tree)
		return quota_fits(move->txn, over->trail, 0, tree.owner, bytes);
	outcome = quota_fits(move->txn, over->trail, move->common, 0, bytes);
	if (outcome != OK)
		return outcome;
	return quota_fits(move->txn, over->trail, 0, tree.owner,
	    bytes - (int64_t)node_weight(&move->node));
}

/* The source is used up: its blob lives on in the target. */
static enum outcome
fold_consume(struct move *move, struct tree_change *change)
{
	struct node *node = &move->node;
	struct tree_delta delta = tree_delta_of(node, -1);
	uint64_t sequence;
	enum outcome outcome = tree_tombstone(change, node, &sequence);

	if (outcome == OK)
		outcome = node_free(move->txn, move->store, node);
	if (outcome == OK)
		outcome = counter_add(&change->tree.version_bytes,
		    delta.versions);
	change->charge -= (int64_t)node_weight(node);
	if (outcome != OK)
		return outcome;
	return tree_climb(change, move->source, move->source->count - 1,
	    &delta);
}

static enum outcome
fold_write(struct move *move, const struct tree_overwrite *over)
{
	struct tree_change change;
	enum outcome outcome = tree_unlock(move->txn, move->arena, &move->node);

	if (outcome == OK)
		outcome = tree_begin(move->txn, over->trail->node[0].id,
		    move->actor, &change);
	if (outcome == OK)
		outcome = tree_overwrite(&change, move->store, over);
	if (outcome == OK && move->same_tree)
		outcome = fold_consume(move, &change);
	if (outcome == OK)
		outcome = tree_end(&change);
	if (outcome != OK || move->same_tree)
		return outcome;
	return tree_to_trash(move->txn, move->source, move->actor, true);
}

static enum outcome
move_fold(struct move *move)
{
	struct tree_content content = { .blob = { .id = move->node.blob,
					    .size = move->node.size },
		.name = move->name,
		.media = move->node.media,
		.modified_ns = move->node.modified_ns };
	struct trail trail;
	struct node target;
	struct tree_overwrite over = { .trail = &trail,
		.node = &target,
		.content = &content,
		.shared = true };
	enum outcome outcome = fold_target(move, &trail);

	if (outcome == OK)
		outcome = node_again(move->txn, move->arena, trail_last(&trail),
		    &target);
	if (outcome != OK)
		return outcome;
	if (target.kind != NODE_FILE || move->node.kind != NODE_FILE ||
	    target.id == move->node.id)
		return CONFLICT;
	outcome = tree_overwrite_plan(move->txn, move->store, &over);
	if (outcome == OK)
		outcome = fold_room(move, &over);
	return outcome == OK ? fold_write(move, &over) : outcome;
}

enum outcome
tree_move(struct txn *txn, struct store *store, const struct trail *source,
    const struct trail *target, struct text name, enum tree_move_how how,
    const struct tree_actor *actor)
{
	struct move move = { .txn = txn,
		.store = store,
		.arena = arena_new(),
		.source = source,
		.target = target,
		.actor = actor,
		.name = name };
	enum outcome outcome = tree_leave_check(txn, move.arena, source,
	    &move.node);

	if (outcome == OK) {
		compare_trails(&move);
		outcome = how == TREE_MOVE_FOLD ? move_fold(&move) :
						  move_place(&move);
	}
	arena_free(move.arena);
	return outcome;
}
