/*
 * COPY (RFC 4918 9.8). What the principal may not see is left out without a
 * word, what it may see but not read is left out and named in a 207
 * (rights.md 6). A small copy is one change; a large one is made in slices
 * under a hidden parent, each slice asking for the rights again, and shown by
 * one key at its end.
 */
#include <stdatomic.h>

#include "dav/members.h"
#include "dav/methods.h"
#include "dav/precondition.h"
#include "dav/transfer.h"
#include "dav/xml.h"
#include "server/base/clock.h"

enum { REFUSED_MAX = 1000, MULTISTATUS_MAX = 1024 * 1024 };

enum { SLICE_BUSY = 1024, SLICE_ALONE = 16384 };

struct copying {
	struct exchange *exchange;
	struct transfer transfer;
	struct node source; /* as it was when the copy began */
	int depth;
	struct tree_copy copy;
	struct text *refused; /* arena: hrefs of what may not be read */
	size_t refused_count;
	bool published;
	uint64_t changes; /* of the committer, after the last slice */
	enum outcome (*step)(struct copying *copying);
};

static enum outcome
copy_depth_check(struct exchange *exchange, int *ret_depth)
{
	int depth;
	enum outcome outcome = depth_parse(exchange->request, DEPTH_INFINITY,
	    &depth);

	if (outcome == OK && depth == 1)
		return BAD_INPUT;
	if (outcome == OK)
		*ret_depth = depth;
	return outcome;
}

static enum outcome
copy_check(struct exchange *exchange, struct copying *copying)
{
	struct transfer *transfer = &copying->transfer;
	enum outcome outcome = transfer_resolve(exchange, transfer);

	if (outcome == OK)
		outcome = place_demand(exchange, &transfer->source,
		    transfer_keeps_rights(transfer) ? ATOM(VIEW) :
						      ATOM(GET_ORIGINAL));
	if (outcome == OK)
		outcome = copy_depth_check(exchange, &copying->depth);
	if (outcome == OK)
		outcome = transfer_demand_target(exchange, transfer);
	if (outcome == OK)
		outcome = transfer_conditions(exchange, transfer);
	if (outcome == OK)
		outcome = transfer_apart(exchange, transfer);
	return outcome;
}

static bool
copy_is_large(const struct copying *copying)
{
	const struct node *source = copying->transfer.source.node;

	return copying->depth != 0 && source->kind == NODE_COLLECTION &&
	    source->tree_count >= COPY_SLICE;
}

static enum outcome
copy_admit(struct exchange *exchange, enum lane *lane)
{
	struct copying copying = { .exchange = exchange };
	enum outcome outcome = copy_check(exchange, &copying);

	if (outcome == NOT_FOUND && exchange->makes_own) {
		/* Its steps are changes, and the first makes the cell. */
		*lane = LANE_SLOW;
		exchange->makes_own = false;
		return OK;
	}
	if (outcome == OK && copy_is_large(&copying))
		*lane = LANE_SLOW;
	return outcome;
}

/* ---- What is left out ------------------------------------------------------ */

static bool
refused_known(const struct copying *copying, struct text href)
{
	for (size_t i = 0; i < copying->refused_count; i++)
		if (text_equal(copying->refused[i], href))
			return true;
	return false;
}

/* A slice may run again, and then meets the same member again. */
static void
refused_add(struct copying *copying, const struct trail *trail)
{
	struct exchange *exchange = copying->exchange;
	struct trail parent = *trail;
	struct text href;

	parent.count--;
	if (copying->refused_count == REFUSED_MAX)
		return; /* enough to say that the copy is not whole */
	href = member_href(exchange, &copying->transfer.source, &parent,
	    trail_last(trail));
	if (refused_known(copying, href))
		return;
	if (copying->refused == NULL)
		copying->refused = ARENA_ARRAY(exchange->arena, REFUSED_MAX,
		    struct text);
	copying->refused[copying->refused_count++] = href;
}

