/*
 * PROPFIND (RFC 4918 9.1). Depth 0 and 1; infinity is refused with its own
 * condition, never answered with less (reliability.md V04).
 */
#include "dav/members.h"
#include "dav/methods.h"
#include "dav/precondition.h"
#include "dav/principals.h"
#include "dav/recall.h"
#include "dav/xml.h"

/* Quoted in no way but this one by a client that compares bytes. */
#define XML_TYPE TEXT("application/xml; charset=utf-8")

static enum outcome
stream_begin(struct member_stream *stream, const struct property_target *target,
    struct buffer *out)
{
	const struct property_query *query = stream->context;

	xml_multistatus_begin(out);
	if (!stream->alone &&
	    prefers(stream->exchange->request, TEXT("depth-noroot")))
		return OK; /* RFC 8144 3: members only */
	return property_respond(target, query, out);
}

static enum outcome
stream_member(struct member_stream *stream,
    const struct property_target *target, struct buffer *out)
{
	return property_respond(target, stream->context, out);
}

static void
stream_end(struct member_stream *stream, struct buffer *out)
{
	(void)stream; /* it has no more to say */
	xml_multistatus_end(out);
}

static enum outcome
query_of_body(struct exchange *exchange, struct property_query *ret_query)
{
	SCOPED(xml_doc) xmlDoc *doc = NULL;
	xmlNode *root;
	enum outcome outcome;

	if (exchange->body.len == 0)
		return property_query_parse(exchange, NULL, ret_query);
	if (recall_query(exchange, ret_query)) {
		ret_query->minimal = prefers_minimal(exchange->request);
		return OK;
	}
	outcome = xml_parse(exchange->body, exchange->conf, &doc);
	if (outcome != OK)
		return outcome;
	root = xmlDocGetRootElement(doc);
	if (!xml_is(root, "DAV:", "propfind"))
		return BAD_INPUT;
	outcome = property_query_parse(exchange, root, ret_query);
	if (outcome == OK)
		recall_query_keep(exchange, ret_query);
	return outcome;
}

static enum outcome
depth_check(struct exchange *exchange, const struct place *place,
    int *ret_depth)
{
	bool collection = place->node == NULL ||
	    place->node->kind == NODE_COLLECTION;
	int depth;
	enum outcome outcome = depth_parse(exchange->request, DEPTH_INFINITY,
	    &depth);

	if (outcome != OK)
		return outcome;
	if (!collection)
		depth = 0; /* it has no members (clients.md 1.16) */
	if (depth == DEPTH_INFINITY) {
		exchange->problem.condition = "propfind-finite-depth";
		return FORBIDDEN;
	}
	*ret_depth = depth;
	return OK;
}

static enum outcome
propfind_check(struct exchange *exchange, struct place *place, int *ret_depth)
{
	struct if_header header;
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome == OK && place->scope == SCOPE_CELL && place->node == NULL)
		return NOT_FOUND;
	if (outcome == OK)
		outcome = place_demand(exchange, place, ATOM(STAT));
	if (outcome == OK)
		outcome = depth_check(exchange, place, ret_depth);
	if (outcome == OK && *ret_depth == 1)
		outcome = place_demand(exchange, place,
		    ATOM(STAT) | ATOM(LIST));
	if (outcome == OK)
		outcome = request_if(exchange, &header);
	return outcome == OK ? if_judge(exchange, &header, place) : outcome;
}

static enum outcome
propfind_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;
	int depth;

	if (principal_path(exchange->request))
		return OK;
	return place_admit(exchange, propfind_check(exchange, &place, &depth),
	    lane);
}

static void
multistatus_respond(struct exchange *exchange, struct property_query *query,
    const struct place *place, int depth)
{
	struct response *response = &exchange->request->response;
	struct member_stream *stream = ARENA_NEW(exchange->arena,
	    struct member_stream);

	stream->exchange = exchange;
	stream->alone = depth == 0;
	stream->begin = stream_begin;
	stream->member = stream_member;
	stream->end = stream_end;
	stream->context = query;
	stream->query = query;
	response->status = 207;
	response_header(response, "Content-Type", XML_TYPE);
	if (query->minimal)
		response_header(response, "Preference-Applied",
		    TEXT("return=minimal"));
	if (depth == 1 && prefers(exchange->request, TEXT("depth-noroot")))
		response_header(response, "Preference-Applied",
		    TEXT("depth-noroot"));
	member_stream_respond(stream, place);
}

static enum outcome
propfind_run(struct exchange *exchange)
{
	struct property_query *query = ARENA_NEW(exchange->arena,
	    struct property_query);
	struct place place;
	int depth;
	enum outcome outcome;

	if (principal_path(exchange->request)) {
		outcome = query_of_body(exchange, query);
		return outcome == OK ? principal_respond(exchange, query) :
				       outcome;
	}
	outcome = propfind_check(exchange, &place, &depth);
	if (outcome == OK)
		outcome = query_of_body(exchange, query);
	if (outcome == OK)
		multistatus_respond(exchange, query, &place, depth);
	return outcome;
}

const struct method method_propfind = {
	.name = "PROPFIND",
	.body = METHOD_BODY_XML,
	.lane = LANE_INLINE,
	.flags = METHOD_SAFE | METHOD_LARGE_SLOW,
	.admit = propfind_admit,
	.run = propfind_run,
};
