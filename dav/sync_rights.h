#pragma once

#include "dav/exchange.h"
#include "dav/sync_walk.h"
#include "store/log_entry.h"

/*
 * What a change of a grant (LOG_RIGHTS) means to who asks. Only those whom its
 * subject names may hear of it: another never saw the name, and would learn it.
 * What is seen in a collection that may be listed may be listed too: rights
 * only grow on the way down, up to a no-access, which takes all.
 */
enum sync_rights {
	SYNC_RIGHTS_NOTHING,
	SYNC_RIGHTS_SHOWN, /* seen, and what is below may be new */
	SYNC_RIGHTS_HIDDEN /* gone from a place that may be listed */
};

/*
 * Below `root`; the walk then stands on the node, when it is not NOTHING.
 * `deep`: members of members count too.
 */
enum outcome
sync_rights_judge(struct exchange *exchange, node_id root, bool deep,
    const struct log_entry *entry, struct sync_walk *walk,
    enum sync_rights *ret_rights) MUST_CHECK;

/* The subject is the principal, or one of its groups. */
bool
sync_rights_name(const struct principal *principal, user_id subject);
