#include <string.h>

#include "store/property.h"
#include "store/tree_change.h"

/*
 * Copies nodes one by one, parents first. A collection is written empty when
 * it is entered and again with its counters when it is left, so that a copy
 * which stops anywhere is still a proper tree for the reclaimer.
 */
static struct node
copy_of(struct copy_run *run, const struct node *from, node_id parent,
    struct text key)
{
	struct node node = { .id = store_next_id(run->store),
		.parent = parent,
		.tree = run->tree,
		.kind = from->kind,
		.flags = from->flags & NODE_HAS_PROPERTIES,
		.key = key,
		.name = from->name,
		.media = from->media,
		.blob = from->blob,
		.size = from->size,
		.etag = store_next_id(run->store),
		.created_ns = run->actor->now_ns,
		.modified_ns = from->modified_ns,
		.creator = run->actor->user,
		.author = run->actor->user };

	if (from->kind == NODE_COLLECTION)
		node.tree_etag = store_next_id(run->store);
	if (run->copy != NULL)
		return node;
	/* What is kept for an owner keeps its story. */
	node.created_ns = from->created_ns;
	node.creator = from->creator;
	node.author = from->author;
	if (from->kind == NODE_FILE) {
		node.flags |= from->flags & NODE_HAS_VERSIONS;
		node.tree_versions = from->tree_versions;
	}
	return node;
}

/* Texts of `from` are not borrowed from the transaction. */
static enum outcome
copy_node(struct copy_run *run, const struct node *from, node_id parent,
    struct text key, struct node *ret_node)
{
	struct node node = copy_of(run, from, parent, key);
	enum outcome outcome = node_store(run->txn, &node);

	if (outcome == OK && node.blob != 0)
		outcome = blob_reference(run->txn, node.blob);
	if (outcome == OK && (node.flags & NODE_HAS_PROPERTIES) != 0)
		outcome = property_copy(run->txn, from->id, node.id);
	if (outcome == OK && (node.flags & NODE_HAS_VERSIONS) != 0)
		outcome = version_copy(run->txn, from->id, node.id);
	run->nodes++;
	run->bytes += node.size;
	*ret_node = node;
	return outcome;
}

static enum outcome
copy_enter(struct copy_run *run, node_id from, node_id onto)
{
	struct copy_level *level = &run->level[run->depth];

	if (run->depth > PATH_LEVELS_MAX)
		return DAMAGED;
	level->from = from;
	level->onto = onto;
	level->resume_len = 0;
	level->size = level->count = level->versions = level->levels = 0;
	run->depth++;
	return OK;
}

enum outcome
copy_root(struct copy_run *run, const struct node *from, node_id parent,
    struct text key, node_id *ret_id)
{
	struct node node;
	enum outcome outcome = copy_node(run, from, parent, key, &node);
	bool enter = from->kind == NODE_COLLECTION &&
	    (run->copy == NULL || !run->copy->shallow);

	if (outcome == OK && enter)
		outcome = copy_enter(run, from->id, node.id);
	if (outcome == OK)
		*ret_id = node.id;
	return outcome;
}

static void
level_add(struct copy_level *level, const struct copy_level *more)
{
	level->size += more->size;
	level->count += more->count + 1;
	level->versions += more->versions;
	if (level->levels < more->levels + 1)
		level->levels = more->levels + 1;
}

/* The deepest collection is whole: its counters, and those it adds above. */
static enum outcome
copy_leave(struct copy_run *run)
{
	struct copy_level *done = &run->level[--run->depth];
	struct node node;
	enum outcome outcome;

	if (run->depth > 0)
		level_add(&run->level[run->depth - 1], done);
	if (done->count == 0)
		return OK;
	outcome = node_find_id(run->txn, done->onto, &node);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	node.tree_size = done->size;
	node.tree_count = done->count;
	node.tree_versions = done->versions;
	node.tree_levels = (uint32_t)done->levels;
	return node_update(run->txn, &node);
}

static bool
copy_takes(const struct copy_run *run, const struct node *node)
{
	if (run->copy == NULL || run->copy->filter == NULL)
		return true;
	return run->copy->filter(run->txn, node, run->copy->context) ==
	    COPY_TAKE;
}

static struct text
ahead_keep(struct copy_ahead *ahead, struct text text)
{
	char *at = ahead->bytes + ahead->used;

	if (text.len == 0)
		return TEXT_NONE;
	memcpy(at, text.ptr, text.len);
	ahead->used += text.len;
	return (struct text){ at, text.len };
}

static bool
ahead_take(const struct node *node, void *context)
{
	struct copy_ahead *ahead = context;
	struct node *kept = &ahead->node[ahead->count];
	size_t need = node->key.len + node->name.len + node->media.len;

	if (need > sizeof(ahead->bytes) - ahead->used)
		return false;
	*kept = *node;
	kept->key = ahead_keep(ahead, node->key);
	kept->name = ahead_keep(ahead, node->name);
	kept->media = ahead_keep(ahead, node->media);
	return ++ahead->count < COPY_AHEAD;
}

/*
 * The next member of the deepest level. What is copied appears elsewhere, so
 * a run of members is read by one cursor before any of them is written.
 */
static enum outcome
member_next(struct copy_run *run, const struct copy_level *level,
    const struct node **ret_node)
{
	struct copy_ahead *ahead = &run->ahead;
	struct text after = { level->resume, level->resume_len };
	enum outcome outcome = OK;

	if (ahead->parent != level->from || ahead->at == ahead->count) {
		ahead->parent = level->from;
		ahead->at = ahead->count = ahead->used = 0;
		outcome = node_each(run->txn, level->from, after, ahead_take,
		    ahead);
	}
	if (outcome == OK && ahead->count == 0)
		outcome = NOT_FOUND;
	if (outcome == OK)
		*ret_node = &ahead->node[ahead->at++];
	return outcome;
}

/* One member that was chosen. */
static enum outcome
copy_member(struct copy_run *run, struct copy_level *level,
    const struct node *from)
{
	struct node node;
	struct copy_level leaf = { 0 };
	enum outcome outcome = copy_node(run, from, level->onto, from->key,
	    &node);

	if (outcome != OK)
		return outcome;
	if (from->kind == NODE_COLLECTION)
		return copy_enter(run, from->id, node.id);
	leaf.size = node.size;
	leaf.versions = node.tree_versions;
	level_add(level, &leaf);
	return OK;
}

enum outcome
copy_step(struct copy_run *run)
{
	struct copy_level *level = &run->level[run->depth - 1];
	const struct node *found;
	enum outcome outcome = member_next(run, level, &found);

	if (outcome == NOT_FOUND)
		return copy_leave(run);
	if (outcome != OK)
		return outcome;
	memcpy(level->resume, found->key.ptr, found->key.len);
	level->resume_len = found->key.len;
	if (!copy_takes(run, found))
		return OK;
	return copy_member(run, level, found);
}
