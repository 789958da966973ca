/*
 * Bodies: they go from the scratch of the loop straight to the sink, or are
 * received in the room that it offers. What nobody wants is read and dropped.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "server/http/connection_impl.h"
#include "server/http/http_metrics.h"

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

void
body_end(struct connection *connection, enum outcome outcome)
{
	struct transfer *transfer = connection->transfer;
	struct body_sink *sink = transfer != NULL ? transfer->sink : NULL;

	if (sink == NULL)
		return;
	transfer->sink = NULL;
	transfer->paused = false;
	connection_deadline(connection, 0);
	sink->end(sink, outcome);
}

static void
body_deliver(struct connection *connection, struct text data) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	struct body_sink *sink = transfer->sink;
	enum outcome outcome;

	if (data.len == 0)
		return;
	transfer->request.received += data.len;
	if (transfer->request.received > transfer->body_max)
		outcome = TOO_LARGE;
	else
		outcome = sink->write(sink, data);
	if (outcome == PENDING) {
		transfer->paused = true;
		connection_deadline(connection, 0);
	} else if (outcome != OK) {
		body_end(connection, outcome);
	}
}

static void
length_feed(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	struct text data = connection->rest;

	if (data.len > transfer->body_left)
		data = text_slice(data, 0, (size_t)transfer->body_left);
	rest_advance(connection, data.len);
	transfer->body_left -= data.len;
	transfer->body_done = transfer->body_left == 0;
	body_deliver(connection, data);
}

/*
 * Decodes all of the unread bytes in place: the data of many small chunks
 * becomes one piece at the front of them.
 */
static enum parse_result
chunks_join(struct connection *connection, struct text *ret_data)
{
	struct transfer *transfer = connection->transfer;
	char *front = (char *)(uintptr_t)connection->rest.ptr;
	enum parse_result result = PARSE_MORE;
	size_t joined = 0;

	while (result == PARSE_MORE && connection->rest.len > 0) {
		struct text data;
		size_t used = 0;

		result = chunk_decode(&transfer->decoder, connection->rest,
		    &used, &data);
		if (data.len > 0)
			memmove(front + joined, data.ptr, data.len);
		joined += data.len;
		rest_advance(connection, used);
	}
	transfer->body_done = result == PARSE_DONE;
	transfer->body_broken |= result == PARSE_REFUSED;
	*ret_data = (struct text){ front, joined };
	return result;
}

static void
chunked_feed(struct connection *connection) ON_LOOP
{
	struct text data;
	enum parse_result result = chunks_join(connection, &data);

	body_deliver(connection, data);
	if (result == PARSE_REFUSED)
		body_end(connection, BAD_INPUT);
}

/*
 * The interim answer, and whatever TLS still holds. False: the socket takes no
 * more now, or it is gone.
 */
static bool
continue_send(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	struct stream *stream = &connection->stream;
	size_t len = sizeof(continue_line) - 1;
	struct iovec part = {
		.iov_base = (char *)(uintptr_t)continue_line + len -
		    transfer->continue_left,
		.iov_len = transfer->continue_left,
	};
	ssize_t sent;

	if (!connection->writable)
		return false;
	if (part.iov_len == 0) {
		sent = stream->row->flush(stream);
		if (sent > 0)
			return true;
	} else {
		sent = stream->row->write(stream, &part, 1);
	}
	if (sent > 0) {
		http_count_sent((size_t)sent);
		transfer->continue_left -= (size_t)sent;
		return true;
	}
	if (sent == STREAM_ERROR)
		connection_end(connection);
	else if (stream->wants_write)
		connection->writable = false;
	return false;
}

/* Nothing to read now: the client has its time. */
static enum turn
body_wait(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;

	if (connection->deadline_ns == 0) {
		transfer->window_received = transfer->request.received;
		connection_deadline_in(connection,
		    connection->conf->limits.body_grace_seconds);
	}
	return TURN_WAIT;
}

/*
 * Where bytes of a body are received: a long one goes to its sink without a
 * copy. No more than is left of it, as a next request may follow. Chunks are
 * decoded in the scratch.
 */
static char *
body_room(struct connection *connection, size_t *ret_size) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	struct body_sink *sink = transfer->sink;
	uint64_t left = transfer->body_left;
	char *room = NULL;

	if (transfer->request.body == REQUEST_BODY_LENGTH && sink->room != NULL)
		room = sink->room(sink,
		    left < SLICE_SIZE ? (size_t)left : SLICE_SIZE, ret_size);
	if (room != NULL)
		return room;
	*ret_size = SCRATCH_SIZE;
	return connection->owner->scratch;
}

