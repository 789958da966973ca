#pragma once

#include "dav/exchange.h"

/*
 * One block of a body that is made bit by bit: `fill` finds a read
 * transaction, an arena and the time of its own in the exchange, and an asker
 * who may still sign in. All of it is gone when it returns, so that nothing is
 * held while a socket is full.
 */
typedef enum outcome (*block_fn)(void *stream, struct buffer *out,
    bool *ret_end);

enum outcome
block_visit(struct exchange *exchange, block_fn fill, void *stream,
    struct buffer *out, bool *ret_end) MUST_CHECK;
