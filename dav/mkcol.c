/*
 * MKCOL (RFC 4918 9.3), and the extended one that sets properties in the same
 * breath (RFC 5689): the collection comes with all of them, or not at all.
 */
#include "dav/methods.h"
#include "dav/patch.h"
#include "dav/precondition.h"
#include "dav/xml.h"

static enum outcome
mkcol_check(struct exchange *exchange, struct place *place)
{
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome != OK)
		return outcome;
	/* What may be seen and exists: 405 for everybody (9.3.1). */
	if (place->scope == SCOPE_ROOT || place->node != NULL)
		return exchange_not_allowed(exchange);
	outcome = place_demand(exchange, place, ATOM(MKDIR));
	if (outcome == OK)
		outcome = place_name_check(exchange, place);
	if (outcome == OK)
		outcome = precondition_check(exchange, place, REACH_MEMBERSHIP);
	return outcome;
}

/* A body is XML, or it is not understood (9.3.1: 415). */
static enum outcome
mkcol_type_check(struct exchange *exchange)
{
	struct request *request = exchange->request;
	struct text type = header_get(&request->headers, "Content-Type");

	if (request->body == REQUEST_BODY_NONE ||
	    (request->body == REQUEST_BODY_LENGTH &&
		request->body_length == 0) ||
	    type.ptr == NULL)
		return OK;
	type = text_trim(text_slice(type, 0, text_find(type, ';')));
	if (text_equal_nocase(type, TEXT("application/xml")) ||
	    text_equal_nocase(type, TEXT("text/xml")))
		return OK;
	exchange->problem = (struct problem){ .status = 415 };
	return UNSUPPORTED;
}

static enum outcome
mkcol_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;
	enum outcome outcome = mkcol_check(exchange, &place);

	if (outcome == OK)
		outcome = mkcol_type_check(exchange);
	return place_admit(exchange, outcome, lane);
}

/* ---- Extended ----------------------------------------------------------------- */

/* RFC 5689 3: DAV:collection, and nothing that is not offered here. */
static bool
type_is_collection(const xmlNode *type)
{
	const xmlNode *first = xml_next_element(type->children);

	return xml_is(first, "DAV:", "collection") &&
	    xml_next_element(first->next) == NULL;
}

static bool
types_are_collections(const xmlNode *root)
{
	xmlNode *set = xml_next_element(root->children);

	for (; set != NULL; set = xml_next_element(set->next)) {
		xmlNode *prop = xml_child(set, "DAV:", "prop");
		xmlNode *type = prop == NULL ?
		    NULL :
		    xml_child(prop, "DAV:", "resourcetype");

		if (type != NULL && !type_is_collection(type))
			return false;
	}
	return true;
}

static enum outcome
mkcol_parse(struct exchange *exchange, struct patch *patch)
{
	SCOPED(xml_doc) xmlDoc *doc = NULL;
	xmlNode *root;
	enum outcome outcome = xml_parse(exchange->body, exchange->conf, &doc);

	if (outcome != OK)
		return outcome;
	root = xmlDocGetRootElement(doc);
	if (!xml_is(root, "DAV:", "mkcol")) {
		exchange->problem.status = 415;
		return UNSUPPORTED;
	}
	if (!types_are_collections(root)) {
		exchange->problem.condition = "valid-resourcetype";
		return FORBIDDEN;
	}
	outcome = patch_parse(exchange, root, patch);
	for (size_t i = 0; i < patch->count; i++) {
		struct instruction *instruction = &patch->instruction[i];

		instruction->given = text_equal(instruction->name.space,
					 TEXT("DAV:")) &&
		    text_equal(instruction->name.name, TEXT("resourcetype"));
	}
	return outcome;
}

static enum outcome
mkcol_prepare(struct exchange *exchange)
{
	struct patch *patch;
	enum outcome outcome;

	if (exchange->body.len == 0)
		return OK;
	patch = ARENA_NEW(exchange->arena, struct patch);
	outcome = mkcol_parse(exchange, patch);
	if (outcome == OK)
		exchange->state = patch;
	return outcome;
}

static enum outcome
mkcol_respond(struct exchange *exchange, const struct patch *patch)
{
	struct buffer out = { 0 };

	buffer_append(&out,
	    TEXT(XML_DECLARATION "<d:mkcol-response " XML_NAMESPACES ">"));
	patch_propstats(patch, &out);
	buffer_append(&out, TEXT("</d:mkcol-response>\n"));
	return xml_respond(exchange, patch->refused ? 403 : 201, &out);
}

/* ---- The method ------------------------------------------------------------------ */

static enum outcome
mkcol_make(struct exchange *exchange, struct place *place)
{
	struct tree_actor actor = exchange_actor(exchange);
	struct node node;
	enum outcome outcome = tree_mkcol(exchange->txn, exchange->store,
	    &place->trail, place->name, &actor, &node);

	/* Properties need the trail of what is there now. */
	return outcome == OK ? place_made(exchange, node.id, place) : outcome;
}

static enum outcome
mkcol_extended(struct exchange *exchange, struct place *place)
{
	struct patch patch;
	enum outcome outcome = exchange->state == NULL ?
	    mkcol_prepare(exchange) :
	    OK;

	if (outcome != OK)
		return outcome;
	patch = *(const struct patch *)exchange->state;
	outcome = patch_apply(exchange, 0, &patch);
	if (outcome != OK)
		return outcome;
	if (patch.refused)
		return mkcol_respond(exchange, &patch);
	outcome = mkcol_make(exchange, place);
	if (outcome == OK)
		outcome = patch_write(exchange, place, &patch);
	/* Refused by a limit after the collection was made: undo it all. */
	if (outcome == OK && patch.refused)
		outcome = NO_SPACE;
	return outcome == OK ? mkcol_respond(exchange, &patch) : outcome;
}

static enum outcome
mkcol_run(struct exchange *exchange)
{
	struct place place;
	enum outcome outcome = mkcol_check(exchange, &place);

	if (outcome == OK && exchange->body.len > 0) {
		outcome = mkcol_type_check(exchange);
		return outcome == OK ? mkcol_extended(exchange, &place) :
				       outcome;
	}
	if (outcome == OK)
		outcome = mkcol_make(exchange, &place);
	if (outcome == OK)
		exchange->request->response.status = 201;
	return outcome;
}

const struct method method_mkcol = {
	.name = "MKCOL",
	.body = METHOD_BODY_XML,
	.lane = LANE_COMMIT,
	.admit = mkcol_admit,
	.prepare = mkcol_prepare,
	.run = mkcol_run,
};
