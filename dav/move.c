/*
 * MOVE (RFC 4918 9.9). A rename, a move inside a cell and a move out of it are
 * different rights (rights.md 6). A file that a program saved beside a document
 * and now moves onto it becomes the document's newest version, so that links,
 * grants and history stay with what people know (safe-save fold).
 */
#include "auth/grant.h"
#include "dav/members.h"
#include "dav/methods.h"
#include "dav/precondition.h"
#include "dav/resave.h"
#include "dav/temporary.h"
#include "dav/transfer.h"

/* RFC 4918 9.9.2: infinite for collections; a file takes any but 1. */
static enum outcome
move_depth_check(struct exchange *exchange, const struct transfer *transfer)
{
	bool file = transfer->source.node->kind == NODE_FILE;
	int depth;
	enum outcome outcome = depth_parse(exchange->request, DEPTH_INFINITY,
	    &depth);

	if (outcome == OK && depth != DEPTH_INFINITY && !(file && depth == 0))
		return BAD_INPUT;
	return outcome;
}

/* The innermost cell root above the last `less` nodes; a path may pass many. */
static node_id
trail_cell(const struct trail *trail, size_t less)
{
	for (size_t i = trail->count - less; i > 0; i--)
		if ((trail->node[i - 1].flags & NODE_IS_CELL_ROOT) != 0)
			return trail->node[i - 1].id;
	return 0;
}

static bool
move_leaves_cell(const struct transfer *transfer)
{
	return transfer->target.scope == SCOPE_ROOT ||
	    transfer->source.cell.id != transfer->target.cell.id ||
	    trail_cell(&transfer->source.trail, 1) !=
	    trail_cell(&transfer->target.trail,
		transfer->target.node != NULL ? 1 : 0);
}

/* Parents by id: the target's is its trail's end when nothing stands there. */
static bool
move_is_rename(const struct transfer *transfer)
{
	const struct place *target = &transfer->target;
	const struct trail *trail = &target->trail;

	if (move_leaves_cell(transfer) || trail->missing > 1)
		return false;
	if (target->node == NULL)
		return trail_last(trail)->id == transfer->source.node->parent;
	return target->node->parent == transfer->source.node->parent;
}

static atom_set
move_atoms(const struct transfer *transfer)
{
	if (move_is_rename(transfer))
		return ATOM(RENAME);
	return move_leaves_cell(transfer) ? ATOM(GET_ORIGINAL) | ATOM(DELETE) :
					    ATOM(MOVE);
}

/* The root of a cell: never as mounted; in its outer cell by who manages. */
static enum outcome
move_root_check(struct exchange *exchange, const struct place *source)
{
	if (source->inside.count == 0) {
		exchange->problem.message = "A cell cannot be moved.";
		return FORBIDDEN;
	}
	if ((source->node->flags & NODE_IS_CELL_ROOT) != 0)
		return place_demand(exchange, source, ATOM(MANAGE));
	return OK;
}

/*
 * What was shared is not the guest's to take away: who holds the atoms only by
 * a grant on the very node may change what is in it, not where it stands.
 */
static enum outcome
move_share_check(struct exchange *exchange, const struct place *source,
    atom_set atoms)
{
	struct trail parent = source->trail;
	struct demand demand = { .needed = atoms };
	struct rights rights;
	enum outcome outcome;

	if ((source->node->flags & NODE_HAS_GRANTS) == 0)
		return OK;
	parent.count--;
	outcome = rights_of(exchange->txn, &exchange->principal, &parent,
	    exchange->now_ns, &rights);
	if (outcome != OK || rights_hold(&rights, atoms))
		return outcome;
	rights.atoms |= ATOM(STAT); /* the node itself is visible */
	demand.href = place_href(exchange, source);
	return authorise(&rights, &demand, &exchange->problem);
}

/* RULE_RENAME_OWN: what others made keeps its name. */
static bool
move_is_of_others(const struct exchange *exchange, const struct place *source)
{
	return (source->rights.rules & RULE_RENAME_OWN) != 0 &&
	    source->node->creator != exchange->principal.id;
}

/*
 * A program puts a document aside to save a new one under its name. Where the
 * document may not change its name it stays as it is, a file of one's own with
 * its content appears under the other name, and what follows is a save like
 * any other: nothing of the owner's is ever gone (rights.md 4, portal).
 */
static bool
move_puts_aside(const struct exchange *exchange,
    const struct transfer *transfer)
{
	return transfer->how == TRANSFER_NEW && move_is_rename(transfer) &&
	    move_is_of_others(exchange, &transfer->source) &&
	    transfer->source.node->kind == NODE_FILE &&
	    name_is_temporary(transfer->name) &&
	    rights_hold(&transfer->source.rights,
		ATOM(MODIFY) | ATOM(GET_ORIGINAL)) &&
	    rights_hold(&transfer->target.rights, ATOM(CREATE));
}

static enum outcome
move_demand_source(struct exchange *exchange, const struct transfer *transfer)
{
	const struct place *source = &transfer->source;
	atom_set atoms = move_atoms(transfer);
	enum outcome outcome = place_demand(exchange, source, atoms);

	if (outcome == OK)
		outcome = move_root_check(exchange, source);
	if (outcome == OK)
		outcome = move_share_check(exchange, source, atoms);
	if (outcome == OK && atoms == ATOM(RENAME) &&
	    move_is_of_others(exchange, source) &&
	    !move_puts_aside(exchange, transfer)) {
		struct rights rights = source->rights;
		struct demand demand = { ATOM(RENAME),
			place_href(exchange, source) };

		rights.atoms &= ~ATOM(RENAME);
		return authorise(&rights, &demand, &exchange->problem);
	}
	if (outcome == OK)
		outcome = members_demand(exchange, source, atoms);
	if (outcome == OK && move_leaves_cell(transfer))
		outcome = cells_below_check(exchange, source);
	return outcome;
}

