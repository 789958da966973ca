#pragma once

#include "dav/if_header.h"
#include "server/http/conditional.h"

/*
 * Steps 10 and 11 of rights.md 3 for a method that changes a place: locks,
 * then If-Match and friends, then If. Called after place_demand().
 */
enum outcome
precondition_check(struct exchange *exchange, const struct place *place,
    unsigned reach) MUST_CHECK;

/* All fields named If, parsed; none: count 0. BAD_INPUT, TOO_LARGE. */
enum outcome
request_if(struct exchange *exchange, struct if_header *ret_header) MUST_CHECK;

/* The second half: If-Match and friends, then If, for a place. */
enum outcome
condition_check(struct exchange *exchange, const struct place *place,
    const struct if_header *header) MUST_CHECK;

/* What conditions compare with; without get-original no entity-tag. */
struct validator
place_validator(struct exchange *exchange, const struct place *place);

/* Depth of the request: 0, 1, DEPTH_INFINITY; BAD_INPUT for anything else. */
enum { DEPTH_INFINITY = -1 };

enum outcome
depth_parse(const struct request *request, int absent, int *ret_depth)
    MUST_CHECK;

/* Overwrite: T (default) or F; BAD_INPUT (RFC 4918 10.6). */
enum outcome
overwrite_parse(const struct request *request, bool *ret_overwrite) MUST_CHECK;

/* The place that Destination names; 502 for another server, 400, 409. */
enum outcome
destination_resolve(struct exchange *exchange, struct place *ret_place)
    MUST_CHECK;

/* The Prefer header asks for return=minimal (or Brief: t). */
bool
prefers_minimal(const struct request *request);

bool
prefers(const struct request *request, struct text preference);
