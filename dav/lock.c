/*
 * LOCK (RFC 4918 9.10): a new lock, or a longer life for one. An unmapped URL
 * becomes an empty file that is locked from its first moment on (7.3); clients
 * tell the two by 201 and 200, and need its entity-tag at once (clients.md
 * 1.7).
 */
#include <string.h>

#include "dav/lock_info.h"
#include "dav/lock_write.h"
#include "dav/members.h"
#include "dav/methods.h"
#include "dav/precondition.h"
#include "dav/xml.h"
#include "server/base/random.h"
#include "store/media.h"

enum { CONFLICTS_MAX = 64, BODY_MAX = 1024 * 1024 };

/* What can be asked without the body; a new file needs a name that may be. */
static enum outcome
lock_check(struct exchange *exchange, struct place *place)
{
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome == OK)
		outcome = place_demand(exchange, place,
		    place->node == NULL && place->scope == SCOPE_CELL ?
			ATOM(CREATE) :
			ATOM(MODIFY));
	if (outcome != OK || place->node != NULL)
		return outcome;
	if (place->path.trailing_slash)
		return exchange_not_allowed(exchange);
	return place_name_check(exchange, place);
}

static enum outcome
lock_conditions(struct exchange *exchange, const struct place *place,
    struct if_header *ret_header)
{
	enum outcome outcome = request_if(exchange, ret_header);

	return outcome == OK ? condition_check(exchange, place, ret_header) :
			       outcome;
}

static enum outcome
lock_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;
	struct if_header header;
	enum outcome outcome = lock_check(exchange, &place);

	if (outcome == OK)
		outcome = lock_conditions(exchange, &place, &header);
	return place_admit(exchange, outcome, lane);
}

/* ---- Conflicts ---------------------------------------------------------------- */

static void
conflict_problem(struct text href, struct problem *problem)
{
	*problem = (struct problem){
		.status = 423,
		.condition = "no-conflicting-lock",
		.href = href,
		.message = "This is locked by somebody already.",
	};
}

static enum outcome
covering_conflict(struct exchange *exchange, const struct place *place,
    const struct lock_info *info)
{
	struct lock *lock;
	size_t count;
	struct text href;
	enum outcome outcome = lock_covering(exchange->txn, exchange->arena,
	    &place->trail, exchange->now_ns, &lock, &count);

	for (size_t i = 0; outcome == OK && i < count; i++) {
		if (!info->exclusive && !lock[i].exclusive)
			continue;
		outcome = lock_root_href(exchange, place, &lock[i], &href);
		if (outcome != OK)
			return outcome;
		conflict_problem(href, &exchange->problem);
		return LOCKED;
	}
	return outcome;
}

/* RFC 4918 9.10.9: each conflict below, and 424 for what was asked for. */
static enum outcome
below_respond(struct exchange *exchange, const struct place *place,
    const struct lock *lock, size_t count)
{
	struct buffer out = { .max = BODY_MAX };
	struct problem problem = { .status = 424 };
	struct text href;

	xml_multistatus_begin(&out);
	for (size_t i = 0; i < count; i++) {
		enum outcome outcome = lock_root_href(exchange, place, &lock[i],
		    &href);

		if (outcome != OK) {
			buffer_done(&out);
			return outcome;
		}
		conflict_problem(href, &exchange->problem);
		xml_response_status(&out, href, LOCKED, &exchange->problem);
	}
	xml_response_status(&out, place_href(exchange, place), LOCKED,
	    &problem);
	xml_multistatus_end(&out);
	return xml_respond(exchange, 207, &out);
}

/* *ret_answered: the 207 is the answer, and nothing is to be locked. */
static enum outcome
below_conflict(struct exchange *exchange, const struct place *place,
    const struct lock_info *info, bool *ret_answered)
{
	struct lock *lock;
	size_t count, conflicts = 0;
	enum outcome outcome;

	if (!info->infinite || place->node->kind != NODE_COLLECTION)
		return OK;
	outcome = lock_below(exchange->txn, exchange->arena, place->node,
	    exchange->now_ns,
	    exchange->conf->limits.locks_per_principal + CONFLICTS_MAX, &lock,
	    &count);
	if (outcome != OK)
		return outcome;
	for (size_t i = 0; i < count && conflicts < CONFLICTS_MAX; i++)
		if (info->exclusive || lock[i].exclusive)
			lock[conflicts++] = lock[i];
	*ret_answered = conflicts > 0;
	return conflicts > 0 ? below_respond(exchange, place, lock, conflicts) :
			       OK;
}

/* ---- Answer ------------------------------------------------------------------- */

static enum outcome
lock_respond(struct exchange *exchange, const struct place *place,
    const struct lock *lock, unsigned status)
{
	struct response *response = &exchange->request->response;
	struct buffer out = { .max = BODY_MAX };
	struct property_target target;
	enum outcome outcome;

	property_target_of(exchange, place, place_href(exchange, place),
	    &target);
	buffer_append(&out,
	    TEXT(XML_DECLARATION "<d:prop " XML_NAMESPACES
				 "><d:lockdiscovery>"));
	outcome = lock_active_write(&target, lock, &out);
	buffer_append(&out, TEXT("</d:lockdiscovery></d:prop>\n"));
	if (outcome != OK) {
		buffer_done(&out);
		return outcome;
	}
	if (place->node->kind == NODE_FILE)
		response_header(response, "ETag",
		    node_etag(exchange->arena, place->node));
	return xml_respond(exchange, status, &out);
}

/* ---- Refresh ------------------------------------------------------------------- */

