#pragma once

#include <libxml/tree.h>

#include "dav/exchange.h"

/*
 * The sync-collection report (RFC 6578 3): what changed below a collection
 * since a token. `root` is the DAV:sync-collection element. Answers in blocks;
 * longer answers than the limit end with 507 for the collection itself and a
 * token that goes on from there (3.6).
 */
enum outcome
sync_report(struct exchange *exchange, const struct place *place,
    const xmlNode *root) MUST_CHECK;
