#pragma once

#include "dav/exchange.h"

/*
 * Programs that save by renaming the document away and making a new file of
 * its name (vim: f -> f~, then f; Word: d.docx -> ~WRL1.tmp, then another onto
 * d.docx). The document is what bears the name, not what was put aside: within
 * 60 s it comes back to the name with its id, grants and versions, and its old
 * content stays as a new file under the name it was put aside to (rights.md 6,
 * safe-save fold).
 *
 * `place` is unmapped, its parent a collection. `moving`: a node that is not
 * the document (the source of a MOVE), 0: none. *ret_back: the place is mapped
 * now, and must be resolved again.
 */
enum outcome
resave_bring_back(struct exchange *exchange, const struct place *place,
    node_id moving, bool *ret_back) MUST_CHECK;

/* A new file of the name with the content of another, sharing its blob. */
enum outcome
resave_copy(struct exchange *exchange, const struct node *file,
    const struct trail *target, struct text name, struct node *ret_node)
    MUST_CHECK;