static enum copy_answer
copy_filter(struct txn *txn, const struct node *node, void *context)
{
	struct copying *copying = context;
	struct exchange *exchange = copying->exchange;
	struct arena *arena = arena_new();
	enum copy_answer answer = COPY_SKIP;
	struct trail trail;
	struct rights rights = { 0 };

	/* Whatever cannot be found out is not copied. */
	if (trail_find_id(txn, arena, node->id, &trail) == OK &&
	    rights_of(txn, &exchange->principal, &trail, exchange->now_ns,
		&rights) == OK) {
		if (rights_hold(&rights, ATOM(STAT) | ATOM(GET_ORIGINAL)))
			answer = COPY_TAKE;
		else if (rights_hold(&rights, ATOM(STAT)))
			refused_add(copying, &trail);
	}
	arena_free(arena);
	return answer;
}

static enum outcome
copy_respond(struct copying *copying, const struct node *node)
{
	struct exchange *exchange = copying->exchange;
	struct problem problem = {
		.condition = "need-privileges",
		.privilege_space = "DAV:",
		.privilege = "read",
	};
	struct buffer out = { .max = MULTISTATUS_MAX };

	if (copying->refused_count == 0) {
		transfer_respond(exchange, &copying->transfer, node);
		return OK;
	}
	xml_multistatus_begin(&out);
	for (size_t i = 0; i < copying->refused_count; i++) {
		problem.href = copying->refused[i];
		xml_response_status(&out, problem.href, FORBIDDEN, &problem);
	}
	xml_multistatus_end(&out);
	return xml_respond(exchange, 207, &out);
}

/* ---- A file onto a file ------------------------------------------------------ */

/* The target keeps its id, grants and versions, and gets one more. */
static enum outcome
version_copy(struct copying *copying, struct node *ret_node)
{
	struct exchange *exchange = copying->exchange;
	const struct trail *onto = &copying->transfer.target.trail;
	const struct node *source = copying->transfer.source.node;
	struct tree_actor actor = exchange_actor(exchange);
	struct tree_content content = {
		.blob = { .id = source->blob, .size = source->size },
		.name = copying->transfer.name,
		.media = source->media,
		.modified_ns = source->modified_ns,
	};
	struct blob_record record;
	enum outcome outcome = OK;

	if (source->blob != 0)
		outcome = blob_get(exchange->txn, source->blob, &record);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (source->blob != 0)
		content.blob.sum = record.sum;
	outcome = tree_put(exchange->txn, exchange->store, onto, &content,
	    &actor, ret_node);
	if (outcome == OK)
		outcome = property_copy(exchange->txn, source->id,
		    ret_node->id);
	if (outcome == OK)
		outcome = tree_set_flag(exchange->txn, onto,
		    NODE_HAS_PROPERTIES,
		    (source->flags & NODE_HAS_PROPERTIES) != 0);
	return outcome;
}

/* ---- Trees --------------------------------------------------------------------- */

static void
copy_begin(struct copying *copying)
{
	const struct place *source = &copying->transfer.source;

	copying->source = *source->node;
	copying->copy = (struct tree_copy){
		.source = &copying->source,
		.shallow = copying->depth == 0,
		.context = copying,
		.actor = exchange_actor(copying->exchange),
		.arena = copying->exchange->arena,
		.tree = copying->transfer.target.trail.node[0].id,
	};
	if (!rights_uniform(source->node))
		copying->copy.filter = copy_filter;
}

static enum outcome
copy_publish(struct copying *copying, struct node *ret_node)
{
	struct exchange *exchange = copying->exchange;
	struct transfer *transfer = &copying->transfer;
	enum outcome outcome = transfer_clear(exchange, transfer);

	if (outcome == OK)
		outcome = tree_copy_publish(exchange->txn, exchange->store,
		    &copying->copy, &transfer->target.trail, transfer->name,
		    ret_node);
	return outcome;
}

static enum outcome
copy_at_once(struct exchange *exchange)
{
	struct copying copying = { .exchange = exchange };
	struct node node;
	enum outcome outcome = copy_check(exchange, &copying);

	if (outcome != OK)
		return outcome;
	if (copying.transfer.how == TRANSFER_VERSION) {
		outcome = version_copy(&copying, &node);
		return outcome == OK ? copy_respond(&copying, &node) : outcome;
	}
	copy_begin(&copying);
	outcome = tree_copy_slice(exchange->txn, exchange->store,
	    &copying.copy);
	/* It grew since it was let in: the next try goes another way. */
	if (outcome == OK && !copying.copy.complete)
		return BUSY;
	if (outcome == OK)
		outcome = copy_publish(&copying, &node);
	return outcome == OK ? copy_respond(&copying, &node) : outcome;
}