/*
 * A place where the subject may read more than at the source would be a way
 * round the source's limits (rights.md 7, "restriction on a copy").
 */
static enum outcome
move_gain_check(struct exchange *exchange, const struct transfer *transfer)
{
	const atom_set content = ATOM(VIEW) | ATOM(PRINT) | ATOM(GET_PDF) |
	    ATOM(GET_ORIGINAL);
	atom_set gained = transfer->target.rights.atoms & content &
	    ~transfer->source.rights.atoms;

	if (gained == 0)
		return OK;
	return place_demand(exchange, &transfer->source, ATOM(GET_ORIGINAL));
}

static enum outcome
move_demand_target(struct exchange *exchange, const struct transfer *transfer)
{
	enum outcome outcome;

	if (transfer->how != TRANSFER_NEW || !move_is_rename(transfer))
		return transfer_demand_target(exchange, transfer);
	outcome = place_demand(exchange, &transfer->target, ATOM(STAT));
	return outcome == OK ? place_name_check(exchange, &transfer->target) :
			       outcome;
}

/* Onto a file: a save, or a replacement. */
static void
move_choose(struct exchange *exchange, struct transfer *transfer)
{
	if (transfer->how == TRANSFER_VERSION &&
	    !node_is_own_draft(exchange, transfer->source.node))
		transfer->how = TRANSFER_REPLACE;
}

static enum outcome
move_check(struct exchange *exchange, struct transfer *transfer)
{
	enum outcome outcome = transfer_resolve(exchange, transfer);

	if (outcome != OK)
		return outcome;
	transfer->moves = true;
	move_choose(exchange, transfer);
	outcome = move_demand_source(exchange, transfer);
	if (outcome == OK)
		outcome = move_depth_check(exchange, transfer);
	if (outcome == OK)
		outcome = move_demand_target(exchange, transfer);
	if (outcome == OK)
		outcome = move_gain_check(exchange, transfer);
	if (outcome == OK)
		outcome = transfer_conditions(exchange, transfer);
	return outcome == OK ? transfer_apart(exchange, transfer) : outcome;
}

static enum outcome
move_admit(struct exchange *exchange, enum lane *lane)
{
	struct transfer transfer;

	return place_admit(exchange, move_check(exchange, &transfer), lane);
}

/* A new file takes the name of a document that was put aside for it. */
static enum outcome
move_resave(struct exchange *exchange, struct transfer *transfer,
    enum tree_move_how *how)
{
	struct transfer again;
	bool back = false;
	enum outcome outcome;

	if (transfer->how != TRANSFER_NEW || !move_is_rename(transfer) ||
	    !node_is_own_draft(exchange, transfer->source.node))
		return OK;
	outcome = resave_bring_back(exchange, &transfer->target,
	    transfer->source.node->id, &back);
	if (outcome != OK || !back)
		return outcome;
	outcome = transfer_resolve(exchange, &again);
	if (outcome != OK)
		return outcome;
	transfer->source = again.source;
	transfer->target = again.target;
	*how = TREE_MOVE_FOLD;
	return OK;
}

/*
 * Who shared it here has not shared it there (rights.md 6). Afterwards, so
 * that its tombstone says that it had grants; a fold may have used it up.
 */
static enum outcome
move_revoke(struct txn *txn, const struct transfer *transfer)
{
	struct node node;
	enum outcome outcome = node_find_id(txn, transfer->source.node->id,
	    &node);

	if (outcome == OK)
		outcome = grant_remove_tree(txn, &node);
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
move_write(struct exchange *exchange, struct transfer *transfer,
    struct node *ret_node)
{
	struct tree_actor actor = exchange_actor(exchange);
	enum tree_move_how how = transfer->how == TRANSFER_VERSION ?
	    TREE_MOVE_FOLD :
	    TREE_MOVE_PLACE;
	bool leaves;
	enum outcome outcome;

	if (move_puts_aside(exchange, transfer))
		return resave_copy(exchange, transfer->source.node,
		    &transfer->target.trail, transfer->name, ret_node);
	outcome = transfer_clear(exchange, transfer);
	if (outcome == OK)
		outcome = move_resave(exchange, transfer, &how);
	if (outcome != OK)
		return outcome;
	leaves = move_leaves_cell(transfer);
	outcome = tree_move(exchange->txn, exchange->store,
	    &transfer->source.trail, &transfer->target.trail, transfer->name,
	    how, &actor);
	if (outcome == OK && leaves)
		outcome = move_revoke(exchange->txn, transfer);
	if (outcome == OK)
		outcome = node_find_id(exchange->txn,
		    how == TREE_MOVE_FOLD ? transfer->target.node->id :
					    transfer->source.node->id,
		    ret_node);
	return outcome;
}

static enum outcome
move_run(struct exchange *exchange)
{
	struct transfer transfer;
	struct node node;
	enum outcome outcome = move_check(exchange, &transfer);

	if (outcome == OK)
		outcome = move_write(exchange, &transfer, &node);
	if (outcome == OK)
		transfer_respond(exchange, &transfer, &node);
	return exchange_space(exchange, outcome);
}

const struct method method_move = {
	.name = "MOVE",
	.body = METHOD_BODY_NONE,
	.lane = LANE_COMMIT,
	.admit = move_admit,
	.run = move_run,
};
