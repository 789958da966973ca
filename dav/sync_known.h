#pragma once

#include "server/base/arena.h"
#include "store/node.h"

/*
 * Two sets that an answer remembers by. They live in the arena of the request
 * and double as they grow; who fills them has a limit.
 */

/* A number for each of some nodes; 0 is none. */
struct sync_marks {
	struct sync_mark *slot; /* arena */
	size_t count, capacity;
};

void
sync_marks_set(struct sync_marks *marks, struct arena *arena, node_id node,
    uint64_t value);

uint64_t
sync_marks_get(const struct sync_marks *marks, node_id node);

/* Names in collections, as spelled: what an answer told (RFC 4918 14.24). */
struct sync_names {
	struct sync_name *slot; /* arena */
	size_t count, capacity;
	uint64_t seed; /* random: names come from anybody */
};

/* False: it was there. */
bool
sync_names_add(struct sync_names *names, struct arena *arena, node_id parent,
    struct text text);
