#include "store/tree_change.h"

/*
 * The bookkeeping that all changes of a tree share: counters and etags of
 * ancestors, the tree's record, the use of its owner.
 */
enum outcome
counter_add(uint64_t *counter, int64_t delta)
{
	if (delta < 0 && *counter < (uint64_t)-delta)
		return DAMAGED;
	*counter += (uint64_t)delta;
	return OK;
}

static enum outcome
small_counter_add(uint32_t *counter, int64_t delta)
{
	uint64_t value = *counter;
	enum outcome outcome = counter_add(&value, delta);

	if (outcome != OK || value > UINT32_MAX)
		return DAMAGED;
	*counter = (uint32_t)value;
	return OK;
}

uint64_t
node_weight(const struct node *node)
{
	return node->size + node->tree_size + node->tree_versions;
}

struct tree_delta
tree_delta_of(const struct node *node, int sign)
{
	int64_t grants = (node->flags & NODE_HAS_GRANTS) != 0;
	int64_t locks = (node->flags & NODE_HAS_LOCKS) != 0;

	return (struct tree_delta){ .size = sign *
		    (int64_t)(node->size + node->tree_size),
		.count = sign * (int64_t)(node->tree_count + 1),
		.versions = sign * (int64_t)node->tree_versions,
		.grants = sign * (grants + (int64_t)node->tree_grants),
		.locks = sign * (locks + (int64_t)node->tree_locks),
		.levels = sign > 0 ? node->tree_levels + 1 : 0,
		.members = true };
}

bool
tree_levels_fit(const struct trail *trail, size_t levels)
{
	return trail->count - 1 + levels <= PATH_LEVELS_MAX;
}

enum outcome
tree_begin(struct txn *txn, node_id id, const struct tree_actor *actor,
    struct tree_change *ret_change)
{
	struct tree_change change = { .txn = txn, .actor = actor, .id = id };
	enum outcome outcome = tree_get(txn, id, &change.tree);

	if (outcome == NOT_FOUND)
		return DAMAGED;
	if (outcome == OK)
		*ret_change = change;
	return outcome;
}

enum outcome
tree_end(struct tree_change *change)
{
	enum outcome outcome = tree_store(change->txn, &change->tree);

	if (outcome == OK && change->charge != 0)
		outcome = quota_charge(change->txn, change->tree.owner,
		    change->charge);
	return outcome;
}

/*
 * A fresh value for the etag of a collection: the sequence is given once in a
 * tree and the mixing is one to one, so a collection never has one twice
 * while it stays in a tree, and two collections never share one but by a
 * chance of 2^-64. (An etag shared by parent and child could come back at the
 * parent's URL by a MOVE of the child, RFC 4918 8.8.)
 */
static uint64_t
fresh_etag(const struct tree_change *change, node_id id)
{
	uint64_t value = change->id * UINT64_C(0xd6e8feb86659fd93) ^
	    id * UINT64_C(0xa0761d6478bd642f);

	value += change->tree.sequence * UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	value ^= value >> 31;
	return value != 0 ? value : 1;
}

/* `levels`: how deep below this node the change reaches. */
static enum outcome
apply_delta(struct node *node, const struct tree_delta *delta, size_t levels)
{
	enum outcome outcome = counter_add(&node->tree_size, delta->size);

	if (outcome == OK)
		outcome = counter_add(&node->tree_count, delta->count);
	if (outcome == OK)
		outcome = counter_add(&node->tree_versions, delta->versions);
	if (outcome == OK)
		outcome = small_counter_add(&node->tree_grants, delta->grants);
	if (outcome == OK)
		outcome = small_counter_add(&node->tree_locks, delta->locks);
	if (outcome != OK)
		return outcome;
	if (node->tree_levels < levels)
		node->tree_levels = (uint32_t)levels;
	if (node->tree_count == 0)
		node->tree_levels = 0;
	return OK;
}

enum outcome
tree_climb(struct tree_change *change, const struct trail *trail, size_t count,
    const struct tree_delta *delta)
{
	for (size_t i = count; i-- > 0;) {
		const struct node *old = &trail->node[i];
		size_t levels = delta->levels == 0 ?
		    0 :
		    count - 1 - i + delta->levels;
		struct node node;
		enum outcome outcome = node_find(change->txn, old->parent,
		    old->key, &node);

		if (outcome == NOT_FOUND)
			return BUG;
		if (outcome == OK)
			outcome = apply_delta(&node, delta, levels);
		if (outcome != OK)
			return outcome;
		if (!delta->quiet)
			node.tree_etag = fresh_etag(change, node.id);
		if (delta->members && i == count - 1)
			node.modified_ns = change->actor->now_ns;
		outcome = node_update(change->txn, &node);
		if (outcome != OK)
			return outcome;
	}
	return OK;
}

enum outcome
node_again(struct txn *txn, struct arena *arena, const struct node *old,
    struct node *ret_node)
{
	enum outcome outcome = node_find(txn, old->parent, old->key, ret_node);

	if (outcome != OK)
		return outcome;
	if (ret_node->id != old->id)
		return NOT_FOUND;
	node_hold(arena, ret_node);
	return OK;
}

enum outcome
tree_place_check(struct txn *txn, struct arena *arena,
    const struct trail *trail, struct text name, struct text *ret_key)
{
	const struct node *parent = trail_last(trail);
	struct node node;
	struct text key;
	enum outcome outcome;

	if (parent->kind != NODE_COLLECTION)
		return CONFLICT;
	outcome = name_key(arena, name, &key);
	if (outcome != OK)
		return outcome;
	outcome = node_find(txn, parent->parent, parent->key, &node);
	if (outcome == NOT_FOUND || (outcome == OK && node.id != parent->id))
		return CONFLICT;
	if (outcome == OK)
		outcome = node_find(txn, parent->id, key, &node);
	if (outcome == OK)
		return EXISTS;
	if (outcome != NOT_FOUND)
		return outcome;
	*ret_key = key;
	return OK;
}
