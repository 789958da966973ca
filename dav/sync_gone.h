#pragma once

#include "dav/sync_walk.h"
#include "dav/sync_window.h"
#include "store/log_entry.h"

/* Who looks at what. */
struct sync_view {
	struct exchange *exchange;
	const struct place *root;
	bool deep; /* members of members count too */
	const struct sync_window *window;
};

/*
 * What an entry of a name that may be seen there no more (a tombstone, or a
 * change of grants) means to who asks. What was never seen must not be named
 * when it goes. The entries of the log tell how its grants, and those on the way
 * to it, changed for the asker in this window; its grants tell the rest, as
 * long as it has them (moved in its tree, or in the trash).
 */
enum sync_gone {
	SYNC_GONE_NOTHING, /* elsewhere, or another entry tells of it */
	SYNC_GONE_HIDDEN,  /* never seen */
	SYNC_GONE_NAMED,
	SYNC_GONE_ABOVE,   /* with the collection that the walk stands on */
	SYNC_GONE_UNKNOWN, /* nobody can say whether it was seen */
	SYNC_GONE_REPLACED /* a collection: its members cannot be told gone */
};

/*
 * The walk then stands on the collection in which the name was, or for ABOVE
 * on what is hidden on the way there; unless that is NOTHING.
 */
enum outcome
sync_gone_judge(const struct sync_view *view, const struct log_entry *entry,
    struct sync_walk *walk, enum sync_gone *ret_gone) MUST_CHECK;

/* What stands now where it was; NOT_FOUND: nothing. */
enum outcome
sync_gone_taken(struct exchange *exchange, const struct log_entry *entry,
    struct node *ret_node) MUST_CHECK;
