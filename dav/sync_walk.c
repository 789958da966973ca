#include "dav/sync_walk.h"

#include <string.h>
#include <xxhash.h>

#include "server/base/encode.h"

/* The rights of node `index`, when those of its parent are known. */
static enum outcome
rights_find(struct sync_walk *walk, size_t index)
{
	struct exchange *exchange = walk->exchange;
	struct trail parent = walk->trail;

	parent.count = index;
	parent.missing = 0;
	return rights_of_member(exchange->txn, &exchange->principal,
	    &walk->rights[index - 1], &parent, &walk->trail.node[index],
	    exchange->now_ns, &walk->rights[index]);
}

/* Room for the deepest way there can be. */
static void
room_make(struct sync_walk *walk, const struct trail *trail)
{
	struct arena *arena = walk->exchange->arena;

	walk->trail = *trail;
	walk->trail.node = ARENA_ARRAY(arena, PATH_LEVELS_MAX + 2, struct node);
	walk->rights = ARENA_ARRAY(arena, PATH_LEVELS_MAX + 2, struct rights);
	for (size_t i = 0; i < trail->count; i++)
		walk->trail.node[i] = trail->node[i];
}

enum outcome
sync_walk_begin(struct sync_walk *walk, struct exchange *exchange, node_id root,
    node_id at)
{
	struct trail trail, top;
	enum outcome outcome;

	walk->exchange = exchange;
	outcome = trail_find_id(exchange->txn, exchange->arena, at, &trail);
	if (outcome != OK)
		return outcome;
	if (walk->trail.node == NULL)
		room_make(walk, &trail);
	for (size_t i = 0; i < trail.count; i++)
		walk->trail.node[i] = trail.node[i];
	walk->trail.count = trail.count;
	for (walk->root = 0; walk->root < trail.count; walk->root++)
		if (trail.node[walk->root].id == root)
			break;
	if (walk->root == trail.count)
		return NOT_FOUND;
	top = walk->trail;
	top.count = walk->root + 1;
	outcome = rights_of(exchange->txn, &exchange->principal, &top,
	    exchange->now_ns, &walk->rights[walk->root]);
	for (size_t i = walk->root + 1; outcome == OK && i < trail.count; i++)
		outcome = rights_find(walk, i);
	return outcome;
}

struct step {
	struct node node;
	bool found;
};

static bool
step_take(const struct node *node, void *context)
{
	struct step *step = context;

	step->node = *node;
	step->found = true;
	return false;
}

/* The member of trail.node[index - 1] that follows `after`, as node[index]. */
static enum outcome
member_next(struct sync_walk *walk, size_t index, struct text after)
{
	struct step step = { 0 };
	enum outcome outcome = node_each(walk->exchange->txn,
	    walk->trail.node[index - 1].id, after, step_take, &step);

	if (outcome != OK || !step.found)
		return outcome != OK ? outcome : NOT_FOUND;
	walk->trail.node[index] = step.node;
	walk->trail.count = index + 1;
	return rights_find(walk, index);
}

/* One may look into the present node. */
static bool
may_enter(const struct sync_walk *walk)
{
	size_t last = walk->trail.count - 1;

	return (walk->deep || last == walk->root) &&
	    walk->trail.node[last].kind == NODE_COLLECTION &&
	    rights_hold(&walk->rights[last], ATOM(STAT) | ATOM(LIST));
}

enum outcome
sync_walk_next(struct sync_walk *walk)
{
	enum outcome outcome = NOT_FOUND;
	size_t last = walk->trail.count - 1;

	if (may_enter(walk))
		outcome = member_next(walk, last + 1, walk->after);
	walk->after = TEXT_NONE;
	for (; outcome == NOT_FOUND && last > walk->root; last--)
		outcome = member_next(walk, last, walk->trail.node[last].key);
	return outcome;
}

/* ---- Spots ------------------------------------------------------------------------- */

