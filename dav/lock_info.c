#include "dav/lock_info.h"

#include "dav/precondition.h"
#include "dav/xml.h"

static bool
timeout_item(struct text item, uint64_t max, uint64_t *ret_seconds)
{
	struct text digits;

	if (text_equal_nocase(item, TEXT("Infinite"))) {
		*ret_seconds = max;
		return true;
	}
	if (!text_starts_nocase(item, TEXT("Second-")))
		return false;
	digits = text_slice(item, 7, item.len);
	if (text_parse_u64(digits, 10, ret_seconds))
		return true;
	/* Digits that only do not fit ask for very long. */
	for (size_t i = 0; i < digits.len; i++)
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
	*ret_seconds = max;
	return digits.len > 0;
}

uint64_t
lock_timeout_parse(struct text value, uint64_t max)
{
	uint64_t seconds = max;

	while (value.ptr != NULL) {
		struct text item = text_trim(text_split(&value, ','));

		if (timeout_item(item, max, &seconds))
			break;
	}
	if (seconds > max)
		seconds = max;
	return seconds > 0 ? seconds : 1;
}

static enum outcome
info_scope(const xmlNode *root, struct lock_info *info)
{
	const xmlNode *scope = xml_child(root, "DAV:", "lockscope");
	const xmlNode *type = xml_child(root, "DAV:", "locktype");

	if (scope == NULL || type == NULL ||
	    xml_child(type, "DAV:", "write") == NULL)
		return BAD_INPUT;
	info->exclusive = xml_child(scope, "DAV:", "exclusive") != NULL;
	if (!info->exclusive && xml_child(scope, "DAV:", "shared") == NULL)
		return BAD_INPUT;
	return OK;
}

static enum outcome
info_body(struct exchange *exchange, struct lock_info *info)
{
	SCOPED(xml_doc) xmlDoc *doc = NULL;
	xmlNode *root, *owner;
	enum outcome outcome = xml_parse(exchange->body, exchange->conf, &doc);

	if (outcome != OK)
		return outcome;
	root = xmlDocGetRootElement(doc);
	if (!xml_is(root, "DAV:", "lockinfo"))
		return BAD_INPUT;
	owner = xml_child(root, "DAV:", "owner");
	if (owner != NULL)
		info->owner = xml_inner(exchange->arena, owner);
	if (info->owner.len > exchange->conf->limits.dead_property_bytes)
		return TOO_LARGE;
	return info_scope(root, info);
}

enum outcome
lock_info_parse(struct exchange *exchange, struct lock_info *ret_info)
{
	struct lock_info info = { .refresh = exchange->body.len == 0 };
	int depth = 0;
	enum outcome outcome = OK;

	info.seconds = lock_timeout_parse(header_join(exchange->arena,
					      &exchange->request->headers,
					      "Timeout"),
	    exchange->conf->limits.lock_seconds);
	if (!info.refresh) {
		/* A refresh ignores Depth (RFC 4918 9.10.2). */
		outcome = depth_parse(exchange->request, DEPTH_INFINITY,
		    &depth);
		if (outcome == OK && depth == 1)
			outcome = BAD_INPUT;
		if (outcome == OK)
			outcome = info_body(exchange, &info);
	}
	if (outcome != OK)
		return outcome;
	info.infinite = depth == DEPTH_INFINITY;
	*ret_info = info;
	return OK;
}
