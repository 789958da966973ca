/* RFC 4918 15.8 and 15.10. */
#include "dav/properties.h"

#include "dav/lock_write.h"

static enum outcome
supportedlock_write(const struct property_target *target, struct buffer *out)
{
	if (target->node == NULL)
		return NOT_FOUND;
	buffer_append(out,
	    TEXT(
		"<d:lockentry><d:lockscope><d:exclusive/>"
		"</d:lockscope><d:locktype><d:write/></d:locktype></d:lockentry>"
		"<d:lockentry><d:lockscope><d:shared/></d:lockscope><d:locktype>"
		"<d:write/></d:locktype></d:lockentry>"));
	return OK;
}

static bool
may_be_locked(const struct property_target *target)
{
	if ((target->node->flags & NODE_HAS_LOCKS) != 0)
		return true;
	for (size_t i = 0; i < target->trail->count; i++)
		if ((target->trail->node[i].flags & NODE_HAS_LOCKS) != 0)
			return true;
	return false;
}

/* The trail down to the node itself, also when the target is a member. */
static struct trail
trail_to(const struct property_target *target)
{
	struct trail trail = *target->trail;

	if (trail_last(&trail)->id == target->node->id)
		return trail;
	trail.node = ARENA_ARRAY(target->exchange->arena, trail.count + 1,
	    struct node);
	for (size_t i = 0; i < trail.count; i++)
		trail.node[i] = target->trail->node[i];
	trail.node[trail.count++] = *target->node;
	trail.missing = 0;
	return trail;
}

static enum outcome
lockdiscovery_write(const struct property_target *target, struct buffer *out)
{
	struct trail trail;
	struct lock *lock;
	size_t count;
	enum outcome outcome;

	if (target->node == NULL)
		return NOT_FOUND;
	if (!may_be_locked(target))
		return OK;
	trail = trail_to(target);
	outcome = lock_covering(target->exchange->txn, target->exchange->arena,
	    &trail, target->exchange->now_ns, &lock, &count);
	for (size_t i = 0; outcome == OK && i < count; i++)
		outcome = lock_active_write(target, &lock[i], out);
	return outcome;
}

const struct live_property property_supportedlock = {
	.space = "DAV:",
	.name = "supportedlock",
	.flags = PROPERTY_ALLPROP | PROPERTY_FIXED,
	.write = supportedlock_write,
};

const struct live_property property_lockdiscovery = {
	.space = "DAV:",
	.name = "lockdiscovery",
	.flags = PROPERTY_ALLPROP | PROPERTY_FIXED,
	.write = lockdiscovery_write,
};
