#pragma once

#include "server/base/buffer.h"
#include "server/base/outcome.h"

enum { SOURCE_MAX_BYTES = 1024 * 1024 };

/*
 * Reads a file of the configuration into `text`, with comments turned into
 * blanks and every line end where it was. On IO and BAD_INPUT `message` has
 * got a line that says why.
 */
enum outcome
source_read(const char *file, struct buffer *message, struct buffer *text)
    MUST_CHECK;