static enum turn
body_fill(struct connection *connection) ON_LOOP
{
	char *room;
	size_t size;
	ssize_t got;

	if (connection->slice >= SLICE_SIZE)
		return TURN_YIELD;
	/* As in connection_receive_more(). */
	connection->readable |= connection->presumed;
	room = body_room(connection, &size);
	got = connection_receive_into(connection, room, size);
	if (got == STREAM_AGAIN)
		return body_wait(connection);
	if (got > 0) {
		connection->rest = (struct text){ room, (size_t)got };
		return TURN_GO;
	}
	if (got == STREAM_ERROR) {
		connection_end(connection);
		return TURN_WAIT;
	}
	/* Who only stopped sending may still read why that is refused. */
	connection->readable = false;
	connection->peer_shut = true;
	connection->transfer->body_broken = true;
	atomic_store(&connection->transfer->request.cancelled, true);
	body_end(connection, CANCELLED);
	return TURN_GO;
}

enum turn
turn_away(struct connection *connection)
{
	struct transfer *transfer = connection->transfer;

	if (transfer->continue_left > 0 || connection->stream.pending) {
		if (continue_send(connection))
			return TURN_GO;
		return connection->fd < 0 ? TURN_WAIT : body_wait(connection);
	}
	if (transfer->sink == NULL) {
		/* The client may be gone: who works for long should know. */
		if (connection->peer_shut)
			atomic_store(&transfer->request.cancelled, true);
		return TURN_WAIT;
	}
	if (transfer->paused)
		return TURN_WAIT;
	if (transfer->body_done) {
		body_end(connection, OK);
		return TURN_GO;
	}
	if (connection->rest.len == 0)
		return body_fill(connection);
	if (transfer->request.body == REQUEST_BODY_CHUNKED)
		chunked_feed(connection);
	else
		length_feed(connection);
	return TURN_GO;
}

void
request_read_body(struct request *request, struct body_sink *sink, uint64_t max)
{
	struct connection *connection = request->connection;
	struct transfer *transfer = transfer_of(request);

	transfer->sink = sink;
	transfer->body_max = max;
	if (connection->fd < 0) {
		body_end(connection, CANCELLED);
	} else if (transfer->body_done) {
		body_end(connection, OK);
	} else if (request->body == REQUEST_BODY_LENGTH &&
	    request->body_length > max) {
		body_end(connection, TOO_LARGE);
	} else {
		if (request->expects_continue && connection->rest.len == 0)
			transfer->continue_left = sizeof(continue_line) - 1;
		transfer->continued = true;
		connection_soon(connection);
	}
}

void
request_resume_body(struct request *request)
{
	transfer_of(request)->paused = false;
	connection_soon(request->connection);
}

/* ---- What nobody wants -------------------------------------------------- */

bool
body_droppable(struct connection *connection)
{
	struct transfer *transfer = connection->transfer;
	struct request *request = &transfer->request;
	struct text data;

	if (transfer->body_done)
		return true;
	if (transfer->body_broken || connection->peer_shut)
		return false;
	/* Who still waits for 100 Continue may send the body, or may not. */
	if (request->expects_continue && !transfer->continued &&
	    connection->rest.len == 0)
		return false;
	/*
	 * KIO sends the whole body before it knows that it must sign in, and
	 * takes an early close for a broken connection, never for a 401.
	 */
	if (request->body == REQUEST_BODY_LENGTH)
		return transfer->body_left <= DRAIN_MAX ||
		    request->response.status == 401;
	return chunks_join(connection, &data) == PARSE_DONE;
}

enum turn
turn_drain(struct connection *connection)
{
	ssize_t got;

	if (connection->rest.len > 0) {
		size_t used = connection->rest.len;

		if (used > connection->drain_left)
			used = (size_t)connection->drain_left;
		rest_advance(connection, used);
		connection->drain_left -= used;
	}
	if (connection->drain_left == 0) {
		connection->phase = PHASE_HEAD;
		connection_deadline_in(connection,
		    connection->conf->limits.keep_alive_seconds);
		return TURN_GO;
	}
	got = connection_receive_more(connection);
	if (got == STREAM_AGAIN)
		return TURN_WAIT;
	if (got <= 0) {
		connection_end(connection);
		return TURN_WAIT;
	}
	connection->rest = (struct text){ connection->owner->scratch,
		(size_t)got };
	return TURN_GO;
}

/* Below TLS: what comes now is not even decrypted. */
enum turn
turn_linger(struct connection *connection)
{
	ssize_t got;

	connection->rest = TEXT_NONE;
	if (!connection->readable)
		return TURN_WAIT;
	if (connection->slice >= SLICE_SIZE)
		return TURN_YIELD;
	got = recv(connection->fd, connection->owner->scratch, SCRATCH_SIZE, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		connection->readable = errno == EINTR;
		return TURN_WAIT;
	}
	if (got > 0) {
		connection->slice += (size_t)got;
		connection->lingered += (size_t)got;
	}
	if (got <= 0 || connection->lingered > LINGER_MAX) {
		connection_end(connection);
		return TURN_WAIT;
	}
	return TURN_GO;
}
