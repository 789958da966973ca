#include "store/tree_change.h"

/* Contents and collections at a place: PUT, MKCOL. */

/* May something new come to the one missing segment of a trail? */
static enum outcome
new_check(struct txn *txn, struct arena *arena, const struct trail *trail,
    struct text name, struct text *ret_key)
{
	if (trail->missing == 0)
		return EXISTS;
	if (trail->missing > 1 || trail_last(trail)->kind != NODE_COLLECTION)
		return CONFLICT;
	if (!tree_levels_fit(trail, 1))
		return TOO_LARGE;
	return tree_place_check(txn, arena, trail, name, ret_key);
}

static struct node
new_node(struct store *store, const struct trail *trail,
    const struct tree_actor *actor)
{
	return (struct node){ .id = store_next_id(store),
		.parent = trail_last(trail)->id,
		.tree = trail->node[0].id,
		.etag = store_next_id(store),
		.created_ns = actor->now_ns,
		.modified_ns = actor->now_ns,
		.creator = actor->user,
		.author = actor->user };
}

/* A new leaf: its entry, its record, its weight above. */
static enum outcome
new_write(struct tree_change *change, const struct trail *trail,
    struct node *node)
{
	struct tree_delta delta = tree_delta_of(node, 1);
	enum outcome outcome = tree_log(change, LOG_CHANGED, node);

	if (outcome == OK)
		outcome = node_store(change->txn, node);
	if (outcome == OK)
		outcome = tree_climb(change, trail, trail->count, &delta);
	change->charge += delta.size;
	return outcome == OK ? tree_end(change) : outcome;
}

/* `node` comes with its name and leaves with its id. */
static enum outcome
mkcol_in(struct tree_change *change, struct store *store, struct arena *arena,
    const struct trail *trail, struct node *node)
{
	struct text name = node->name, key;
	enum outcome outcome = new_check(change->txn, arena, trail, name, &key);

	if (outcome == OK)
		outcome = tree_begin(change->txn, trail->node[0].id,
		    change->actor, change);
	if (outcome != OK)
		return outcome;
	*node = new_node(store, trail, change->actor);
	node->kind = NODE_COLLECTION;
	node->key = key;
	node->name = name;
	node->tree_etag = store_next_id(store);
	return new_write(change, trail, node);
}

enum outcome
tree_mkcol(struct txn *txn, struct store *store, const struct trail *trail,
    struct text name, const struct tree_actor *actor, struct node *ret_node)
{
	struct arena *arena = arena_new();
	struct tree_change change = { .txn = txn, .actor = actor };
	struct node node = { .name = name };
	enum outcome outcome = mkcol_in(&change, store, arena, trail, &node);

	arena_free(arena);
	return outcome == OK ? node_find_id(txn, node.id, ret_node) : outcome;
}

static void
node_fill(struct node *node, const struct tree_content *content,
    const struct tree_actor *actor)
{
	node->kind = NODE_FILE;
	node->size = content->blob.size;
	node->blob = node->size > 0 ? content->blob.id : 0;
	node->media = content->media;
	node->author = actor->user;
	node->modified_ns = content->modified_ns != 0 ? content->modified_ns :
							actor->now_ns;
}

struct put {
	struct tree_change change;
	struct store *store;
	struct arena *arena;
	const struct trail *trail;
	const struct tree_content *content;
};

static enum outcome
put_new(struct put *put, node_id *ret_id)
{
	struct tree_change *change = &put->change;
	const struct trail *trail = put->trail;
	const struct tree_content *content = put->content;
	struct node node;
	struct text key;
	enum outcome outcome = new_check(change->txn, put->arena, trail,
	    content->name, &key);

	if (outcome == OK)
		outcome = quota_fits(change->txn, trail, 0, change->tree.owner,
		    (int64_t)content->blob.size);
	if (outcome == OK && content->blob.size > 0)
		outcome = blob_link(change->txn, &content->blob);
	if (outcome != OK)
		return outcome;
	node = new_node(put->store, trail, change->actor);
	node_fill(&node, content, change->actor);
	node.key = key;
	node.name = content->name;
	*ret_id = node.id;
	return new_write(change, trail, &node);
}

