/*
 * DELETE (RFC 4918 9.6): to the trash, all or nothing. A member that may not
 * be deleted, or not even be seen, or that is locked, stops all of it.
 */
#include "dav/members.h"
#include "dav/methods.h"
#include "dav/precondition.h"
#include "dav/temporary.h"
#include "dav/transfer.h"

/* RFC 4918 9.6.1: infinite for collections; for a file it means nothing. */
static enum outcome
delete_depth_check(struct exchange *exchange, const struct place *place)
{
	int depth;
	enum outcome outcome = depth_parse(exchange->request, DEPTH_INFINITY,
	    &depth);

	if (outcome != OK)
		return outcome;
	if (depth == 1 || (depth == 0 && place->node->kind == NODE_COLLECTION))
		return BAD_INPUT;
	return OK;
}

/* A cell is removed by who owns it, and not as a folder. */
static enum outcome
cell_root_check(struct exchange *exchange, const struct place *place)
{
	if (place->inside.count > 0 &&
	    (place->node->flags & NODE_IS_CELL_ROOT) == 0)
		return OK;
	exchange->problem = (struct problem){
		.message = "A cell stands here; it cannot be removed or "
			   "replaced this way.",
	};
	return FORBIDDEN;
}

enum outcome
place_remove_check(struct exchange *exchange, const struct place *place)
{
	enum outcome outcome = place_demand_delete(exchange, place);

	if (outcome == OK)
		outcome = cell_root_check(exchange, place);
	if (outcome == OK)
		outcome = members_demand(exchange, place, ATOM(DELETE));
	if (outcome == OK)
		outcome = cells_below_check(exchange, place);
	return outcome;
}

static enum outcome
delete_check(struct exchange *exchange, struct place *place)
{
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome != OK)
		return outcome;
	if (place->scope == SCOPE_ROOT)
		return place_demand(exchange, place, ATOM(DELETE));
	if (place->node == NULL)
		return NOT_FOUND;
	outcome = place_remove_check(exchange, place);
	if (outcome == OK)
		outcome = delete_depth_check(exchange, place);
	if (outcome == OK)
		outcome = precondition_check(exchange, place,
		    REACH_BELOW | REACH_MEMBERSHIP);
	return outcome;
}

static enum outcome
delete_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;

	return place_admit(exchange, delete_check(exchange, &place), lane);
}

static enum outcome
delete_run(struct exchange *exchange)
{
	struct tree_actor actor = exchange_actor(exchange);
	struct place place;
	enum outcome outcome = delete_check(exchange, &place);

	if (outcome == OK)
		outcome = tree_delete(exchange->txn, exchange->store,
		    &place.trail, &actor);
	if (outcome == OK)
		exchange->request->response.status = 204;
	return outcome;
}

const struct method method_delete = {
	.name = "DELETE",
	.body = METHOD_BODY_NONE,
	.lane = LANE_COMMIT,
	.flags = METHOD_FREES,
	.admit = delete_admit,
	.run = delete_run,
};
