#pragma once

#include "dav/exchange.h"
#include "store/lock.h"

/* What a LOCK asks for (RFC 4918 9.10, 14.11). */
struct lock_info {
	bool refresh; /* no body: the lock is in If */
	bool exclusive;
	bool infinite;
	uint64_t seconds;  /* clipped to limits.lock_seconds */
	struct text owner; /* as xml_inner() has it; empty: none */
};

/* BAD_INPUT, TOO_LARGE. */
enum outcome
lock_info_parse(struct exchange *exchange, struct lock_info *ret_info)
    MUST_CHECK;

/*
 * The first of the Timeout field's values that is understood, never longer
 * than `max` and never nothing (RFC 4918 10.7): no lock is born expired.
 */
uint64_t
lock_timeout_parse(struct text value, uint64_t max);
