/*
 * From a canonical path to a place. An invisible resource must be the same as
 * an unmapped one in every answer (rights.md 5), so it is made so here, once:
 * the trail of a place ends at the deepest node that the principal may see,
 * and whatever stands below counts as missing.
 */
#include "dav/exchange.h"

#include <string.h>

#include "dav/recall.h"
#include "server/base/encode.h"

static enum outcome
own_cell(struct exchange *exchange, struct cell *ret_cell)
{
	struct txn *txn = exchange->txn;
	user_id user = exchange->principal.id;
	enum outcome outcome = cell_find_own(txn, user, ret_cell);

	if (outcome != NOT_FOUND)
		return outcome;
	if (txn->writable)
		return cell_make_own(txn, exchange->store, user, ret_cell);
	exchange->makes_own = true;
	return NOT_FOUND;
}

/* Own cells have slugs that no rule of names allows: never by URL. */
static enum outcome
cell_named(struct exchange *exchange, struct text slug, struct cell *ret_cell)
{
	if (text_equal(slug, TEXT("my-files")))
		return own_cell(exchange, ret_cell);
	if (!cell_slug_valid(slug))
		return NOT_FOUND;
	return cell_find(exchange->txn, slug, ret_cell);
}

static enum outcome
trail_rights(struct exchange *exchange, const struct trail *trail,
    struct rights *ret_rights)
{
	return rights_of(exchange->txn, &exchange->principal, trail,
	    exchange->now_ns, ret_rights);
}

/*
 * One who may only put something in sees no collection, but a name directly
 * in it may be made.
 */
static bool
place_reaches(const struct place *place)
{
	if (rights_hold(&place->rights, ATOM(STAT)))
		return true;
	return place->trail.missing == 1 &&
	    trail_last(&place->trail)->kind == NODE_COLLECTION &&
	    (place->rights.atoms & (ATOM(CREATE) | ATOM(MKDIR))) != 0;
}

static enum outcome
place_conceal(struct exchange *exchange, struct place *place)
{
	struct trail *trail = &place->trail;
	enum outcome outcome;

	while (!place_reaches(place)) {
		if (trail->count <= trail->base + 1)
			return NOT_FOUND;
		trail->count--;
		trail->missing++;
		place->hidden = true;
		outcome = trail_rights(exchange, trail, &place->rights);
		if (outcome != OK)
			return outcome;
	}
	return OK;
}

static enum outcome
place_root(struct exchange *exchange, struct place *place)
{
	struct cell own;
	enum outcome outcome = own_cell(exchange, &own);

	place->scope = SCOPE_ROOT;
	place->rights.atoms = ATOM(STAT) | ATOM(LIST);
	return outcome;
}

static enum outcome
member_find(struct exchange *exchange, node_id parent, struct text key,
    struct node *ret_node)
{
	enum outcome outcome;

	if (recall_node(exchange, parent, key, ret_node))
		return OK;
	outcome = node_find(exchange->txn, parent, key, ret_node);
	if (outcome == OK) {
		node_hold(exchange->arena, ret_node);
		recall_node_keep(exchange, ret_node);
	}
	return outcome;
}

/* One step down from a collection that is known. */
static enum outcome
place_step(struct exchange *exchange, struct place *place)
{
	struct trail *trail = &place->trail;
	struct node *next = &trail->node[trail->count];
	const struct rights above = place->rights;
	enum outcome outcome = member_find(exchange, trail_last(trail)->id,
	    place->inside.key[place->inside.count - 1], next);

	if (outcome == NOT_FOUND) {
		trail->missing = 1;
		return OK;
	}
	if (outcome != OK)
		return outcome;
	outcome = rights_of_member(exchange->txn, &exchange->principal, &above,
	    trail, next, exchange->now_ns, &place->rights);
	trail->count++;
	return outcome;
}

/* What stands above the place, when that is a collection in plain sight. */
static void
parent_keep(struct exchange *exchange, const struct place *place)
{
	const struct node *last = trail_last(&place->trail);
	struct place above = *place;
	struct path parent = path_parent(&place->path);

	if (place->trail.missing > 1 ||
	    !rights_hold(&place->rights, ATOM(STAT)))
		return;
	if (place->trail.missing == 0) {
		if ((last->flags & (NODE_HAS_GRANTS | NODE_IS_CELL_ROOT)) != 0)
			return; /* its rights are not those above it */
		above.trail.count--;
	}
	above.trail.missing = 0;
	if (trail_last(&above.trail)->kind == NODE_COLLECTION)
		recall_place_keep(exchange, &parent, &above);
}

