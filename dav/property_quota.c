/* RFC 4331, and the older names that Finder asks for. */
#include "dav/properties.h"

#include "store/quota.h"

/* Shown to those who can fill it (rights.md 6, PROPFIND). */
static enum outcome
quota_look(const struct property_target *target, struct quota *ret_quota)
{
	atom_set writes = ATOM(MODIFY) | ATOM(CREATE);

	if (target->node == NULL || target->node->kind != NODE_COLLECTION ||
	    (target->rights->atoms & writes) == 0)
		return NOT_FOUND;
	return quota_of(target->exchange->txn, target->exchange->store,
	    target->trail, ret_quota);
}

static enum outcome
available_write(const struct property_target *target, struct buffer *out)
{
	struct quota quota;
	enum outcome outcome = quota_look(target, &quota);

	if (outcome == OK)
		buffer_append_u64(out, quota.available);
	return outcome;
}

static enum outcome
used_write(const struct property_target *target, struct buffer *out)
{
	struct quota quota;
	enum outcome outcome = quota_look(target, &quota);

	if (outcome == OK)
		buffer_append_u64(out, quota.used);
	return outcome;
}

static enum outcome
all_write(const struct property_target *target, struct buffer *out)
{
	struct quota quota;
	enum outcome outcome = quota_look(target, &quota);

	if (outcome == OK)
		buffer_append_u64(out,
		    quota.available > UINT64_MAX - quota.used ?
			UINT64_MAX :
			quota.available + quota.used);
	return outcome;
}

const struct live_property property_quota_available = {
	.space = "DAV:",
	.name = "quota-available-bytes",
	.flags = PROPERTY_COLLECTION,
	.write = available_write,
};

const struct live_property property_quota_used = {
	.space = "DAV:",
	.name = "quota-used-bytes",
	.flags = PROPERTY_COLLECTION,
	.write = used_write,
};

const struct live_property property_quota = {
	.space = "DAV:",
	.name = "quota",
	.flags = PROPERTY_COLLECTION,
	.write = all_write,
};

const struct live_property property_quotaused = {
	.space = "DAV:",
	.name = "quotaused",
	.flags = PROPERTY_COLLECTION,
	.write = used_write,
};
