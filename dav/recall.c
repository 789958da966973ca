#include "dav/recall.h"

#include <string.h>
#include <xxhash.h>

#include "server/base/random.h"

/*
 * Three tables of slots, one slot for a hash. A place and a node are copied
 * into their slot when they are asked for twice in one state of the store:
 * under writers, who make a new state all the time, nothing is copied in vain.
 */
enum {
	PLACES = 256,
	NODES = 4096,
	QUERIES = 64,
	NODE_TEXTS_MAX = 192, /* longer ones are read each time */
	SHELF_BYTES = 8 << 20,
	LEVELS_MAX = 16, /* deeper ones go the long way */
	NAMES_MAX = 64,
	BODY_MAX = 2048
};

struct place_slot {
	uint64_t hash;
	struct snapshot snapshot; /* number 0: free */
	struct arena *arena;      /* owned; NULL: only seen so far */
	user_id user;
	struct path path;
	struct place place;
};

struct node_slot {
	uint64_t hash;
	struct snapshot snapshot; /* number 0: free */
	bool known;               /* or only seen so far */
	struct node node;         /* its texts in `texts`, one behind another */
	char texts[NODE_TEXTS_MAX];
};

struct query_slot {
	struct arena *arena; /* owned; NULL: free */
	struct text body;
	struct conf_limits limits;
	struct property_query query;
};

struct recall {
	struct arena *arena; /* in which it lives */
	struct shelf *shelf; /* owned */
	uint64_t seed;
	struct place_slot place[PLACES];
	struct node_slot node[NODES];
	struct query_slot query[QUERIES];
};

struct recall *
recall_new(void)
{
	struct arena *arena = arena_new();
	struct recall *recall = ARENA_NEW(arena, struct recall);

	recall->arena = arena;
	recall->shelf = shelf_new(SHELF_BYTES);
	random_fill(&recall->seed, sizeof(recall->seed));
	return recall;
}

void
recall_free(struct recall *recall)
{
	if (recall == NULL)
		return;
	for (size_t i = 0; i < PLACES; i++)
		arena_free(recall->place[i].arena);
	for (size_t i = 0; i < QUERIES; i++)
		arena_free(recall->query[i].arena);
	shelf_free(recall->shelf);
	arena_free(recall->arena);
}

/* ---- Places -------------------------------------------------------------- */

static uint64_t
path_hash(const struct recall *recall, user_id user, const struct path *path)
{
	uint64_t hash = recall->seed ^ user;

	for (size_t i = 0; i < path->count; i++)
		hash = XXH3_64bits_withSeed(path->key[i].ptr, path->key[i].len,
		    hash);
	return hash;
}

static bool
slot_is(const struct place_slot *slot, const struct exchange *exchange,
    const struct path *path, uint64_t hash)
{
	return slot->hash == hash && slot->arena != NULL &&
	    slot->user == exchange->principal.id &&
	    snapshot_equal(slot->snapshot, txn_snapshot(exchange->txn)) &&
	    path_equal(&slot->path, path);
}

static void
place_copy(struct arena *arena, const struct place *from, struct place *to)
{
	const struct trail *trail = &from->trail;

	to->cell = from->cell;
	to->cell.slug = arena_copy(arena, from->cell.slug);
	to->cell.title = arena_copy(arena, from->cell.title);
	to->rights = from->rights;
	to->trail = *trail;
	to->trail.node = ARENA_ARRAY(arena, trail->count + 1, struct node);
	for (size_t i = 0; i < trail->count; i++) {
		to->trail.node[i] = trail->node[i];
		node_hold(arena, &to->trail.node[i]);
	}
}

static bool
place_may_be_known(const struct exchange *exchange, const struct path *path)
{
	return exchange->recall != NULL && path->count <= LEVELS_MAX &&
	    exchange->principal.kind == PRINCIPAL_USER &&
	    txn_snapshot(exchange->txn).number != 0;
}

bool
recall_place(struct exchange *exchange, const struct path *path,
    struct place *place)
{
	struct recall *recall = exchange->recall;
	struct place_slot *slot;
	uint64_t hash;
	bool found;

	if (!place_may_be_known(exchange, path))
		return false;
	hash = path_hash(recall, exchange->principal.id, path);
	slot = &recall->place[hash % PLACES];
	found = slot_is(slot, exchange, path, hash);
	if (found)
		place_copy(exchange->arena, &slot->place, place);
	return found;
}

static void
slot_fill(struct place_slot *slot, const struct exchange *exchange,
    const struct path *path, const struct place *place)
{
	struct arena *arena = arena_new();
	struct text *key = ARENA_ARRAY(arena, path->count, struct text);

	for (size_t i = 0; i < path->count; i++)
		key[i] = arena_copy(arena, path->key[i]);
	slot->path = (struct path){
		.count = path->count, .name = key, .key = key
	};
	slot->user = exchange->principal.id;
	slot->arena = arena;
	place_copy(arena, place, &slot->place);
}

