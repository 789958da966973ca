#pragma once

#include "server/base/arena.h"
#include "server/base/outcome.h"
#include "server/base/secret.h"

/*
 * A scheme of the Authorization field (RFC 9110 11.4) is a row: one file, one
 * line in schemes.c. It takes apart what follows its name; who that is, is
 * decided by authenticate.c for all schemes.
 */
struct claim {
	struct text user;       /* as sent; arena */
	struct secret password; /* arena */
};

struct scheme {
	struct text name; /* compared without case */
	/* Expected to answer BAD_INPUT for what is malformed. */
	enum outcome (*parse)(struct arena *arena, struct text credentials,
	    struct claim *ret_claim);
};

extern const struct scheme *const schemes[];
extern const size_t scheme_count;

extern const struct scheme scheme_basic;

/*
 * The whole field value. UNSUPPORTED: a scheme that is not offered; BAD_INPUT:
 * malformed.
 */
enum outcome
authorization_parse(struct arena *arena, struct text value,
    struct claim *ret_claim) MUST_CHECK;
