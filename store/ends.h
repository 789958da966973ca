#pragma once

#include "store/store.h"

/*
 * How late it was when something that ends was judged last (clock_ends_ns()),
 * kept so that a start with an older clock does not bring back what was seen
 * to have ended. Opening a store raises the clock to it (store/meta.h).
 */
struct ends_pace {
	uint64_t known_ns; /* what stands in the store, as far as we know */
	uint64_t tried_ns; /* monotonic; 0: not yet */
	bool begun, asked;
};

/*
 * Now and then by the background care of a serving process; `last` when it
 * ends. Writes once a minute at most, and only when something was judged since.
 * A number that another process wrote meanwhile is ends_reset(): the clock of
 * this one follows.
 */
enum outcome
ends_keep(struct store *store, struct ends_pace *pace, bool last) ON_WORKER
MUST_CHECK;

/* The wall clock had been too late: from now on it counts again. */
enum outcome
ends_reset(struct store *store) ON_WORKER MUST_CHECK;

/* 0: nothing is kept. */
enum outcome
ends_read(struct txn *txn, uint64_t *ret_ns) MUST_CHECK;
