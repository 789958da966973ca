#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/text.h"

/*
 * host[:port] of RFC 3986 3.2, without userinfo, as Host, Destination and
 * Forwarded carry it. Stricter than the RFC where others read differently:
 * no percent-encoding and no sub-delims in a name, IPv6 must be one.
 */
struct authority {
	struct text host; /* without brackets; points into what was parsed */
	bool bracketed;   /* an IPv6 literal */
	uint16_t port;    /* 0: none given */
};

bool
authority_parse(struct text text, struct authority *ret_authority);

/* The port of the scheme where none was given. */
uint16_t
authority_port(const struct authority *authority, struct text scheme);