static size_t
base_index(const struct sync_walk *walk, node_id base)
{
	size_t i = walk->root;

	while (i + 1 < walk->trail.count && walk->trail.node[i].id != base)
		i++;
	return i;
}

static void
spot_add(struct sync_spot *spot, struct text key)
{
	size_t needed = spot->len + 1 + key.len;

	if (needed > spot->capacity) {
		size_t capacity = 2 * needed;
		char *bytes = ARENA_ARRAY(spot->arena, capacity, char);

		if (spot->len > 0)
			memcpy(bytes, spot->bytes, spot->len);
		spot->bytes = bytes;
		spot->capacity = capacity;
	}
	spot->bytes[spot->len] = (char)key.len; /* PATH_SEGMENT_MAX is 255 */
	memcpy(spot->bytes + spot->len + 1, key.ptr, key.len);
	spot->len = needed;
}

void
sync_walk_mark(const struct sync_walk *walk, node_id base,
    struct sync_spot *spot)
{
	spot->len = 0;
	for (size_t i = base_index(walk, base) + 1; i < walk->trail.count; i++)
		spot_add(spot, walk->trail.node[i].key);
}

uint64_t
sync_walk_hash(const struct sync_walk *walk, node_id base)
{
	uint64_t hash = 0;

	for (size_t i = base_index(walk, base) + 1; i < walk->trail.count; i++)
		hash = XXH3_64bits_withSeed(walk->trail.node[i].key.ptr,
		    walk->trail.node[i].key.len, hash ^ walk->trail.node[i].id);
	return hash;
}

/* One name down. NOT_FOUND: it is gone, and what follows it is next. */
static enum outcome
walk_down(struct sync_walk *walk, struct text key)
{
	size_t last = walk->trail.count - 1;
	enum outcome outcome = node_find(walk->exchange->txn,
	    walk->trail.node[last].id, key, &walk->trail.node[last + 1]);

	if (outcome == NOT_FOUND)
		walk->after = key;
	if (outcome != OK)
		return outcome;
	walk->trail.count++;
	return rights_find(walk, last + 1);
}

enum outcome
sync_walk_resume(struct sync_walk *walk, struct exchange *exchange,
    node_id root, node_id base, const struct sync_spot *spot)
{
	enum outcome outcome = sync_walk_begin(walk, exchange, root, base);
	size_t at = 0;

	walk->after = TEXT_NONE;
	if (outcome != OK)
		return outcome;
	while (outcome == OK && at < spot->len && may_enter(walk)) {
		size_t len = (unsigned char)spot->bytes[at];

		outcome = walk_down(walk,
		    (struct text){ spot->bytes + at + 1, len });
		at += 1 + len;
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

bool
sync_walk_visible(const struct sync_walk *walk)
{
	size_t last = walk->trail.count - 1;

	for (size_t i = walk->root; i < last; i++)
		if (!rights_hold(&walk->rights[i], ATOM(STAT) | ATOM(LIST)))
			return false;
	return rights_hold(&walk->rights[last], ATOM(STAT));
}

bool
sync_walk_below(const struct sync_walk *walk, node_id ancestor)
{
	for (size_t i = walk->root; i + 1 < walk->trail.count; i++)
		if (walk->trail.node[i].id == ancestor)
			return true;
	return false;
}

struct text
sync_walk_href(const struct sync_walk *walk, const struct path *path)
{
	struct exchange *exchange = walk->exchange;
	size_t last = walk->trail.count - 1;
	struct buffer out = { 0 };

	buffer_append(&out, path_format(exchange->arena, path, true));
	for (size_t i = walk->root + 1; i <= last; i++) {
		percent_encode_segment(&out, walk->trail.node[i].name);
		if (i < last || walk->trail.node[i].kind == NODE_COLLECTION)
			buffer_append_byte(&out, '/');
	}
	return exchange_keep(exchange, &out);
}
