/* The live properties of RFC 4918 15 that describe a content. */
#include "dav/properties.h"

#include <string.h>

#include "server/base/encode.h"

enum { U64_DIGITS = 20 };

static bool
is_file(const struct property_target *target)
{
	return target->node != NULL && target->node->kind == NODE_FILE;
}

/* What belongs to the bytes is for those who may have the bytes. */
static bool
may_read(const struct property_target *target)
{
	return rights_hold(target->rights, ATOM(GET_ORIGINAL));
}

static char *
put_bytes(char *at, const char *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static enum outcome
displayname_write(const struct property_target *target, struct buffer *out)
{
	struct text name = TEXT("celldav");

	if (target->is_principal)
		name = target->exchange->principal.display.len > 0 ?
		    target->exchange->principal.display :
		    target->exchange->principal.name;
	else if (target->is_mount_root && target->cell != NULL)
		name = target->cell->title.len > 0 ? target->cell->title :
						     target->cell->slug;
	else if (target->node != NULL)
		name = target->node->name;
	xml_escape(out, name);
	return OK;
}

static char *
displayname_put(const struct property_target *target,
    struct property_dates *dates, char *at)
{
	(void)dates;
	return xml_put(at, target->node->name);
}

static enum outcome
resourcetype_write(const struct property_target *target, struct buffer *out)
{
	if (target->is_principal)
		buffer_append(out, TEXT("<d:principal/>"));
	else if (!is_file(target))
		buffer_append(out, TEXT("<d:collection/>"));
	return OK;
}

static enum outcome
getcontentlength_write(const struct property_target *target, struct buffer *out)
{
	if (!is_file(target) || !may_read(target))
		return NOT_FOUND;
	buffer_append_u64(out, target->node->size);
	return OK;
}

static char *
getcontentlength_put(const struct property_target *target,
    struct property_dates *dates, char *at)
{
	char digits[U64_DIGITS];
	size_t first = sizeof(digits);
	uint64_t value = target->node->size;

	(void)dates;
	do
		digits[--first] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	return put_bytes(at, digits + first, sizeof(digits) - first);
}

/* A file whose bytes nothing is known of (RFC 9110 8.3). */
static struct text
node_media(const struct node *node)
{
	return node->media.len > 0 ? node->media :
				     TEXT("application/octet-stream");
}

static enum outcome
getcontenttype_write(const struct property_target *target, struct buffer *out)
{
	if (!is_file(target) || !may_read(target))
		return NOT_FOUND;
	xml_escape(out, node_media(target->node));
	return OK;
}

static char *
getcontenttype_put(const struct property_target *target,
    struct property_dates *dates, char *at)
{
	(void)dates;
	return xml_put(at, node_media(target->node));
}

static enum outcome
getetag_write(const struct property_target *target, struct buffer *out)
{
	if (target->node == NULL || (is_file(target) && !may_read(target)))
		return NOT_FOUND;
	xml_escape(out, node_etag(target->exchange->arena, target->node));
	return OK;
}

static char *
getetag_put(const struct property_target *target, struct property_dates *dates,
    char *at)
{
	char bytes[ETAG_SIZE];

	(void)dates;
	return xml_put(at, node_etag_write(target->node, bytes));
}

/* urn:uuid form of RFC 9562 version 8: identity of the store, id of the node. */
static enum outcome
resource_id_write(const struct property_target *target, struct buffer *out)
{
	uint64_t store = target->exchange->store->identity;
	uint64_t id;

	if (target->node == NULL)
		return NOT_FOUND;
	id = target->node->id;
	buffer_format(out,
	    "<d:href>urn:uuid:%08llx-%04llx-8%03llx-8%03llx-"
	    "%012llx</d:href>",
	    (unsigned long long)(store >> 32),
	    (unsigned long long)(store >> 16 & 0xffff),
	    (unsigned long long)(store >> 4 & 0xfff),
	    (unsigned long long)(id >> 48 & 0xfff),
	    (unsigned long long)(id & 0xffffffffffff));
	return OK;
}

const struct live_property property_displayname = {
	.space = "DAV:",
	.name = "displayname",
	.flags = PROPERTY_ALLPROP | PROPERTY_WRITABLE,
	.write = displayname_write,
	.put = displayname_put,
	.put_most = 6 * PATH_SEGMENT_MAX,
};

const struct live_property property_resourcetype = {
	.space = "DAV:",
	.name = "resourcetype",
	.flags = PROPERTY_ALLPROP | PROPERTY_FIXED,
	.write = resourcetype_write,
};

const struct live_property property_getcontentlength = {
	.space = "DAV:",
	.name = "getcontentlength",
	.flags = PROPERTY_ALLPROP | PROPERTY_FILE,
	.write = getcontentlength_write,
	.put = getcontentlength_put,
	.put_most = U64_DIGITS,
};

const struct live_property property_getcontenttype = {
	.space = "DAV:",
	.name = "getcontenttype",
	.flags = PROPERTY_ALLPROP,
	.write = getcontenttype_write,
	.put = getcontenttype_put,
	.put_most = 6 * NODE_MEDIA_MAX,
};

const struct live_property property_getetag = {
	.space = "DAV:",
	.name = "getetag",
	.flags = PROPERTY_ALLPROP,
	.write = getetag_write,
	.put = getetag_put,
	.put_most = 6 * ETAG_SIZE,
};

const struct live_property property_resource_id = {
	.space = "DAV:",
	.name = "resource-id",
	.flags = 0,
	.write = resource_id_write,
};
