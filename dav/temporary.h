#pragma once

#include "dav/exchange.h"

/*
 * Files that programs put beside a document while they work on it: they may
 * be removed and renamed where the document may not, and a rename of one onto
 * the document is how it is saved (rights.md 4, 6: "temp", safe-save fold).
 */

/* By its name: "~$a.docx", ".~lock.a.odt#", ".a.swp", "a.tmp" ... */
bool
name_is_temporary(struct text name);

/*
 * The principal made it, it is a file, and nobody has come to rely on it: no
 * versions, no grants, and a name of that kind.
 */
bool
node_is_own_temporary(const struct exchange *exchange, const struct node *node);

/*
 * The same, or anything that the principal made a moment ago: moved onto a
 * file it is how that file is saved, whatever the program calls it.
 */
bool
node_is_own_draft(const struct exchange *exchange, const struct node *node);

/* DELETE is allowed by delete, or by delete-own within its bounds. */
enum outcome
place_demand_delete(struct exchange *exchange, const struct place *place)
    MUST_CHECK;
