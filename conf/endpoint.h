#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/text.h"

/*
 * The forms of addresses in the configuration. Results point into the text
 * that was parsed. Hosts come without brackets.
 */
struct endpoint {
	bool tls;
	bool v6;
	struct text host; /* numeric */
	uint16_t port;    /* 0: any free one */
};

/* "127.0.0.1:8080", "[::1]:8080", "tls://0.0.0.0:8443". */
bool
endpoint_parse(struct text text, struct endpoint *ret_endpoint);

struct origin {
	bool https;
	bool v6;
	struct text host; /* a name or numeric */
	uint16_t port;    /* the scheme's own when none is written */
};

/* "https://files.example.org", perhaps with ":port" and one final "/". */
bool
origin_parse(struct text text, struct origin *ret_origin);

struct network {
	bool v6;
	unsigned char bytes[16]; /* the first 4 for IPv4, network order */
	unsigned bits;           /* of the prefix */
};

/* "10.0.0.0/8", "fd00::/8", "192.0.2.1". */
bool
network_parse(struct text text, struct network *ret_network);

/* The checks of the directives that hold these forms. */
bool
endpoint_valid(struct text value);

bool
endpoint_valid_or_empty(struct text value);

bool
origin_valid(struct text value);

bool
network_valid(struct text value);

/* "host" or "host:port", as a Host header has it. */
bool
authority_valid(struct text value);

/* One of the engines of store/engines.c; a test holds the two together. */
bool
engine_valid(struct text value);

/* A URI of a contact (RFC 9116 2.5.3), or nothing. */
bool
contact_valid_or_empty(struct text value);

/* What fits between the quotes of a challenge (RFC 9110 5.6.4) unescaped. */
bool
realm_valid(struct text value);