static enum outcome
place_find(struct exchange *exchange, struct place *place)
{
	bool inside = place->path.count > 2;
	struct path parent = path_parent(&place->path);
	enum outcome outcome;

	place->inside = path_tail(&place->path, 2);
	if (inside && recall_place(exchange, &parent, place))
		return place_step(exchange, place);
	outcome = cell_named(exchange, place->path.key[1], &place->cell);
	if (outcome == OK)
		outcome = trail_find(exchange->txn, exchange->arena,
		    place->cell.root, &place->inside, &place->trail);
	if (outcome == OK)
		outcome = trail_rights(exchange, &place->trail, &place->rights);
	if (outcome == OK && inside)
		parent_keep(exchange, place);
	return outcome;
}

enum outcome
place_resolve(struct exchange *exchange, const struct path *path,
    struct place *ret_place)
{
	struct place place = { .scope = SCOPE_CELL, .path = *path };
	enum outcome outcome;

	if (path->count == 0 || !text_equal(path->key[0], TEXT("dav")))
		return NOT_FOUND;
	if (path->count == 1)
		outcome = place_root(exchange, &place);
	else
		outcome = place_find(exchange, &place);
	if (outcome == OK && place.scope == SCOPE_CELL)
		outcome = place_conceal(exchange, &place);
	if (outcome != OK)
		return outcome;
	if (place.inside.count > 0)
		place.name = place.inside.name[place.inside.count - 1];
	*ret_place = place;
	if (place.scope == SCOPE_CELL && place.trail.missing == 0)
		ret_place->node = trail_last(&ret_place->trail);
	ret_place->slash_on_file = ret_place->node != NULL &&
	    ret_place->node->kind == NODE_FILE && path->trailing_slash;
	return OK;
}

enum outcome
place_made(struct exchange *exchange, node_id id, struct place *place)
{
	size_t base = place->trail.base;
	enum outcome outcome = trail_find_id(exchange->txn, exchange->arena, id,
	    &place->trail);

	if (outcome != OK)
		return outcome;
	place->trail.base = base;
	place->node = trail_last(&place->trail);
	return OK;
}

enum outcome
place_admit(struct exchange *exchange, enum outcome outcome, enum lane *lane)
{
	if (outcome != NOT_FOUND || !exchange->makes_own)
		return outcome;
	exchange->makes_own = false;
	*lane = LANE_COMMIT;
	return OK;
}

enum outcome
own_admit(struct exchange *exchange, enum lane *lane)
{
	const struct path *path = &exchange->request->path;
	struct cell cell;
	enum outcome outcome;

	if (path->count > 1 && !text_equal(path->key[1], TEXT("my-files")))
		return OK;
	outcome = own_cell(exchange, &cell);
	return place_admit(exchange, outcome, lane);
}

static bool
place_is_collection(const struct place *place)
{
	if (place->scope == SCOPE_ROOT)
		return true;
	if (place->node == NULL)
		return place->path.trailing_slash;
	return place->node->kind == NODE_COLLECTION;
}

struct text
place_href(struct exchange *exchange, const struct place *place)
{
	return path_format(exchange->arena, &place->path,
	    place_is_collection(place));
}

static enum outcome
parent_demand(struct exchange *exchange, const struct place *place,
    atom_set needed)
{
	struct demand demand = { .needed = needed };
	struct path parent;

	if (place->trail.missing > 1 ||
	    trail_last(&place->trail)->kind != NODE_COLLECTION)
		return CONFLICT;
	/* Who may make but not see passes here (an upload-only grant). */
	if (rights_hold(&place->rights, needed))
		return OK;
	parent = path_parent(&place->path);
	demand.href = path_format(exchange->arena, &parent, true);
	return authorise(&place->rights, &demand, &exchange->problem);
}

enum outcome
place_demand(struct exchange *exchange, const struct place *place,
    atom_set needed)
{
	struct demand demand = { .needed = needed };

	if (place->scope == SCOPE_CELL && place->node == NULL)
		return parent_demand(exchange, place, needed);
	if (place->slash_on_file)
		return NOT_FOUND;
	if (rights_hold(&place->rights, needed | ATOM(STAT)))
		return OK;
	demand.href = place_href(exchange, place);
	return authorise(&place->rights, &demand, &exchange->problem);
}

struct text
node_etag_write(const struct node *node, char bytes[ETAG_SIZE])
{
	uint64_t etag = node->kind == NODE_FILE ? node->etag : node->tree_etag;
	size_t at = ETAG_SIZE;

	bytes[--at] = '"';
	do
		bytes[--at] = "0123456789abcdef"[etag % 16];
	while ((etag /= 16) > 0);
	bytes[--at] = '"';
	return (struct text){ bytes + at, ETAG_SIZE - at };
}

struct text
node_etag(struct arena *arena, const struct node *node)
{
	char bytes[ETAG_SIZE];

	return arena_copy(arena, node_etag_write(node, bytes));
}

struct text
exchange_keep(struct exchange *exchange, struct buffer *buffer)
{
	struct text text = arena_copy(exchange->arena, buffer_text(buffer));

	buffer_done(buffer);
	return text;
}
