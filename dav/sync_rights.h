#pragma once

#include "dav/sync_gone.h"

/*
 * Does a change of a grant (LOG_RIGHTS) leave its node in sight, where it was
 * then, so that what is below may be new? What is seen in a collection that may
 * be listed may be listed too: rights only grow on the way down, up to a
 * no-access, which takes all. Elsewhere it has arrived by an entry of its own.
 * The walk then stands on the node.
 */
enum outcome
sync_rights_shown(const struct sync_view *view, const struct log_entry *entry,
    struct sync_walk *walk, bool *ret_shown) MUST_CHECK;
