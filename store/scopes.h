#pragma once

#include "server/base/arena.h"
#include "server/base/buffer.h"
#include "server/base/scope.h"
#include "store/engine.h"

/*
 * What the files of this folder end at a closing brace. A transaction that
 * was committed is set to NULL by whoever committed it.
 */
static inline void
buffer_scope_end(struct buffer *buffer)
{
	buffer_done(buffer);
}

SCOPE_END(arena, struct arena *, arena_free)
SCOPE_END(txn, struct txn *, txn_abort)
SCOPE_END(cursor, struct cursor *, cursor_close)
