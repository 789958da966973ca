/* GET and HEAD (RFC 9110 9.3.1, 9.3.2; RFC 4918 9.4). */
#include "dav/content.h"
#include "dav/listing.h"
#include "dav/methods.h"

/*
 * Rights come before conditions and ranges, or these would tell about a file
 * that may not be read (rights.md 6).
 */
static enum outcome
get_run(struct exchange *exchange)
{
	struct place place;
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    &place);
	bool collection;

	if (outcome != OK)
		return outcome;
	if (place.scope == SCOPE_CELL && place.node == NULL)
		return NOT_FOUND;
	collection = place.node == NULL || place.node->kind == NODE_COLLECTION;
	outcome = place_demand(exchange, &place,
	    collection ? ATOM(LIST) : ATOM(GET_ORIGINAL));
	if (outcome != OK)
		return outcome;
	return collection ? listing_respond(exchange, &place) :
			    content_respond(exchange, &place);
}

const struct method method_get = {
	.name = "GET",
	.body = METHOD_BODY_NONE,
	.lane = LANE_INLINE,
	.flags = METHOD_SAFE,
	.admit = own_admit,
	.run = get_run,
};

const struct method method_head = {
	.name = "HEAD",
	.body = METHOD_BODY_NONE,
	.lane = LANE_INLINE,
	.flags = METHOD_SAFE,
	.admit = own_admit,
	.run = get_run,
};
