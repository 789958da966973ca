/*
 * Times of a resource. Three spellings set the modification time, because
 * three families of clients use one each (clients.md 7, "mtime setters").
 */
#include "dav/properties.h"

#include "server/base/clock.h"

static bool
node_known(const struct property_target *target)
{
	return target->node != NULL;
}

static enum outcome
write_http(uint64_t wall_ns, struct buffer *out)
{
	char text[CLOCK_HTTP_SIZE];

	clock_format_http(wall_ns, text);
	buffer_append(out, text_from(text));
	return OK;
}

static enum outcome
creationdate_write(const struct property_target *target, struct buffer *out)
{
	char text[CLOCK_RFC3339_SIZE];

	if (!node_known(target))
		return NOT_FOUND;
	clock_format_rfc3339(target->node->created_ns, text);
	buffer_append(out, text_from(text));
	return OK;
}

static enum outcome
modified_write(const struct property_target *target, struct buffer *out)
{
	if (!node_known(target))
		return NOT_FOUND;
	return write_http(target->node->modified_ns, out);
}

static enum outcome
created_write(const struct property_target *target, struct buffer *out)
{
	if (!node_known(target))
		return NOT_FOUND;
	return write_http(target->node->created_ns, out);
}

static bool
time_parse(struct text value, uint64_t *ret_ns)
{
	value = text_trim(value);
	return clock_parse_http(value, ret_ns) ||
	    (text_parse_u64(value, 10, ret_ns) && *ret_ns < 1ULL << 33 &&
		(*ret_ns *= NS_PER_SECOND) != 0) ||
	    clock_parse_user(value, 0, ret_ns);
}

static enum outcome
modified_set(struct text value, struct property_patch *patch)
{
	return time_parse(value, &patch->modified_ns) ? OK : CONFLICT;
}

static enum outcome
created_set(struct text value, struct property_patch *patch)
{
	return time_parse(value, &patch->created_ns) ? OK : CONFLICT;
}

const struct live_property property_creationdate = {
	.space = "DAV:",
	.name = "creationdate",
	.flags = PROPERTY_ALLPROP,
	.write = creationdate_write,
};

const struct live_property property_getlastmodified = {
	.space = "DAV:",
	.name = "getlastmodified",
	.flags = PROPERTY_ALLPROP | PROPERTY_WRITABLE,
	.write = modified_write,
	.set = modified_set,
};

const struct live_property property_lastmodified = {
	.space = "DAV:",
	.name = "lastmodified",
	.flags = PROPERTY_WRITABLE,
	.write = modified_write,
	.set = modified_set,
};

const struct live_property property_win32_modified = {
	.space = "urn:schemas-microsoft-com:",
	.name = "Win32LastModifiedTime",
	.flags = PROPERTY_WRITABLE,
	.write = modified_write,
	.set = modified_set,
};

const struct live_property property_win32_created = {
	.space = "urn:schemas-microsoft-com:",
	.name = "Win32CreationTime",
	.flags = PROPERTY_WRITABLE,
	.write = created_write,
	.set = created_set,
};
