#pragma once

#include "dav/exchange.h"

/*
 * A way through a tree below a collection, one node at a time, parents first,
 * names in order, that can be taken up again behind any node. Only what the
 * principal may see and list is on it. Lives within one transaction.
 */
struct sync_walk {
	struct exchange *exchange;
	struct trail trail;    /* to the present node */
	struct rights *rights; /* one for each node of the trail; arena */
	size_t root;           /* index of the root of the walk */
	bool deep;             /* below the members too */
	struct text after;     /* the next is behind this member; or none */
};

/*
 * Where a walk stopped, below the node at which it began: by names, so that it
 * goes on there whatever was moved or deleted meanwhile. What stands before
 * that and was not told has come since, by an entry of its own.
 */
struct sync_spot {
	struct arena *arena; /* borrowed: longer than any transaction */
	char *bytes;
	size_t len, capacity; /* 0: nothing was told yet */
};

/*
 * Stands on `at`, which is `root` or a node below it, so that sync_walk_next()
 * goes to what follows. NOT_FOUND: at is not below root any more.
 */
enum outcome
sync_walk_begin(struct sync_walk *walk, struct exchange *exchange, node_id root,
    node_id at) MUST_CHECK;

/* At a spot below `base`, which is `root` or below it; NOT_FOUND as above. */
enum outcome
sync_walk_resume(struct sync_walk *walk, struct exchange *exchange,
    node_id root, node_id base, const struct sync_spot *spot) MUST_CHECK;

/* The present node, which is below `base`, as a spot. */
void
sync_walk_mark(const struct sync_walk *walk, node_id base,
    struct sync_spot *spot);

/* The nodes on the way from `base` to the present one, and their names. */
uint64_t
sync_walk_hash(const struct sync_walk *walk, node_id base);

/* NOT_FOUND: there is no more. */
enum outcome
sync_walk_next(struct sync_walk *walk) MUST_CHECK;

/* All nodes from the root of the walk to the present one may be seen. */
bool
sync_walk_visible(const struct sync_walk *walk);

/* The present node lies below that one. */
bool
sync_walk_below(const struct sync_walk *walk, node_id ancestor);

/* "/dav/cell/..." of the present node; `path` is that of the root. */
struct text
sync_walk_href(const struct sync_walk *walk, const struct path *path);
