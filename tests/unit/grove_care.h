#pragma once

#include "tests/unit/grove.h"

/*
 * Fills a grove with something of every kind that care is about: versions,
 * trash, a lock, properties, cells, and all that waits to be freed. Paths:
 * docs/plan (two versions, locked, with properties), docs/sub/deep (below the
 * cell "inner"), and docs/thrown in the trash.
 */
void
grove_furnish(struct grove *grove);
