#include "dav/members.h"

#include "server/base/encode.h"

struct walk {
	struct exchange *exchange;
	struct trail trail;    /* to the parent of the node at hand */
	size_t base;           /* nodes on the way to the place itself */
	struct rights *rights; /* of the collections below it */
	below_fn visit;
	void *context;
	enum outcome outcome;
};

static bool
walk_node(const struct node *node, size_t levels, void *context)
{
	struct walk *walk = context;
	struct exchange *exchange = walk->exchange;
	struct rights rights;

	if (levels > PATH_LEVELS_MAX) {
		walk->outcome = DAMAGED;
		return false;
	}
	walk->trail.count = walk->base + levels - 1;
	walk->outcome = rights_of_member(exchange->txn, &exchange->principal,
	    &walk->rights[levels - 1], &walk->trail, node, exchange->now_ns,
	    &rights);
	if (walk->outcome != OK)
		return false;
	if (node->kind == NODE_COLLECTION) {
		walk->trail.node[walk->trail.count] = *node;
		walk->rights[levels] = rights;
	}
	return walk->visit(node, &rights, &walk->trail, walk->context);
}

enum outcome
members_walk(struct exchange *exchange, const struct place *place,
    below_fn visit, void *context)
{
	struct walk walk = {
		.exchange = exchange,
		.trail = place->trail,
		.base = place->trail.count,
		.visit = visit,
		.context = context,
	};
	enum outcome outcome;

	walk.trail.node = ARENA_ARRAY(exchange->arena,
	    place->trail.count + PATH_LEVELS_MAX + 1, struct node);
	for (size_t i = 0; i < place->trail.count; i++)
		walk.trail.node[i] = place->trail.node[i];
	walk.rights = ARENA_ARRAY(exchange->arena, PATH_LEVELS_MAX + 1,
	    struct rights);
	walk.rights[0] = place->rights;
	outcome = node_walk(exchange->txn, place->node->id, walk_node, &walk);
	return outcome == OK ? walk.outcome : outcome;
}

struct demanding {
	struct exchange *exchange;
	const struct place *place;
	atom_set needed;
	enum outcome outcome;
};

struct text
member_href(struct exchange *exchange, const struct place *place,
    const struct trail *parent, const struct node *node)
{
	struct buffer out = { 0 };

	buffer_append(&out, path_format(exchange->arena, &place->path, true));
	for (size_t i = place->trail.count; i < parent->count; i++) {
		percent_encode_segment(&out, parent->node[i].name);
		buffer_append_byte(&out, '/');
	}
	percent_encode_segment(&out, node->name);
	if (node->kind == NODE_COLLECTION)
		buffer_append_byte(&out, '/');
	return exchange_keep(exchange, &out);
}

/* A hidden member shows only that something is in the way, not what. */
static bool
demand_member(const struct node *node, const struct rights *rights,
    const struct trail *parent, void *context)
{
	struct demanding *demanding = context;
	struct exchange *exchange = demanding->exchange;
	struct demand demand = { .needed = demanding->needed };
	struct rights none = { .atoms = ATOM(STAT) };

	if (rights_hold(rights, demanding->needed | ATOM(STAT)))
		return true;
	demand.href = rights_hold(rights, ATOM(STAT)) ?
	    member_href(exchange, demanding->place, parent, node) :
	    place_href(exchange, demanding->place);
	demanding->outcome = authorise(rights_hold(rights, ATOM(STAT)) ?
		rights :
		&none,
	    &demand, &exchange->problem);
	return false;
}

struct cells_below {
	struct exchange *exchange;
	node_id node;
	enum outcome outcome;
};

static bool
cell_is_below(const struct cell *cell, void *context)
{
	struct cells_below *below = context;
	struct arena *arena = arena_new();
	struct trail trail;
	enum outcome outcome = trail_find_id(below->exchange->txn, arena,
	    cell->root, &trail);

	for (size_t i = 0; outcome == OK && i + 1 < trail.count; i++)
		if (trail.node[i].id == below->node)
			below->outcome = FORBIDDEN;
	if (outcome != OK && outcome != NOT_FOUND)
		below->outcome = outcome;
	arena_free(arena);
	return below->outcome == OK;
}

enum outcome
cells_below_check(struct exchange *exchange, const struct place *place)
{
	struct cells_below below = { exchange, place->node->id, OK };
	enum outcome outcome;

	if (place->node->kind != NODE_COLLECTION)
		return OK;
	outcome = cell_each(exchange->txn, cell_is_below, &below);
	if (outcome == OK && below.outcome == FORBIDDEN)
		exchange->problem = (struct problem){
			.message = "Something below is a cell of its own.",
		};
	return outcome == OK ? below.outcome : outcome;
}

enum outcome
members_demand(struct exchange *exchange, const struct place *place,
    atom_set needed)
{
	struct demanding demanding = { exchange, place, needed, OK };
	enum outcome outcome;

	if (place->node->kind != NODE_COLLECTION || rights_uniform(place->node))
		return OK;
	outcome = members_walk(exchange, place, demand_member, &demanding);
	return outcome == OK ? demanding.outcome : outcome;
}
