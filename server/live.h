#pragma once

#include "server/visit.h"

/*
 * The transfers of one loop that are under way: long answers and bodies that
 * come in. They are looked at twice a second, and cut when what they stand on
 * has fallen, so that a revoke acts on them within a second wherever it was
 * made (rights.md 8, interface.md 1).
 */
struct live {
	struct visit *first;
	uint64_t looked_ns; /* monotonic */
};

/* The visit stands on exchange.standing from now on; node 0: nothing to do. */
void
live_enter(struct live *live, struct visit *visit) ON_LOOP;

/* No effect when it is not in the list. */
void
live_leave(struct live *live, struct visit *visit) ON_LOOP;

/* Called on every tick of the loop. */
void
live_look(struct live *live, struct store *store) ON_LOOP;
