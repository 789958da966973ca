#include "dav/lock_write.h"

#include "dav/xml.h"
#include "server/base/clock.h"
#include "server/base/encode.h"

static void
timeout_write(const struct property_target *target, const struct lock *lock,
    struct buffer *out)
{
	uint64_t now = target->exchange->now_ns;
	uint64_t left = lock->expires_ns > now ?
	    (lock->expires_ns - now + NS_PER_SECOND - 1) / NS_PER_SECOND :
	    0;

	buffer_append(out, TEXT("<d:timeout>Second-"));
	buffer_append_u64(out, left);
	buffer_append(out, TEXT("</d:timeout>"));
}

enum outcome
lock_active_write(const struct property_target *target, const struct lock *lock,
    struct buffer *out)
{
	struct exchange *exchange = target->exchange;
	bool own = lock->principal == exchange->principal.id;

	buffer_append(out,
	    TEXT("<d:activelock><d:locktype><d:write/>"
		 "</d:locktype><d:lockscope>"));
	buffer_append(out,
	    lock->exclusive ? TEXT("<d:exclusive/>") : TEXT("<d:shared/>"));
	buffer_append(out, TEXT("</d:lockscope><d:depth>"));
	buffer_append(out, lock->infinite ? TEXT("infinity") : TEXT("0"));
	buffer_append(out, TEXT("</d:depth>"));
	if (lock->owner.len > 0 &&
	    (own || rights_hold(target->rights, ATOM(READ_ACL))))
		xml_element(out, TEXT("DAV:"), TEXT("owner"), lock->owner);
	timeout_write(target, lock, out);
	if (own) {
		buffer_append(out, TEXT("<d:locktoken><d:href>"));
		buffer_append(out,
		    lock_token_format(exchange->arena, lock->token));
		buffer_append(out, TEXT("</d:href></d:locktoken>"));
	}
	buffer_append(out, TEXT("<d:lockroot><d:href>"));
	xml_escape(out, own ? lock->root : target->href);
	buffer_append(out, TEXT("</d:href></d:lockroot></d:activelock>"));
	return OK;
}