/* ---- In slices, on a worker ------------------------------------------------------ */

/* A copy that is all there is shown in the change that finished it. */
static enum outcome
slice_publish(struct copying *copying)
{
	struct node node;
	enum outcome outcome;

	response_reset(&copying->exchange->request->response);
	outcome = copy_publish(copying, &node);
	copying->published = outcome == OK;
	return outcome == OK ? copy_respond(copying, &node) : outcome;
}

static enum outcome
slice_step(struct copying *copying)
{
	struct exchange *exchange = copying->exchange;
	enum outcome outcome = copy_check(exchange, copying);

	copying->published = false;
	if (outcome != OK)
		return outcome;
	if (copying->source.id == 0)
		copy_begin(copying);
	else if (copying->copy.filter == NULL &&
	    !rights_uniform(copying->transfer.source.node))
		return CONFLICT; /* rights below changed: nothing is sure */
	else if (copying->source.id != copying->transfer.source.node->id)
		return CONFLICT; /* something else stands there now */
	if (copying->transfer.how == TRANSFER_VERSION)
		return CONFLICT;
	outcome = tree_copy_slice(exchange->txn, exchange->store,
	    &copying->copy);
	if (outcome == OK && copying->copy.complete)
		outcome = slice_publish(copying);
	return outcome;
}

static enum outcome
discard_step(struct copying *copying)
{
	return tree_copy_discard(copying->exchange->txn,
	    copying->exchange->store, &copying->copy);
}

static enum outcome
step_in_change(struct txn *txn, void *context)
{
	struct copying *copying = context;
	struct exchange *exchange = copying->exchange;
	enum outcome outcome;

	exchange->txn = txn;
	exchange->now_ns = clock_ends_ns();
	exchange->problem = (struct problem){ 0 };
	outcome = copying->step == discard_step ?
	    OK :
	    principal_check(txn, &exchange->principal);
	if (outcome == OK)
		outcome = copying->step(copying);
	exchange->txn = NULL;
	return outcome;
}

static enum outcome
step_run(struct copying *copying, enum outcome (*step)(struct copying *copying))
    ON_WORKER
{
	copying->step = step;
	return store_change(copying->exchange->store, step_in_change, copying);
}

/* Who else changes something waits for a slice: then they are small. */
static void
slice_adapt(struct copying *copying)
{
	struct committer_stats stats;
	uint64_t others;

	committer_get_stats(copying->exchange->store->committer, &stats);
	others = stats.changes - copying->changes;
	if (copying->changes != 0)
		copying->copy.slice = others > 1 ? SLICE_BUSY : SLICE_ALONE;
	copying->changes = stats.changes;
}

static enum outcome
copy_in_slices(struct exchange *exchange) ON_WORKER
{
	struct copying *copying = ARENA_NEW(exchange->arena, struct copying);
	enum outcome outcome = OK;
	struct problem problem;

	copying->exchange = exchange;
	while (outcome == OK && !copying->published) {
		slice_adapt(copying);
		outcome = step_run(copying, slice_step);
		if (outcome == OK && exchange->request->cancelled)
			outcome = CANCELLED;
	}
	problem = exchange->problem;
	/* What cannot be discarded now is the reclaimer's after its lease. */
	if (outcome != OK && copying->copy.state != NULL)
		(void)step_run(copying, discard_step);
	exchange->problem = problem;
	return outcome;
}

static enum outcome
copy_run(struct exchange *exchange)
{
	if (exchange->txn != NULL)
		return exchange_space(exchange, copy_at_once(exchange));
	thread_enter_worker();
	return exchange_space(exchange, copy_in_slices(exchange));
}

const struct method method_copy = {
	.name = "COPY",
	.body = METHOD_BODY_NONE,
	.lane = LANE_COMMIT,
	.flags = METHOD_LONG,
	.admit = copy_admit,
	.run = copy_run,
};
