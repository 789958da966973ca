#pragma once

#include "auth/grant.h"
#include "server/http/problem.h"
#include "store/cell.h"

/*
 * May they? The one place that answers, for every method, protocol and way out
 * of the store (rights.md 2, 3). It works on trails, that is on object ids
 * after the path became canonical.
 */
struct rights {
	atom_set atoms;
	uint32_t rules;    /* of the preset: RULE_* */
	uint64_t until_ns; /* when they end by themselves; 0: never */
	bool timed; /* of rights_of(): a period had a say, even if past */
};

/*
 * What the principal holds on the last node of the trail: the union of its
 * grants from the tree's root down, where an explicit no-access on a nearer
 * node cancels what stands above it, each cut to what its granter holds now.
 * The owner of a cell on the way holds all. Never fails for want of rights:
 * then the set is empty.
 */
enum outcome
rights_of(struct txn *txn, const struct principal *principal,
    const struct trail *trail, uint64_t now_ns, struct rights *ret_rights)
    MUST_CHECK;

/*
 * The same for a member of a collection whose rights are known: costs nothing
 * when the member has no grants of its own.
 */
enum outcome
rights_of_member(struct txn *txn, const struct principal *principal,
    const struct rights *collection, const struct trail *trail,
    const struct node *member, uint64_t now_ns, struct rights *ret_rights)
    MUST_CHECK;

static inline bool
rights_hold(const struct rights *rights, atom_set needed)
{
	return (rights->atoms & needed) == needed;
}

/* Steps 7 to 9 of rights.md 3 for one resource. */
struct demand {
	atom_set needed;  /* all of these */
	struct text href; /* as the client sees it, for the refusal */
};

/*
 * OK; NOT_FOUND when the resource is not visible (no stat); FORBIDDEN with
 * `problem` set (need-privileges, href, privilege) when it is visible.
 * A trail with missing > 0 asks its deepest node, which is the parent when
 * missing is 1; a parent that is not visible is NOT_FOUND, one beyond CONFLICT
 * is left to the caller.
 */
enum outcome
authorise(const struct rights *rights, const struct demand *demand,
    struct problem *problem) MUST_CHECK;

/*
 * What a long transfer stands on: who began it may still sign in, and still
 * holds the atoms on the node, wherever it is now. UNAUTHENTICATED, FORBIDDEN,
 * NOT_FOUND (deleted): the transfer must be cut (rights.md 8).
 */
enum outcome
standing_check(struct txn *txn, const struct principal *principal, node_id node,
    atom_set needed, uint64_t now_ns) MUST_CHECK;

/* The cells that the principal may see, for /dav/. False stops. */
enum outcome
cells_visible(struct txn *txn, const struct principal *principal,
    uint64_t now_ns, struct arena *arena, cell_each_fn visit, void *context)
    MUST_CHECK;

/*
 * Nothing below the node has grants of its own, so the rights of the node are
 * the rights of all below it.
 */
static inline bool
rights_uniform(const struct node *node)
{
	return node->tree_grants == 0;
}
