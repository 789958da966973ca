#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/outcome.h"

/*
 * A file whose only use is its space: it is given back to a full disk, so
 * that a change which frees space can be written, and taken again when there
 * is room. One thread uses it (the committer).
 */
struct reserve {
	char *path;    /* owned; NULL: there is no reserve */
	uint64_t size; /* as wanted */
	bool given;    /* its space is lent at the moment */
};

/* Makes the file and takes its space. `given` when the disk has no room. */
void
reserve_open(struct reserve *reserve, const char *path);

void
reserve_done(struct reserve *reserve);

/* Gives the space back. False when there was none to give. */
bool
reserve_give(struct reserve *reserve);

/* Takes it again. False when the disk has no room for it yet. */
bool
reserve_take(struct reserve *reserve);

/* Sets the size that the file is to have; before the committer starts. */
enum outcome
reserve_resize(const char *path, uint64_t size) MUST_CHECK;