static enum outcome
lock_renew(struct exchange *exchange, const struct place *place,
    const struct if_header *header, const struct lock_info *info)
{
	struct lock *lock, renewed;
	size_t count;
	enum outcome outcome;

	if (header->count == 0)
		return BAD_INPUT;
	if (place->node == NULL)
		return PRECONDITION;
	outcome = lock_covering(exchange->txn, exchange->arena, &place->trail,
	    exchange->now_ns, &lock, &count);
	for (size_t i = 0; outcome == OK && i < count; i++) {
		if (lock[i].principal != exchange->principal.id ||
		    !if_submits(header, lock[i].token))
			continue;
		outcome = lock_refresh(exchange->txn, lock[i].token,
		    info->seconds, exchange->now_ns);
		if (outcome == OK)
			outcome = lock_find(exchange->txn, lock[i].token,
			    exchange->now_ns, &renewed);
		return outcome == OK ?
		    lock_respond(exchange, place, &renewed, 200) :
		    outcome;
	}
	return outcome == OK ? PRECONDITION : outcome;
}

/* ---- A new lock ----------------------------------------------------------------- */

/* The kernel is asked once for many; what was given out is forgotten here. */
static void
token_draw(unsigned char token[LOCK_TOKEN_BYTES])
{
	enum { TOKENS = 32 };
	static _Thread_local unsigned char bytes[TOKENS * LOCK_TOKEN_BYTES];
	static _Thread_local size_t left;

	if (left == 0) {
		random_fill(bytes, sizeof(bytes));
		left = sizeof(bytes);
	}
	left -= LOCK_TOKEN_BYTES;
	memcpy(token, bytes + left, LOCK_TOKEN_BYTES);
	memset(bytes + left, 0, LOCK_TOKEN_BYTES);
}

/* RFC 4122 4.4: random, with the version and the variant in their bits. */
static void
token_make(unsigned char token[LOCK_TOKEN_BYTES])
{
	token_draw(token);
	token[6] = (unsigned char)((token[6] & 0x0f) | 0x40);
	token[8] = (unsigned char)((token[8] & 0x3f) | 0x80);
}

static enum outcome
file_make(struct exchange *exchange, struct place *place)
{
	struct tree_actor actor = exchange_actor(exchange);
	struct tree_content content = { .name = place->name };
	struct node node;
	enum outcome outcome;

	if (!media_quick(place->name, TEXT_NONE, &content.media))
		content.media = TEXT("application/octet-stream");
	outcome = tree_put(exchange->txn, exchange->store, &place->trail,
	    &content, &actor, &node);
	/* The trail must end at the new file. */
	return outcome == OK ? place_made(exchange, node.id, place) : outcome;
}

static enum outcome
lock_make(struct exchange *exchange, struct place *place,
    const struct lock_info *info)
{
	bool created = place->node == NULL;
	struct lock lock = {
		.principal = exchange->principal.id,
		.exclusive = info->exclusive,
		.infinite = info->infinite,
		.timeout_seconds = info->seconds,
		.owner = info->owner,
	};
	enum outcome outcome = created ? file_make(exchange, place) : OK;

	if (outcome != OK)
		return outcome;
	token_make(lock.token);
	lock.node = place->node->id;
	lock.root = place_href(exchange, place);
	outcome = lock_add(exchange->txn, exchange->conf, &place->trail, &lock,
	    exchange->now_ns);
	if (outcome == TOO_LARGE)
		exchange->problem = (struct problem){ .status = 507,
			.message = "You hold too many locks already." };
	if (outcome == OK)
		outcome = lock_find(exchange->txn, lock.token, exchange->now_ns,
		    &lock);
	if (outcome != OK)
		return outcome;
	response_header_format(&exchange->request->response, "Lock-Token",
	    "<%.*s>",
	    TEXT_ARGS(lock_token_format(exchange->arena, lock.token)));
	return lock_respond(exchange, place, &lock, created ? 201 : 200);
}

static enum outcome
lock_new(struct exchange *exchange, struct place *place,
    const struct if_header *header, const struct lock_info *info)
{
	bool answered = false;
	enum outcome outcome = covering_conflict(exchange, place, info);

	/* A new member needs the token of a lock on its collection too. */
	if (outcome == OK && place->node == NULL)
		outcome = lock_demand(exchange, header, place,
		    REACH_MEMBERSHIP);
	if (outcome == OK && place->node != NULL && info->infinite)
		outcome = members_demand(exchange, place, ATOM(MODIFY));
	if (outcome == OK && place->node != NULL)
		outcome = below_conflict(exchange, place, info, &answered);
	if (outcome != OK || answered)
		return outcome;
	return lock_make(exchange, place, info);
}

/* What the body asks; without one it is a refresh, and read by `run`. */
static enum outcome
lock_prepare(struct exchange *exchange)
{
	struct lock_info *info;
	enum outcome outcome;

	if (exchange->body.len == 0)
		return OK;
	info = ARENA_NEW(exchange->arena, struct lock_info);
	outcome = lock_info_parse(exchange, info);
	if (outcome == OK)
		exchange->state = info;
	return outcome;
}

static enum outcome
lock_run(struct exchange *exchange)
{
	struct place place;
	struct if_header header;
	struct lock_info info;
	enum outcome outcome = lock_check(exchange, &place);

	if (outcome == OK && exchange->state != NULL)
		info = *(const struct lock_info *)exchange->state;
	else if (outcome == OK)
		outcome = lock_info_parse(exchange, &info);
	if (outcome == OK)
		outcome = lock_conditions(exchange, &place, &header);
	if (outcome != OK)
		return outcome;
	return info.refresh ? lock_renew(exchange, &place, &header, &info) :
			      lock_new(exchange, &place, &header, &info);
}

const struct method method_lock = {
	.name = "LOCK",
	.body = METHOD_BODY_XML,
	.lane = LANE_COMMIT,
	.admit = lock_admit,
	.prepare = lock_prepare,
	.run = lock_run,
};
