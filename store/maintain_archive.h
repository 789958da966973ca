#pragma once

#include "server/base/buffer.h"
#include "store/blob.h"

/*
 * The form of a backup: a pax tar of regular files, in this order:
 *
 *   celldav.conf                the configuration, if it has a file
 *   state/secret/NAME           keys of the server
 *   state/engine/NAME           a consistent copy of the engine
 *   state/blobs/ab/ID           every file that the copy names
 *   checksums                   a heading, then a line for each of the above:
 *                               32 hex digits of XXH3-128, two blanks, path
 *
 * The heading is "celldav backup 1 ENGINE". Reading computes the same lines
 * in the same order, so the two texts must be equal.
 */
#define BACKUP_HEADING "celldav backup 1 "
#define BACKUP_CHECKSUMS "checksums"

/* One line of checksums. */
void
checksum_line(struct buffer *out, struct checksum sum, const char *path);
