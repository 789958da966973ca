#pragma once

#include "dav/exchange.h"

/*
 * What the grants that name the asker give on a tree, as far as it can change
 * with no entry in the log: by the clock, where a grant has a period, and by
 * what its granter still holds. A hash of the rights on each such node; where
 * it is the same at two times, what else changed the sight of anything stands
 * in the log. Too many to look at: never the same.
 */
enum outcome
sync_given(struct exchange *exchange, node_id tree, uint64_t *ret_hash)
    MUST_CHECK;
