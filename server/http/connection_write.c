/*
 * Writing answers. The head and the first bytes of the body go out in one
 * system call; files follow in slices of SLICE_SIZE a turn, so that one fast
 * reader holds up nobody; a source is asked for its next block when the last
 * one is out. An answer that cannot be finished cuts the connection: it never
 * looks whole, and is never padded.
 */
#include "server/http/http_metrics.h"
#include "server/http/problem.h"
#include "server/http/reply.h"

/* The whole answer is decided here, but for its first bytes. */
static void
reply_begin(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	struct request *request = &transfer->request;
	struct response *response = &request->response;
	bool keep = transfer->keep_alive && !response->close &&
	    !connection->owner->draining && !connection->peer_shut &&
	    !transfer->refused && body_droppable(connection);

	transfer->begun = true;
	transfer->bodiless = status_bodiless(response->status) ||
	    text_equal(request->method, TEXT("HEAD"));
	transfer->chunked = response->kind == BODY_SOURCE && !request->http10 &&
	    !status_bodiless(response->status);
	/* HTTP/1.0 knows the end of such a body by the connection's. */
	transfer->close = !keep ||
	    (response->kind == BODY_SOURCE && request->http10);
	pieces_skip(transfer);
}

static void
reply_next(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	bool close = transfer->close, done = transfer->body_done;

	connection->drain_left = done ? 0 : transfer->body_left;
	connection->drain_window = connection->drain_left;
	transfer_finish(connection, true);
	if (connection->fd < 0)
		return; /* done() cut all connections */
	if (!close) {
		connection->phase = connection->drain_left > 0 ? PHASE_DRAIN :
								 PHASE_HEAD;
		connection_deadline_in(connection,
		    connection->conf->limits.keep_alive_seconds);
		return;
	}
	/*
	 * Bytes that were not read would turn the close into a reset, and a
	 * reset may overtake the answer.
	 */
	if (done && connection->rest.len == 0 && !connection->readable) {
		connection->stream.row->finish(&connection->stream);
		connection_end(connection);
		return;
	}
	connection->phase = PHASE_LINGER;
	connection->readable = true;
	connection->stream.row->finish(&connection->stream);
	connection_deadline_in(connection, LINGER_SECONDS);
}

/* A failure that can still be told, or else the end of the connection. */
static enum turn
reply_fail(struct connection *connection, enum outcome outcome) ON_LOOP
{
	struct transfer *transfer = connection->transfer;

	if (transfer->request.sent > 0 || transfer->head.ptr != NULL ||
	    transfer->failed) {
		connection_end(connection);
		return TURN_WAIT;
	}
	transfer->failed = true;
	transfer->begun = false;
	transfer->source_ended = false;
	transfer->measured = false;
	transfer->piece = 0;
	transfer->piece_sent = 0;
	problem_respond(&transfer->request, outcome, NULL);
	return TURN_GO;
}

/* What is left of the head moves out of the buffer that all share. */
static void
head_save(struct transfer *transfer, const struct buffer *shared)
{
	if (transfer->head.len > 0 && transfer->head.ptr >= shared->ptr &&
	    transfer->head.ptr < shared->ptr + shared->len)
		transfer->head = arena_copy(transfer->request.arena,
		    transfer->head);
}

static enum turn
reply_blocked(struct connection *connection) ON_LOOP
{
	if (connection->stream.wants_write)
		connection->writable = false;
	else
		connection->readable = false;
	connection_deadline_in(connection,
	    connection->conf->limits.reader_seconds);
	return TURN_WAIT;
}

/* One write of whatever comes next. */
static enum turn
reply_step(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	struct buffer *shared = &connection->owner->head;
	enum outcome held;
	bool fresh = transfer->head.ptr == NULL;
	ssize_t sent;

	if (!connection->writable)
		return TURN_WAIT;
	if (fresh)
		reply_head(connection, shared);
	sent = reply_write(connection, &held);
	if (fresh && held != OK && held != PENDING) {
		transfer->head = TEXT_NONE;
		return reply_fail(connection, held);
	}
	if (sent > 0) {
		connection->slice += (size_t)sent;
		http_count_sent((size_t)sent);
		transfer_advance(transfer, (size_t)sent);
	}
	head_save(transfer, shared);
	if (held == PENDING) {
		connection_deadline(connection, 0);
		return TURN_WAIT;
	}
	if (sent == STREAM_AGAIN)
		return reply_blocked(connection);
	if (sent <= 0) {
		connection_end(connection);
		return TURN_WAIT;
	}
	return TURN_GO;
}

/* All was written, but the socket may not have taken it yet. */
static enum turn
reply_flush(struct connection *connection) ON_LOOP
{
	ssize_t flushed;

	if (!connection->stream.pending)
		return TURN_GO;
	if (!connection->writable)
		return TURN_WAIT;
	flushed = connection->stream.row->flush(&connection->stream);
	if (flushed == STREAM_AGAIN)
		return reply_blocked(connection);
	if (flushed < 0)
		connection_end(connection);
	return flushed < 0 ? TURN_WAIT : TURN_GO;
}

/* The source has a block when its turn to be written comes. */
static enum turn
source_turn(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	enum outcome outcome;

	if (transfer->bodiless || transfer->source_ended ||
	    block_left(transfer).len > 0 || !connection->writable)
		return TURN_GO;
	outcome = block_fill(transfer);
	if (outcome == PENDING) {
		connection_deadline(connection, 0);
		return TURN_WAIT;
	}
	if (outcome != OK)
		return reply_fail(connection, outcome);
	return TURN_GO;
}

enum turn
turn_reply(struct connection *connection)
{
	struct transfer *transfer = connection->transfer;

	if (!transfer->begun)
		reply_begin(connection);
	if (connection->slice >= SLICE_SIZE)
		return TURN_YIELD;
	if (transfer->request.response.kind == BODY_SOURCE) {
		enum turn turn = source_turn(connection);

		if (turn != TURN_GO || connection->transfer != transfer ||
		    !transfer->begun)
			return turn;
		if (transfer->head.ptr != NULL && !transfer->bodiless &&
		    transfer->head.len == 0 && !transfer->source_ended &&
		    block_left(transfer).len == 0)
			return TURN_GO;
	}
	if (transfer->head.ptr == NULL || !transfer_written(transfer)) {
		enum turn turn = reply_step(connection);

		if (turn != TURN_GO || !transfer_written(transfer))
			return turn;
	}
	if (reply_flush(connection) != TURN_GO)
		return TURN_WAIT;
	reply_next(connection);
	return TURN_GO;
}

void
request_reply(struct request *request)
{
	struct connection *connection = request->connection;
	struct transfer *transfer = transfer_of(request);
	struct problem late = { .status = 408 };

	transfer->sink = NULL;
	transfer->replied = true;
	if (connection->fd < 0) {
		connection->phase = PHASE_HOME;
	} else {
		if (transfer->timed_out)
			problem_respond(request, CANCELLED, &late);
		if (request->response.status == 0)
			problem_respond(request, BUG, NULL);
		connection->phase = PHASE_REPLY;
		connection_deadline(connection, 0);
	}
	connection_soon(connection);
}

void
response_wake(struct request *request)
{
	connection_soon(request->connection);
}