void
recall_place_keep(struct exchange *exchange, const struct path *path,
    const struct place *place)
{
	struct recall *recall = exchange->recall;
	struct place_slot *slot;
	struct snapshot now;
	uint64_t hash;
	bool again;

	if (!place_may_be_known(exchange, path) || place->rights.timed ||
	    place->trail.count > LEVELS_MAX)
		return;
	now = txn_snapshot(exchange->txn);
	hash = path_hash(recall, exchange->principal.id, path);
	slot = &recall->place[hash % PLACES];
	again = slot->hash == hash && snapshot_equal(slot->snapshot, now);
	arena_free(slot->arena);
	*slot = (struct place_slot){ .hash = hash, .snapshot = now };
	if (again)
		slot_fill(slot, exchange, path, place);
}

/* ---- Nodes --------------------------------------------------------------- */

static struct node_slot *
node_slot_of(struct recall *recall, node_id parent, struct text key,
    uint64_t *ret_hash)
{
	*ret_hash = XXH3_64bits_withSeed(key.ptr, key.len,
	    recall->seed ^ parent);
	return &recall->node[*ret_hash % NODES];
}

static struct text
text_move(struct text text, char **at)
{
	struct text moved = { *at, text.len };

	if (text.len > 0)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return moved;
}

static size_t
node_texts(const struct node *node)
{
	return node->key.len + node->name.len + node->media.len;
}

/* `bytes`: room for node_texts(). */
static void
node_copy(const struct node *from, char *bytes, struct node *to)
{
	*to = *from;
	to->key = text_move(from->key, &bytes);
	to->name = text_move(from->name, &bytes);
	to->media = text_move(from->media, &bytes);
}

bool
recall_node(struct exchange *exchange, node_id parent, struct text key,
    struct node *ret_node)
{
	struct recall *recall = exchange->recall;
	struct snapshot now = txn_snapshot(exchange->txn);
	struct node_slot *slot;
	uint64_t hash;
	bool found;

	if (recall == NULL || now.number == 0)
		return false;
	slot = node_slot_of(recall, parent, key, &hash);
	found = slot->hash == hash && slot->known &&
	    snapshot_equal(slot->snapshot, now) &&
	    slot->node.parent == parent && text_equal(slot->node.key, key);
	if (found)
		node_copy(&slot->node,
		    arena_alloc(exchange->arena, node_texts(&slot->node)),
		    ret_node);
	return found;
}

void
recall_node_keep(struct exchange *exchange, const struct node *node)
{
	struct recall *recall = exchange->recall;
	struct snapshot now = txn_snapshot(exchange->txn);
	struct node_slot *slot;
	uint64_t hash;
	bool again;

	if (recall == NULL || now.number == 0)
		return;
	slot = node_slot_of(recall, node->parent, node->key, &hash);
	again = slot->hash == hash && snapshot_equal(slot->snapshot, now);
	slot->hash = hash;
	slot->snapshot = now;
	slot->known = again && node_texts(node) <= NODE_TEXTS_MAX;
	if (slot->known)
		node_copy(node, slot->texts, &slot->node);
}

struct shelf *
recall_shelf(const struct exchange *exchange)
{
	return exchange->recall != NULL ? exchange->recall->shelf : NULL;
}

/* ---- Queries ------------------------------------------------------------- */

static bool
query_may_be_known(const struct exchange *exchange)
{
	return exchange->recall != NULL && exchange->body.len > 0 &&
	    exchange->body.len <= BODY_MAX;
}

static struct query_slot *
query_slot_of(struct recall *recall, struct text body)
{
	return &recall->query[XXH3_64bits_withSeed(body.ptr, body.len,
				  recall->seed) %
	    QUERIES];
}

static void
query_copy(struct arena *arena, const struct property_query *from,
    struct property_query *to)
{
	*to = *from;
	to->name = ARENA_ARRAY(arena, from->count + 1, struct property_name);
	for (size_t i = 0; i < from->count; i++) {
		const struct property_name *name = &from->name[i];

		to->name[i] = (struct property_name){
			.space = arena_copy(arena, name->space),
			.name = arena_copy(arena, name->name),
			.live = name->live,
			.open = arena_copy(arena, name->open),
			.close = arena_copy(arena, name->close),
		};
	}
}

bool
recall_query(struct exchange *exchange, struct property_query *ret_query)
{
	struct recall *recall = exchange->recall;
	struct query_slot *slot;
	bool found;

	if (!query_may_be_known(exchange))
		return false;
	slot = query_slot_of(recall, exchange->body);
	found = slot->arena != NULL && text_equal(slot->body, exchange->body) &&
	    memcmp(&slot->limits, &exchange->conf->limits,
		sizeof(slot->limits)) == 0;
	if (found)
		query_copy(exchange->arena, &slot->query, ret_query);
	return found;
}

void
recall_query_keep(struct exchange *exchange, const struct property_query *query)
{
	struct recall *recall = exchange->recall;
	struct query_slot *slot;

	if (!query_may_be_known(exchange) || query->count > NAMES_MAX)
		return;
	slot = query_slot_of(recall, exchange->body);
	arena_free(slot->arena);
	slot->arena = arena_new();
	slot->body = arena_copy(slot->arena, exchange->body);
	slot->limits = exchange->conf->limits;
	query_copy(slot->arena, query, &slot->query);
}
