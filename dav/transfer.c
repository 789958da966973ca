#include "dav/transfer.h"

#include "dav/precondition.h"

enum outcome
transfer_resolve(struct exchange *exchange, struct transfer *ret_transfer)
{
	struct transfer transfer = { 0 };
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    &transfer.source);

	if (outcome != OK)
		return outcome;
	if (transfer.source.scope == SCOPE_ROOT) {
		outcome = place_demand(exchange, &transfer.source, ATOM(MOVE));
		return outcome == OK ? FORBIDDEN : outcome;
	}
	if (transfer.source.node == NULL || transfer.source.slash_on_file)
		return NOT_FOUND;
	outcome = overwrite_parse(exchange->request, &transfer.overwrite);
	if (outcome == OK)
		outcome = request_if(exchange, &transfer.header);
	if (outcome == OK)
		outcome = destination_resolve(exchange, &transfer.target);
	if (outcome != OK)
		return outcome;
	transfer.name = transfer.target.name;
	*ret_transfer = transfer;
	if (transfer.target.node == NULL)
		ret_transfer->how = TRANSFER_NEW;
	else if (transfer.target.node->kind == NODE_FILE &&
	    transfer.source.node->kind == NODE_FILE)
		ret_transfer->how = TRANSFER_VERSION;
	else
		ret_transfer->how = TRANSFER_REPLACE;
	return OK;
}

static bool
trail_holds(const struct trail *trail, node_id id)
{
	for (size_t i = 0; i < trail->count; i++)
		if (trail->node[i].id == id)
			return true;
	return false;
}

static enum outcome
transfer_forbid(struct exchange *exchange, const char *message)
{
	exchange->problem = (struct problem){ .message = message };
	return FORBIDDEN;
}

/* Node ids, so that no spelling of a path gets past (V25). */
enum outcome
transfer_apart(struct exchange *exchange, const struct transfer *transfer)
{
	const struct place *source = &transfer->source;
	const struct place *target = &transfer->target;

	if (target->node != NULL && target->node->id == source->node->id)
		return transfer_forbid(exchange,
		    "Source and destination are the same.");
	if (trail_holds(&target->trail, source->node->id))
		return transfer_forbid(exchange,
		    "The destination lies inside the source.");
	if (target->node != NULL &&
	    trail_holds(&source->trail, target->node->id))
		return transfer_forbid(exchange,
		    "The source lies inside the destination.");
	return OK;
}

/* No grant and no cell begins between the nodes `from` and the trail's end. */
static bool
trail_is_bare(const struct trail *trail, size_t from)
{
	for (size_t i = from; i < trail->count; i++)
		if ((trail->node[i].flags &
			(NODE_HAS_GRANTS | NODE_IS_CELL_ROOT)) != 0)
			return false;
	return true;
}

bool
transfer_keeps_rights(const struct transfer *transfer)
{
	const struct trail *a = &transfer->source.trail;
	const struct trail *b = &transfer->target.trail;
	size_t common = 0;

	if (transfer->target.scope != SCOPE_CELL ||
	    transfer->source.cell.id != transfer->target.cell.id)
		return false;
	while (common < a->count && common < b->count &&
	    a->node[common].id == b->node[common].id)
		common++;
	return rights_uniform(transfer->source.node) &&
	    trail_is_bare(a, common) && trail_is_bare(b, common);
}

enum outcome
transfer_demand_target(struct exchange *exchange,
    const struct transfer *transfer)
{
	const struct place *target = &transfer->target;
	atom_set made = transfer->source.node->kind == NODE_FILE ?
	    ATOM(CREATE) :
	    ATOM(CREATE) | ATOM(MKDIR);
	enum outcome outcome;

	if (target->scope == SCOPE_ROOT)
		return place_demand(exchange, target, made);
	switch (transfer->how) {
	case TRANSFER_VERSION:
		return place_demand(exchange, target, ATOM(MODIFY));
	case TRANSFER_REPLACE:
		return place_remove_check(exchange, target);
	case TRANSFER_NEW:
	default:
		outcome = place_demand(exchange, target, made);
		return outcome == OK ? place_name_check(exchange, target) :
				       outcome;
	}
}

enum outcome
transfer_conditions(struct exchange *exchange, const struct transfer *transfer)
{
	unsigned reach = transfer->how == TRANSFER_VERSION ?
	    REACH_SELF :
	    REACH_BELOW | REACH_MEMBERSHIP;
	enum outcome outcome = if_judge(exchange, &transfer->header,
	    &transfer->source);

	if (outcome == OK && transfer->moves)
		outcome = lock_demand(exchange, &transfer->header,
		    &transfer->source, REACH_BELOW | REACH_MEMBERSHIP);
	if (outcome == OK)
		outcome = lock_demand(exchange, &transfer->header,
		    &transfer->target, reach);
	if (outcome != OK)
		return outcome;
	if (transfer->target.node != NULL && !transfer->overwrite) {
		exchange->problem.message =
		    "Something stands at the destination already.";
		return PRECONDITION;
	}
	return condition_check(exchange, &transfer->source, &transfer->header);
}

enum outcome
transfer_clear(struct exchange *exchange, struct transfer *transfer)
{
	struct tree_actor actor = exchange_actor(exchange);
	struct transfer again;
	enum outcome outcome;

	if (transfer->how != TRANSFER_REPLACE)
		return OK;
	outcome = tree_delete(exchange->txn, exchange->store,
	    &transfer->target.trail, &actor);
	if (outcome == OK)
		outcome = transfer_resolve(exchange, &again);
	if (outcome != OK)
		return outcome;
	transfer->source = again.source;
	transfer->target = again.target;
	return OK;
}

void
transfer_respond(struct exchange *exchange, const struct transfer *transfer,
    const struct node *node)
{
	struct response *response = &exchange->request->response;

	response->status = transfer->how == TRANSFER_NEW ? 201 : 204;
	if (node->kind == NODE_FILE)
		response_header(response, "ETag",
		    node_etag(exchange->arena, node));
}
