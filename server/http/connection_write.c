/*
 * Writing answers. The head and the first bytes of the body go out in one
 * system call; files follow in slices of SLICE_SIZE a turn, so that one fast
 * reader holds up nobody; a source is asked for its next block when the last
 * one is out. An answer that cannot be finished cuts the connection: it never
 * looks whole, and is never padded.
 */
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/http/connection_impl.h"
#include "server/http/http_metrics.h"
#include "server/http/problem.h"

/* Room for the size line of a chunk: eight digits and CRLF. */
enum { FRAME_SIZE = 10 };

/* ---- The head ----------------------------------------------------------- */

static void
field_write(struct buffer *out, struct text name, struct text value)
{
	buffer_append(out, name);
	buffer_append(out, TEXT(": "));
	buffer_append(out, value);
	buffer_append(out, TEXT("\r\n"));
}

static struct text
date_now(struct connections *owner)
{
	uint64_t now = clock_wall_ns();

	if (now / NS_PER_SECOND != owner->date_second) {
		owner->date_second = now / NS_PER_SECOND;
		clock_format_http(now, owner->date);
	}
	return text_from(owner->date);
}

static bool
response_has(const struct response *response, struct text name)
{
	for (size_t i = 0; i < response->field_count; i++)
		if (text_equal_nocase(response->field[i].name, name))
			return true;
	return false;
}

static bool
status_bodiless(unsigned status)
{
	return status == 204 || status == 304 || status < 200;
}

static void
framing_write(struct buffer *out, const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	if (transfer->chunked) {
		field_write(out, TEXT("Transfer-Encoding"), TEXT("chunked"));
	} else if (response->kind != BODY_SOURCE &&
	    !status_bodiless(response->status)) {
		buffer_append(out, TEXT("Content-Length: "));
		buffer_append_u64(out, response->length);
		buffer_append(out, TEXT("\r\n"));
	}
	if (transfer->close)
		field_write(out, TEXT("Connection"), TEXT("close"));
	else if (transfer->request.http10)
		field_write(out, TEXT("Connection"), TEXT("keep-alive"));
}

static void
head_write(struct connection *connection, struct buffer *out) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	const struct response *response = &transfer->request.response;

	buffer_clear(out);
	buffer_append(out, TEXT("HTTP/1.1 "));
	buffer_append_u64(out, response->status);
	buffer_append_byte(out, ' ');
	buffer_append(out, text_from(status_phrase(response->status)));
	buffer_append(out, TEXT("\r\n"));
	field_write(out, TEXT("Date"), date_now(connection->owner));
	field_write(out, TEXT("Server"), TEXT("celldav"));
	if (!response_has(response, TEXT("X-Content-Type-Options")))
		field_write(out, TEXT("X-Content-Type-Options"),
		    TEXT("nosniff"));
	for (size_t i = 0; i < response->field_count; i++)
		field_write(out, response->field[i].name,
		    response->field[i].value);
	framing_write(out, transfer);
	buffer_append(out, TEXT("\r\n"));
	transfer->head = buffer_text(out);
}

/* ---- Where the next bytes come from ------------------------------------- */

/* "1f4\r\n" right before the data, without zeros in front. */
static void
block_frame(struct transfer *transfer)
{
	static const char digits[] = "0123456789abcdef";
	struct buffer *block = &transfer->block;
	size_t size = block->len - FRAME_SIZE, at = FRAME_SIZE - 2;

	transfer->block_sent = FRAME_SIZE;
	if (!transfer->chunked)
		return;
	if (size > 0) {
		memcpy(block->ptr + at, "\r\n", 2);
		for (; size > 0; size >>= 4)
			block->ptr[--at] = digits[size & 15];
		transfer->block_sent = at;
		buffer_append(block, TEXT("\r\n"));
	}
	if (transfer->source_ended)
		buffer_append(block, TEXT("0\r\n\r\n"));
}

/* The next block of a source. OK may mean an empty one: ask again. */
static enum outcome
block_fill(struct transfer *transfer) ON_LOOP
{
	struct body_source *source = transfer->request.response.source;
	struct buffer *block = &transfer->block;
	enum outcome outcome;

	buffer_clear(block);
	buffer_append(block, TEXT("0000000000"));
	outcome = source->fill(source, block, &transfer->source_ended);
	if (outcome == OK && (block->overflow || block->len < FRAME_SIZE ||
	    block->len > UINT32_MAX))
		outcome = BUG;
	if (outcome != OK) {
		buffer_clear(block);
		transfer->block_sent = 0;
		return outcome;
	}
	block_frame(transfer);
	return OK;
}

