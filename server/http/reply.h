#pragma once

#include "server/http/connection_impl.h"

/* The parts of writing an answer, for connection_write.c only. */

/* 1xx, 204 and 304 have no body and no length. */
bool
status_bodiless(unsigned status);

/* Writes the head into `out` and makes transfer->head of it. */
void
reply_head(struct connection *connection, struct buffer *out) ON_LOOP;

/* The next block of a source. OK may mean an empty one: ask again. */
enum outcome
block_fill(struct transfer *transfer) ON_LOOP;

/* What is left of the present block. */
struct text
block_left(const struct transfer *transfer);

/* Skips pieces that are out, and empty ones. */
void
pieces_skip(struct transfer *transfer);

/*
 * One write of what comes next; results as of a stream. *held: why a file
 * piece may not go out, PENDING or a failure.
 */
ssize_t
reply_write(struct connection *connection, enum outcome *held) ON_LOOP;

/* Counts bytes that went out: of the head, then of the body. */
void
transfer_advance(struct transfer *transfer, size_t sent);

/* Head and body are out. */
bool
transfer_written(const struct transfer *transfer);
