#pragma once

#include "server/http/request.h"

/*
 * Conditional requests in the order of RFC 9110 13.2.2. The caller has checked
 * rights before: a condition is an oracle otherwise.
 */
struct validator {
	bool exists;      /* the resource has a representation */
	struct text etag; /* with its quotes, strong */
	uint64_t modified_ns;
};

/*
 * OK: go on. NOT_MODIFIED: 304 (safe methods). PRECONDITION: 412. Malformed
 * dates are ignored (13.1.3); a malformed entity-tag matches nothing.
 */
enum outcome
conditional_check(const struct request *request, bool safe,
    const struct validator *validator) MUST_CHECK;

/* One entity-tag list or "*" against one etag. */
bool
etag_list_matches(struct text list, const struct validator *validator,
    bool weak);
