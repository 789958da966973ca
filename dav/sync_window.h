#pragma once

#include "dav/exchange.h"
#include "dav/sync_known.h"

/*
 * What the change log holds for the asker from where an answer begins up to
 * now: to judge one entry is to know what came after it.
 */
struct sync_window {
	struct arena *arena; /* borrowed: the request's */
	node_id tree;
	uint64_t from; /* the answer begins behind this entry */
	uint64_t read; /* entries up to here are known */
	size_t entries;
	struct sync_marks left; /* collections: when last they left a place */
	struct sync_marks granted; /* grants that name the asker: newest change,
	                              counted from 1 */
	struct sync_regrant *change; /* arena */
	size_t change_count, change_capacity;
};

struct sync_regrant {
	uint64_t sequence;
	user_id subject; /* 0: no grant, the node left a place */
	bool was_refused, is_refused;
	size_t older; /* of the same node; counted from 1, 0: none */
};

void
sync_window_begin(struct sync_window *window, struct exchange *exchange,
    node_id tree, uint64_t from);

/*
 * Reads on, up to the newest entry. CONFLICT: the log does not reach back, or
 * it is so much that a full look is quicker and the loop is not held.
 */
enum outcome
sync_window_read(struct sync_window *window, struct exchange *exchange)
    MUST_CHECK;

/* When grants of the node changed last for the asker; 0: they did not. */
uint64_t
sync_window_granted(const struct sync_window *window, node_id node);

/* The same, of one subject alone? */
bool
sync_window_names(const struct sync_window *window, node_id node,
    user_id subject);

/*
 * Nodes, the last of them below the others, lay in each other up to the entry
 * `before`. Was there a moment of that, in this window, in which none of them
 * was refused to the asker by a grant that has changed since? When the last one
 * was made is not known: it was there just before that entry, and before the
 * first change of its own grants, but perhaps no earlier.
 */
enum sync_sight {
	SYNC_SIGHT_NEVER,
	SYNC_SIGHT_PERHAPS, /* also when that is too much to look at */
	SYNC_SIGHT_SURE
};

enum sync_sight
sync_window_sight(const struct sync_window *window, const node_id *node,
    size_t count, uint64_t before);

/* The subject is the principal, or one of its groups. */
bool
sync_names_subject(const struct principal *principal, user_id subject);
