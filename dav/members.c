#include "dav/members.h"

#include "server/base/encode.h"
#include "store/tree.h"

enum { CELLS_WALK_MAX = 1000 };

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
	bool found;
	enum outcome outcome;
};

static bool
node_is_cell(const struct node *node, size_t levels, void *context)
{
	struct cells_below *below = context;

	(void)levels;
	below->found = (node->flags & NODE_IS_CELL_ROOT) != 0;
	return !below->found;
}

/* Most cells have a tree of their own, and lie below nothing. */
static bool
cell_is_below(const struct cell *cell, void *context)
{
	struct cells_below *below = context;
	struct txn *txn = below->exchange->txn;
	struct arena *arena;
	struct trail trail;
	struct tree tree;

	below->outcome = tree_get(txn, cell->root, &tree);
	if (below->outcome != NOT_FOUND)
		return below->outcome == OK;
	arena = arena_new();
	below->outcome = trail_find_id(txn, arena, cell->root, &trail);
	for (size_t i = 0; below->outcome == OK && i + 1 < trail.count; i++)
		below->found = below->found || trail.node[i].id == below->node;
	arena_free(arena);
	if (below->outcome == NOT_FOUND)
		below->outcome = OK; /* it lies in the trash */
	return below->outcome == OK && !below->found;
}

/* Members in small numbers are looked at themselves, else all cells. */
enum outcome
cells_below_check(struct exchange *exchange, const struct place *place)
{
	struct cells_below below = { .exchange = exchange,
		.node = place->node->id };
	enum outcome outcome;

	if (place->node->kind != NODE_COLLECTION ||
	    place->node->tree_count == 0)
		return OK;
	outcome = place->node->tree_count <= CELLS_WALK_MAX ?
	    node_walk(exchange->txn, below.node, node_is_cell, &below) :
	    cell_each(exchange->txn, cell_is_below, &below);
	if (outcome == OK)
		outcome = below.outcome;
	if (outcome != OK || !below.found)
		return outcome;
	exchange->problem = (struct problem){
		.message = "Something below is a cell of its own.",
	};
	return FORBIDDEN;
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