enum outcome
tree_overwrite_plan(struct txn *txn, const struct store *store,
    struct tree_overwrite *over)
{
	return version_plan(txn, store, over->node, &over->plan);
}

int64_t
tree_overwrite_bytes(const struct tree_overwrite *over)
{
	return (int64_t)(over->content->blob.size - over->node->size) +
	    over->plan.delta;
}

/* The new reference comes first: it may be of the blob that is let go. */
static enum outcome
overwrite_blobs(struct tree_change *change, struct store *store,
    const struct tree_overwrite *over, struct node *node)
{
	const struct blob_ref *blob = &over->content->blob;
	enum outcome outcome = OK;

	if (blob->size > 0)
		outcome = over->shared ? blob_reference(change->txn, blob->id) :
					 blob_link(change->txn, blob);
	if (outcome == OK)
		outcome = version_apply(change->txn, store, &over->plan, node,
		    change->actor->now_ns);
	return outcome;
}

enum outcome
tree_overwrite(struct tree_change *change, struct store *store,
    const struct tree_overwrite *over)
{
	struct node node = *over->node;
	struct tree_delta delta = { .size = (int64_t)(over->content->blob.size -
					node.size),
		.versions = over->plan.delta };
	enum outcome outcome = overwrite_blobs(change, store, over, &node);

	if (outcome != OK)
		return outcome;
	node_fill(&node, over->content, change->actor);
	node.etag = store_next_id(store);
	outcome = tree_log(change, LOG_CHANGED, &node);
	if (outcome == OK)
		outcome = node_update(change->txn, &node);
	if (outcome == OK)
		outcome = counter_add(&change->tree.version_bytes,
		    delta.versions);
	change->charge += delta.size + delta.versions;
	if (outcome != OK)
		return outcome;
	return tree_climb(change, over->trail, over->trail->count - 1, &delta);
}

static enum outcome
put_over(struct put *put, node_id *ret_id)
{
	struct tree_change *change = &put->change;
	struct node node;
	struct tree_overwrite over = {
		.trail = put->trail, .node = &node, .content = put->content
	};
	enum outcome outcome = node_again(change->txn, put->arena,
	    trail_last(put->trail), &node);

	if (outcome != OK)
		return outcome == NOT_FOUND ? CONFLICT : outcome;
	if (node.kind != NODE_FILE)
		return EXISTS;
	outcome = tree_overwrite_plan(change->txn, put->store, &over);
	if (outcome == OK)
		outcome = quota_fits(change->txn, put->trail, 0,
		    change->tree.owner, tree_overwrite_bytes(&over));
	if (outcome == OK)
		outcome = tree_overwrite(change, put->store, &over);
	*ret_id = node.id;
	return outcome == OK ? tree_end(change) : outcome;
}

enum outcome
tree_put(struct txn *txn, struct store *store, const struct trail *trail,
    const struct tree_content *content, const struct tree_actor *actor,
    struct node *ret_node)
{
	struct put put = { .store = store, .trail = trail, .content = content };
	node_id id = 0;
	enum outcome outcome;

	if (content->blob.size > INT64_MAX)
		return TOO_LARGE;
	if (content->media.len > NODE_MEDIA_MAX)
		return BAD_INPUT;
	outcome = tree_begin(txn, trail->node[0].id, actor, &put.change);
	if (outcome != OK)
		return outcome;
	put.arena = arena_new();
	outcome = trail->missing == 0 ? put_over(&put, &id) :
					put_new(&put, &id);
	arena_free(put.arena);
	return outcome == OK ? node_find_id(txn, id, ret_node) : outcome;
}
