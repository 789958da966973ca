#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/text.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* Nanoseconds since 1970 UTC; for what is stored and shown. */
uint64_t
clock_wall_ns(void);

/* The same, late by some milliseconds at most, and read in a few ns. */
uint64_t
clock_wall_coarse_ns(void);

/* Nanoseconds of a clock that never steps; for every timeout. */
uint64_t
clock_monotonic_ns(void);

/*
 * For what ends at a time (locks, grants). As the wall clock, but it never goes
 * back, so what was seen to have ended stays so: after a step back it goes on
 * from where it was. A step forward cannot be told from a clock that is put
 * right and is followed.
 */
uint64_t
clock_ends_ns(void);

/* The same, where nothing is judged by it. */
uint64_t
clock_ends_look_ns(void);

/* Something was judged since the last call. */
bool
clock_ends_was_asked(void);

/* It was that late already, in another process. */
void
clock_ends_raise(uint64_t ns);

/* As the wall clock again: it had been wrong, and somebody says so. */
void
clock_ends_reset(void);

enum { CLOCK_HTTP_SIZE = 30, CLOCK_RFC3339_SIZE = 21 };

/* IMF-fixdate of RFC 9110 5.6.7, "Sun, 06 Nov 1994 08:49:37 GMT". */
void
clock_format_http(uint64_t wall_ns, char ret_text[CLOCK_HTTP_SIZE]);

/* "1994-11-06T08:49:37Z" (RFC 3339, seconds, UTC). */
void
clock_format_rfc3339(uint64_t wall_ns, char ret_text[CLOCK_RFC3339_SIZE]);

/* The three date forms of RFC 9110 5.6.7; false when it is none of them. */
bool
clock_parse_http(struct text text, uint64_t *ret_wall_ns);

/*
 * RFC 3339, or YYYY-MM-DD (UTC midnight), or +N[smhdw] from `now_ns`: the
 * times of the command line (interface.md 1).
 */
bool
clock_parse_user(struct text text, uint64_t now_ns, uint64_t *ret_wall_ns);
