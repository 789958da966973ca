#include "dav/recall.h"

#include <pthread.h>
#include <string.h>
#include <xxhash.h>

#include "server/base/random.h"

/*
 * Two tables of slots, one slot for a hash. A place is copied into its slot
 * when it is asked for twice in one state of the store: under writers, who
 * make a new state all the time, nothing is copied in vain.
 */
enum {
	PLACES = 256,
	QUERIES = 64,
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

struct query_slot {
	struct arena *arena; /* owned; NULL: free */
	struct text body;
	struct conf_limits limits;
	struct property_query query;
};

struct recall {
	struct arena *arena;   /* in which it lives */
	pthread_mutex_t mutex; /* guards what follows */
	uint64_t seed;
	struct place_slot place[PLACES];
	struct query_slot query[QUERIES];
};

struct recall *
recall_new(void)
{
	struct arena *arena = arena_new();
	struct recall *recall = ARENA_NEW(arena, struct recall);

	recall->arena = arena;
	pthread_mutex_init(&recall->mutex, NULL);
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
	pthread_mutex_destroy(&recall->mutex);
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
	pthread_mutex_lock(&recall->mutex);
	slot = &recall->place[hash % PLACES];
	found = slot_is(slot, exchange, path, hash);
	if (found)
		place_copy(exchange->arena, &slot->place, place);
	pthread_mutex_unlock(&recall->mutex);
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
	pthread_mutex_lock(&recall->mutex);
	slot = &recall->place[hash % PLACES];
	again = slot->hash == hash && snapshot_equal(slot->snapshot, now);
	arena_free(slot->arena);
	*slot = (struct place_slot){ .hash = hash, .snapshot = now };
	if (again)
		slot_fill(slot, exchange, path, place);
	pthread_mutex_unlock(&recall->mutex);
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
	pthread_mutex_lock(&recall->mutex);
	slot = query_slot_of(recall, exchange->body);
	found = slot->arena != NULL && text_equal(slot->body, exchange->body) &&
	    memcmp(&slot->limits, &exchange->conf->limits,
		sizeof(slot->limits)) == 0;
	if (found)
		query_copy(exchange->arena, &slot->query, ret_query);
	pthread_mutex_unlock(&recall->mutex);
	return found;
}

void
recall_query_keep(struct exchange *exchange, const struct property_query *query)
{
	struct recall *recall = exchange->recall;
	struct query_slot *slot;

	if (!query_may_be_known(exchange) || query->count > NAMES_MAX)
		return;
	pthread_mutex_lock(&recall->mutex);
	slot = query_slot_of(recall, exchange->body);
	arena_free(slot->arena);
	slot->arena = arena_new();
	slot->body = arena_copy(slot->arena, exchange->body);
	slot->limits = exchange->conf->limits;
	query_copy(slot->arena, query, &slot->query);
	pthread_mutex_unlock(&recall->mutex);
}
