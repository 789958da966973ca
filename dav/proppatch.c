/*
 * PROPPATCH (RFC 4918 9.2): all instructions in document order, or none. Dead
 * properties are kept whole; of live ones only times and the display name can
 * be set. Windows sends this between LOCK and PUT, and gives up without a 207
 * that names each property (clients.md 1.10).
 */
#include "dav/methods.h"
#include "dav/patch.h"
#include "dav/precondition.h"
#include "dav/xml.h"

static enum outcome
body_parse(struct exchange *exchange, struct patch *patch)
{
	SCOPED(xml_doc) xmlDoc *doc = NULL;
	xmlNode *root;
	enum outcome outcome = xml_parse(exchange->body, exchange->conf, &doc);

	if (outcome != OK)
		return outcome;
	root = xmlDocGetRootElement(doc);
	if (!xml_is(root, "DAV:", "propertyupdate"))
		return BAD_INPUT;
	return patch_parse(exchange, root, patch);
}

/* Away from the transaction that others share; `run` may come twice. */
static enum outcome
proppatch_prepare(struct exchange *exchange)
{
	struct patch *patch = ARENA_NEW(exchange->arena, struct patch);
	enum outcome outcome = body_parse(exchange, patch);

	if (outcome == OK)
		exchange->state = patch;
	return outcome;
}

static enum outcome
patch_respond(struct exchange *exchange, const struct place *place,
    const struct patch *patch)
{
	struct response *response = &exchange->request->response;
	struct buffer out = { 0 };

	if (!patch->refused && prefers_minimal(exchange->request)) {
		response->status = 200; /* RFC 8144 2.2: nothing to tell */
		response_header(response, "Preference-Applied",
		    TEXT("return=minimal"));
		return OK;
	}
	xml_multistatus_begin(&out);
	buffer_append(&out, TEXT("<d:response>"));
	xml_href(&out, place_href(exchange, place));
	patch_propstats(patch, &out);
	buffer_append(&out, TEXT("</d:response>"));
	xml_multistatus_end(&out);
	return xml_respond(exchange, 207, &out);
}

static enum outcome
proppatch_check(struct exchange *exchange, struct place *place)
{
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome != OK)
		return outcome;
	if (place->scope == SCOPE_ROOT) {
		exchange->problem.status = 403;
		return FORBIDDEN;
	}
	if (place->node == NULL)
		return NOT_FOUND;
	outcome = place_demand(exchange, place, ATOM(PROPS));
	return outcome == OK ? precondition_check(exchange, place, REACH_SELF) :
			       outcome;
}

static enum outcome
proppatch_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;

	return place_admit(exchange, proppatch_check(exchange, &place), lane);
}

static enum outcome
proppatch_run(struct exchange *exchange)
{
	struct patch patch;
	struct place place;
	enum outcome outcome = proppatch_check(exchange, &place);

	if (outcome == OK && exchange->state == NULL)
		outcome = proppatch_prepare(exchange);
	if (outcome != OK)
		return outcome;
	patch = *(const struct patch *)exchange->state;
	outcome = patch_apply(exchange, place.node->id, &patch);
	if (outcome == OK && !patch.refused)
		outcome = patch_write(exchange, &place, &patch);
	return outcome == OK ? patch_respond(exchange, &place, &patch) :
			       outcome;
}

const struct method method_proppatch = {
	.name = "PROPPATCH",
	.body = METHOD_BODY_XML,
	.lane = LANE_COMMIT,
	.flags = 0,
	.admit = proppatch_admit,
	.prepare = proppatch_prepare,
	.run = proppatch_run,
};