static struct text
block_left(const struct transfer *transfer)
{
	return text_slice(buffer_text(&transfer->block),
	    transfer->block_sent, transfer->block.len);
}

static const struct body_piece *
piece_now(const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	return transfer->piece < response->piece_count ?
	    &response->piece[transfer->piece] : NULL;
}

/* No file piece comes after this one. */
static bool
piece_last_file(const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	for (size_t i = transfer->piece + 1; i < response->piece_count; i++)
		if (response->piece[i].fd >= 0)
			return false;
	return true;
}

/* Whether `size` bytes of the present file piece may go out. */
static enum outcome
file_release(struct transfer *transfer, uint64_t size)
{
	struct body_hold *hold = transfer->request.response.hold;
	const struct body_piece *piece = piece_now(transfer);
	enum outcome outcome;

	if (hold == NULL || hold->ready == NULL || transfer->released ||
	    size < piece->len - transfer->piece_sent ||
	    !piece_last_file(transfer))
		return OK;
	outcome = hold->ready(hold);
	transfer->released = outcome == OK;
	return outcome;
}

/* Skips pieces that are out, and empty ones. */
static void
pieces_skip(struct transfer *transfer)
{
	const struct body_piece *piece = piece_now(transfer);

	while (piece != NULL && piece->len == transfer->piece_sent) {
		transfer->piece++;
		transfer->piece_sent = 0;
		piece = piece_now(transfer);
	}
}

/* Counts bytes that went out: of the head, then of the body. */
static void
transfer_advance(struct transfer *transfer, size_t sent)
{
	size_t head = sent < transfer->head.len ? sent : transfer->head.len;

	transfer->head = text_slice(transfer->head, head,
	    transfer->head.len);
	sent -= head;
	transfer->request.sent += sent;
	if (transfer->request.response.kind == BODY_SOURCE) {
		transfer->block_sent += sent;
		return;
	}
	while (sent > 0) {
		uint64_t left = piece_now(transfer)->len -
		    transfer->piece_sent;
		uint64_t part = sent < left ? sent : left;

		transfer->piece_sent += part;
		sent -= (size_t)part;
		pieces_skip(transfer);
	}
}

static bool
transfer_written(const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	if (transfer->head.len > 0)
		return false;
	if (transfer->bodiless)
		return true;
	if (response->kind == BODY_SOURCE)
		return transfer->source_ended &&
		    block_left(transfer).len == 0;
	return transfer->piece >= response->piece_count;
}

/* ---- Plain: parts in one call, files by the kernel ----------------------- */

static void
part_add(struct iovec *part, int *count, struct text bytes)
{
	if (bytes.len == 0)
		return;
	part[*count].iov_base = (char *)(uintptr_t)bytes.ptr;
	part[*count].iov_len = bytes.len;
	(*count)++;
}

/* All that is in memory and comes next. */
static int
parts_gather(const struct transfer *transfer, struct iovec *part, bool *more)
{
	const struct response *response = &transfer->request.response;
	size_t i = transfer->piece;
	uint64_t skip = transfer->piece_sent;
	int count = 0;

	part_add(part, &count, transfer->head);
	if (transfer->bodiless)
		return count;
	if (response->kind == BODY_SOURCE) {
		part_add(part, &count, block_left(transfer));
		return count;
	}
	for (; i < response->piece_count && response->piece[i].fd < 0 &&
	    count < PARTS_MAX; i++) {
		struct text bytes = response->piece[i].bytes;

		part_add(part, &count,
		    text_slice(bytes, (size_t)skip, bytes.len));
		skip = 0;
	}
	*more = i < response->piece_count;
	return count;
}

static ssize_t
file_send(struct connection *connection, enum outcome *held) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	struct stream *stream = &connection->stream;
	const struct body_piece *piece = piece_now(transfer);
	uint64_t left = piece->len - transfer->piece_sent;
	size_t size = left < SLICE_SIZE ? (size_t)left : SLICE_SIZE;

	*held = file_release(transfer, size);
	if (*held != OK)
		return STREAM_ERROR;
	return stream->row->send_file(stream, piece->fd,
	    piece->offset + transfer->piece_sent, size);
}

