/* RFC 6578 4 and RFC 3253 3.1.5. */
#include "dav/properties.h"

#include "dav/sync_token.h"
#include "server/base/encode.h"

static bool
is_collection(const struct property_target *target)
{
	return target->node != NULL && target->node->kind == NODE_COLLECTION &&
	    rights_hold(target->rights, ATOM(LIST));
}

static enum outcome
sync_token_write(const struct property_target *target, struct buffer *out)
{
	struct place place = { .node = target->node,
		.rights = *target->rights };
	struct sync_token token;
	enum outcome outcome;

	if (!is_collection(target))
		return NOT_FOUND;
	outcome = sync_token_now(target->exchange, &place, &token);
	if (outcome == OK)
		xml_escape(out,
		    sync_token_format(target->exchange->arena, &token));
	return outcome;
}

static enum outcome
supported_report_set_write(const struct property_target *target,
    struct buffer *out)
{
	if (is_collection(target))
		buffer_append(out,
		    TEXT(
			"<d:supported-report><d:report>"
			"<d:sync-collection/></d:report></d:supported-report>"));
	return OK;
}

const struct live_property property_sync_token = {
	.space = "DAV:",
	.name = "sync-token",
	.flags = PROPERTY_COLLECTION,
	.write = sync_token_write,
};

const struct live_property property_supported_report_set = {
	.space = "DAV:",
	.name = "supported-report-set",
	.flags = PROPERTY_FIXED,
	.write = supported_report_set_write,
};
