/*
 * Which locks stand in the way of a change (RFC 4918 6, 7). A token counts only
 * in the hands of the principal that made the lock (RFC 4918 6.4).
 */
#include "dav/if_header.h"

#include "server/base/encode.h"
#include "store/lock.h"

enum { LOCKS_BELOW_MAX = 1024 };

struct lock_set {
	struct lock *lock;
	size_t count;
};

static bool
lock_is_submitted(struct exchange *exchange, const struct if_header *header,
    const struct lock *lock)
{
	return lock->principal == exchange->principal.id &&
	    if_submits(header, lock->token);
}

/* Of shared locks on one resource one is enough (RFC 4918 6.2). */
static bool
shared_is_submitted(struct exchange *exchange, const struct if_header *header,
    const struct lock_set *set, node_id node)
{
	for (size_t i = 0; i < set->count; i++)
		if (!set->lock[i].exclusive &&
		    (node == 0 || set->lock[i].node == node) &&
		    lock_is_submitted(exchange, header, &set->lock[i]))
			return true;
	return false;
}

/*
 * The first lock that refuses, NULL when none does. `each_node`: the locks
 * stand on different resources, and each of them needs its own token.
 */
static const struct lock *
set_refuses(struct exchange *exchange, const struct if_header *header,
    const struct lock_set *set, bool each_node)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct lock *lock = &set->lock[i];

		if (lock_is_submitted(exchange, header, lock))
			continue;
		if (lock->exclusive ||
		    !shared_is_submitted(exchange, header, set,
			each_node ? lock->node : 0))
			return lock;
	}
	return NULL;
}

/* The path of a node that stands on the way to the place, at it, or below. */
static struct text
below_href(struct exchange *exchange, const struct place *place,
    const struct trail *trail)
{
	struct buffer out = { 0 };
	struct path path = place->path;

	if (trail->count < place->trail.count)
		path.count -= place->trail.count - trail->count +
		    place->trail.missing;
	buffer_append(&out, path_format(exchange->arena, &path, false));
	for (size_t i = place->trail.count; i < trail->count; i++) {
		buffer_append_byte(&out, '/');
		percent_encode_segment(&out, trail->node[i].name);
	}
	if (trail_last(trail)->kind == NODE_COLLECTION)
		buffer_append_byte(&out, '/');
	return exchange_keep(exchange, &out);
}

enum outcome
lock_root_href(struct exchange *exchange, const struct place *place,
    const struct lock *lock, struct text *ret_href)
{
	struct trail trail;
	struct rights rights;
	enum outcome outcome = trail_find_id(exchange->txn, exchange->arena,
	    lock->node, &trail);

	if (outcome == OK)
		outcome = rights_of(exchange->txn, &exchange->principal, &trail,
		    exchange->now_ns, &rights);
	if (outcome != OK)
		return outcome;
	if (trail.count <= place->trail.base ||
	    !rights_hold(&rights, ATOM(STAT))) {
		*ret_href = place_href(exchange, place);
		return OK;
	}
	*ret_href = below_href(exchange, place, &trail);
	return OK;
}

static enum outcome
lock_refuse(struct exchange *exchange, const struct place *place,
    const struct lock *lock)
{
	struct text href;
	enum outcome outcome = lock_root_href(exchange, place, lock, &href);

	if (outcome != OK)
		return outcome;
	exchange->problem = (struct problem){
		.status = 423,
		.condition = "lock-token-submitted",
		.href = href,
		.message = "This is locked by somebody else.",
	};
	return LOCKED;
}

static enum outcome
covering_demand(struct exchange *exchange, const struct if_header *header,
    const struct place *place, const struct trail *trail)
{
	struct lock_set set;
	const struct lock *lock;
	enum outcome outcome = lock_covering(exchange->txn, exchange->arena,
	    trail, exchange->now_ns, &set.lock, &set.count);

	if (outcome != OK)
		return outcome;
	lock = set_refuses(exchange, header, &set, false);
	return lock == NULL ? OK : lock_refuse(exchange, place, lock);
}

static enum outcome
below_demand(struct exchange *exchange, const struct if_header *header,
    const struct place *place)
{
	struct lock_set set;
	const struct lock *lock;
	enum outcome outcome = lock_below(exchange->txn, exchange->arena,
	    place->node, exchange->now_ns, LOCKS_BELOW_MAX, &set.lock,
	    &set.count);

	if (outcome != OK)
		return outcome;
	lock = set_refuses(exchange, header, &set, true);
	/* More locks than were looked at: not every one was answered for. */
	if (lock == NULL && set.count >= LOCKS_BELOW_MAX)
		lock = &set.lock[set.count - 1];
	return lock == NULL ? OK : lock_refuse(exchange, place, lock);
}

/* The collection that the place is or would be a member of. */
static struct trail
trail_of_parent(const struct place *place)
{
	struct trail trail = place->trail;

	if (trail.missing == 0)
		trail.count--;
	else
		trail.missing = 0;
	return trail;
}

enum outcome
lock_demand(struct exchange *exchange, const struct if_header *header,
    const struct place *place, unsigned reach)
{
	struct trail parent;
	enum outcome outcome;

	if (place->scope == SCOPE_ROOT)
		return OK;
	outcome = covering_demand(exchange, header, place, &place->trail);
	parent = trail_of_parent(place);
	if (outcome == OK && (reach & REACH_MEMBERSHIP) != 0 &&
	    parent.count > 0)
		outcome = covering_demand(exchange, header, place, &parent);
	if (outcome == OK && (reach & REACH_BELOW) != 0 &&
	    place->node != NULL && place->node->kind == NODE_COLLECTION)
		outcome = below_demand(exchange, header, place);
	return outcome;
}
