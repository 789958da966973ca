#pragma once

#include "dav/if_header.h"

/* What COPY and MOVE share (RFC 4918 9.8, 9.9). */
enum transfer_how {
	TRANSFER_NEW,     /* nothing stands at the target */
	TRANSFER_VERSION, /* a file's content becomes the target's newest */
	TRANSFER_REPLACE  /* what stands there goes to the trash first */
};

struct transfer {
	struct place source, target;
	struct if_header header;
	bool overwrite;
	bool moves; /* the source goes away: its locks count */
	enum transfer_how how;
	struct text name; /* of the target, as sent */
};

/* Both places; NOT_FOUND, or what Destination deserves. */
enum outcome
transfer_resolve(struct exchange *exchange, struct transfer *ret_transfer)
    MUST_CHECK;

/* Source and target are not one another's ancestors, nor the same. */
enum outcome
transfer_apart(struct exchange *exchange, const struct transfer *transfer)
    MUST_CHECK;

/*
 * Source and target lie under the same grants, and nothing below the source
 * has its own: whatever arrives is as little to be read there as here.
 */
bool
transfer_keeps_rights(const struct transfer *transfer);

/*
 * What the target needs: create or mkdir for something new, modify for a
 * version, delete for what is replaced; and a name that may be.
 */
enum outcome
transfer_demand_target(struct exchange *exchange,
    const struct transfer *transfer) MUST_CHECK;

/* If, locks at both ends, Overwrite, then the conditions of the source. */
enum outcome
transfer_conditions(struct exchange *exchange, const struct transfer *transfer)
    MUST_CHECK;

/*
 * Removes what is replaced, and finds both places again: a trail is older than
 * the write. Only after all checks.
 */
enum outcome
transfer_clear(struct exchange *exchange, struct transfer *transfer) MUST_CHECK;

/* 201 or 204 with the entity-tag of a file. */
void
transfer_respond(struct exchange *exchange, const struct transfer *transfer,
    const struct node *node);

/*
 * Deleting what stands at the place is allowed: rights on it and below it, and
 * it is no cell (delete.c).
 */
enum outcome
place_remove_check(struct exchange *exchange, const struct place *place)
    MUST_CHECK;
