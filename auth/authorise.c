#include "auth/authorise.h"

/*
 * Steps 7 and 9 of rights.md 3: visible, then held. What a refusal names is
 * the DAV: privilege that contains the first atom that is missing (RFC 3744
 * 7.1.1), since that is what clients know; an atom in none is named itself.
 */
static void
name_privilege(atom_set missing, struct problem *problem)
{
	for (size_t i = 0; i < ATOM_COUNT; i++) {
		if ((missing & ((atom_set)1 << i)) == 0)
			continue;
		problem->privilege_space = atom_rows[i].inside != NULL ?
		    "DAV:" :
		    "urn:celldav:";
		problem->privilege = atom_rows[i].inside != NULL ?
		    atom_rows[i].inside :
		    atom_rows[i].name;
		return;
	}
}

enum outcome
authorise(const struct rights *rights, const struct demand *demand,
    struct problem *problem)
{
	if (!rights_hold(rights, ATOM(STAT)))
		return NOT_FOUND;
	if (rights_hold(rights, demand->needed))
		return OK;
	*problem = (struct problem){
		.condition = "need-privileges",
		.href = demand->href,
	};
	name_privilege(demand->needed & ~rights->atoms, problem);
	return FORBIDDEN;
}

struct cell_view {
	struct txn *txn;
	const struct principal *principal;
	uint64_t now_ns;
	struct arena *arena;
	cell_each_fn visit;
	void *context;
	enum outcome outcome;
};

/* The texts of a cell are borrowed, and nothing below writes. */
static bool
show_cell(const struct cell *cell, void *context)
{
	struct cell_view *view = context;
	struct trail trail;
	struct rights rights;

	view->outcome = trail_find_id(view->txn, view->arena, cell->root,
	    &trail);
	if (view->outcome == OK) {
		view->outcome = rights_of(view->txn, view->principal, &trail,
		    view->now_ns, &rights);
	}
	if (view->outcome == NOT_FOUND) { /* its folder is in the trash */
		view->outcome = OK;
		return true;
	}
	if (view->outcome != OK)
		return false;
	return !rights_hold(&rights, ATOM(STAT)) ||
	    view->visit(cell, view->context);
}

enum outcome
cells_visible(struct txn *txn, const struct principal *principal,
    uint64_t now_ns, struct arena *arena, cell_each_fn visit, void *context)
{
	struct cell_view view = { txn, principal, now_ns, arena, visit, context,
		OK };
	enum outcome outcome = cell_each(txn, show_cell, &view);

	return outcome == OK ? view.outcome : outcome;
}

enum outcome
standing_check(struct txn *txn, const struct principal *principal, node_id node,
    atom_set needed, uint64_t now_ns)
{
	struct arena *arena = arena_new();
	struct trail trail;
	struct rights rights;
	enum outcome outcome = principal_check(txn, principal);

	if (outcome == OK)
		outcome = trail_find_id(txn, arena, node, &trail);
	if (outcome == OK)
		outcome = rights_of(txn, principal, &trail, now_ns, &rights);
	if (outcome == OK && !rights_hold(&rights, needed))
		outcome = FORBIDDEN;
	arena_free(arena);
	return outcome;
}
