#pragma once

#include "dav/exchange.h"

/*
 * The If header (RFC 4918 10.4): tagged and untagged lists of conditions on
 * state tokens and entity-tags, with Not. Parsing is pure; judging looks up
 * the resources that the lists name.
 */
struct if_condition {
	bool negated;
	bool is_etag;
	struct text value; /* without < > or [ ] */
};

struct if_list {
	struct text resource;           /* tag; ptr NULL: the request's own */
	struct if_condition *condition; /* arena */
	size_t count;
};

struct if_header {
	struct if_list *list; /* arena */
	size_t count;
};

/* BAD_INPUT, TOO_LARGE (limits.if_header). Absent: count 0. */
enum outcome
if_parse(struct arena *arena, const struct conf *conf, struct text value,
    struct if_header *ret_header) MUST_CHECK;

/*
 * OK: there is no If, or one list is true. PRECONDITION: none is. A resource
 * that the principal may not see has no state at all.
 */
enum outcome
if_judge(struct exchange *exchange, const struct if_header *header,
    const struct place *own) MUST_CHECK;

/* The token was submitted, in whichever list. */
bool
if_submits(const struct if_header *header, const unsigned char *token);

/*
 * Every lock that protects the place against this change has had its token
 * submitted by the principal that holds it. LOCKED with problem set
 * (lock-token-submitted, href of the lock root). `below`: locks inside a
 * collection count too (DELETE, MOVE). `membership`: the parent's lock counts
 * (a member comes or goes, RFC 4918 7.4).
 */
enum lock_reach { REACH_SELF = 0, REACH_BELOW = 1, REACH_MEMBERSHIP = 2 };

enum outcome
lock_demand(struct exchange *exchange, const struct if_header *header,
    const struct place *place, unsigned reach) MUST_CHECK;

struct lock;

/*
 * The lock root as the principal may know it, seen from a place that the lock
 * covers or that stands above it; the place's own href when it may not.
 */
enum outcome
lock_root_href(struct exchange *exchange, const struct place *place,
    const struct lock *lock, struct text *ret_href) MUST_CHECK;