static ssize_t
plain_step(struct connection *connection, enum outcome *held) ON_LOOP
{
	struct stream *stream = &connection->stream;
	struct iovec part[PARTS_MAX + 1];
	bool more = false;
	int count = parts_gather(connection->transfer, part, &more);

	if (count == 0)
		return file_send(connection, held);
	return stream->row->write(stream, part, count, more);
}

/* ---- TLS: records that join what comes next ------------------------------ */

struct record {
	size_t len;
	char bytes[STREAM_RECORD];
};

static void
record_add(struct record *record, struct text bytes)
{
	size_t room = sizeof(record->bytes) - record->len;
	size_t len = bytes.len < room ? bytes.len : room;

	if (len > 0)
		memcpy(record->bytes + record->len, bytes.ptr, len);
	record->len += len;
}

static enum outcome
record_add_file(struct record *record, struct transfer *transfer,
    const struct body_piece *piece)
{
	size_t room = sizeof(record->bytes) - record->len;
	uint64_t left = piece->len - transfer->piece_sent;
	size_t size = left < room ? (size_t)left : room;
	enum outcome outcome = file_release(transfer, size);
	ssize_t got;

	if (outcome != OK)
		return outcome;
	got = pread(piece->fd, record->bytes + record->len, size,
	    (off_t)(piece->offset + transfer->piece_sent));
	if (got != (ssize_t)size)
		return IO;
	record->len += size;
	return OK;
}

/*
 * The same bytes each time until they are out, as a repeated SSL_write()
 * demands; that the pieces do not change in between is what they promise.
 */
static enum outcome
record_fill(struct record *record, struct transfer *transfer)
{
	size_t piece_before = transfer->piece;
	uint64_t sent_before = transfer->piece_sent;
	enum outcome outcome = OK;

	record_add(record, transfer->head);
	if (transfer->bodiless)
		return OK;
	if (transfer->request.response.kind == BODY_SOURCE) {
		record_add(record, block_left(transfer));
		return OK;
	}
	while (outcome == OK && record->len < sizeof(record->bytes) &&
	    piece_now(transfer) != NULL) {
		const struct body_piece *piece = piece_now(transfer);

		if (piece->fd < 0)
			record_add(record, text_slice(piece->bytes,
			    (size_t)transfer->piece_sent, piece->bytes.len));
		else
			outcome = record_add_file(record, transfer, piece);
		transfer->piece++;
		transfer->piece_sent = 0;
	}
	transfer->piece = piece_before;
	transfer->piece_sent = sent_before;
	return outcome;
}

static ssize_t
record_step(struct connection *connection, enum outcome *held) ON_LOOP
{
	struct stream *stream = &connection->stream;
	struct record record;
	struct iovec part;

	record.len = 0;
	*held = record_fill(&record, connection->transfer);
	/* What stands before a piece that is held back may go. */
	if (*held != OK && (*held != BUSY || record.len == 0))
		return STREAM_ERROR;
	*held = OK;
	part = (struct iovec){ .iov_base = record.bytes,
		.iov_len = record.len };
	return stream->row->write(stream, &part, 1, false);
}

/* ---- An answer from its begin to its end --------------------------------- */

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
	transfer->chunked = response->kind == BODY_SOURCE &&
	    !request->http10 && !status_bodiless(response->status);
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
	transfer_finish(connection, true);
	if (connection->fd < 0)
		return; /* done() cut all connections */
	if (!close) {
		connection->phase = connection->drain_left > 0 ?
		    PHASE_DRAIN : PHASE_HEAD;
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
	enum outcome held = OK;
	ssize_t sent;

	if (!connection->writable)
		return TURN_WAIT;
	if (transfer->head.ptr == NULL)
		head_write(connection, shared);
	sent = connection->stream.row->send_file != NULL ?
	    plain_step(connection, &held) : record_step(connection, &held);
	if (sent > 0) {
		connection->slice += (size_t)sent;
		http_count_sent((size_t)sent);
		transfer_advance(transfer, (size_t)sent);
	}
	head_save(transfer, shared);
	if (held == BUSY) {
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
	if (outcome == BUSY) {
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
	reply_next(connection);
	return TURN_GO;
}

void
request_reply(struct request *request)
{
	struct connection *connection = request->connection;
	struct transfer *transfer = connection->transfer;
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
