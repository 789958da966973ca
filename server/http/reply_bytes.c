/*
 * Where the next bytes of an answer come from, and one write of them: parts in
 * memory in one system call, files by the kernel in slices; over TLS records
 * that join whatever comes next.
 */
#include <string.h>
#include <unistd.h>

#include "server/http/reply.h"

/* Room for the size line of a chunk: eight digits and CRLF. */
enum { FRAME_SIZE = 10 };

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

enum outcome
block_fill(struct transfer *transfer)
{
	struct body_source *source = transfer->request.response.source;
	struct buffer *block = &transfer->block;
	enum outcome outcome;

	buffer_clear(block);
	buffer_append(block, TEXT("0000000000"));
	outcome = source->fill(source, block, &transfer->source_ended);
	if (outcome == OK &&
	    (block->overflow || block->len < FRAME_SIZE ||
		block->len > UINT32_MAX))
		outcome = BUG;
	if (outcome != OK) {
		buffer_clear(block);
		transfer->block_sent = 0;
		return outcome;
	}
	/*
	 * The first block is all of it, and the head is not written yet: a
	 * length says more than chunks do, and fewer clients stumble over it.
	 */
	if (transfer->source_ended && transfer->head.ptr == NULL) {
		transfer->chunked = false;
		transfer->measured = true;
		transfer->request.response.length = block->len - FRAME_SIZE;
	}
	block_frame(transfer);
	return OK;
}

struct text
block_left(const struct transfer *transfer)
{
	return text_slice(buffer_text(&transfer->block), transfer->block_sent,
	    transfer->block.len);
}

static const struct body_piece *
piece_now(const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	return transfer->piece < response->piece_count ?
	    &response->piece[transfer->piece] :
	    NULL;
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

void
pieces_skip(struct transfer *transfer)
{
	const struct body_piece *piece = piece_now(transfer);

	while (piece != NULL && piece->len == transfer->piece_sent) {
		transfer->piece++;
		transfer->piece_sent = 0;
		piece = piece_now(transfer);
	}
}

void
transfer_advance(struct transfer *transfer, size_t sent)
{
	size_t head = sent < transfer->head.len ? sent : transfer->head.len;

	transfer->head = text_slice(transfer->head, head, transfer->head.len);
	sent -= head;
	transfer->request.sent += sent;
	if (transfer->request.response.kind == BODY_SOURCE) {
		transfer->block_sent += sent;
		return;
	}
	while (sent > 0) {
		uint64_t left = piece_now(transfer)->len - transfer->piece_sent;
		uint64_t part = sent < left ? sent : left;

		transfer->piece_sent += part;
		sent -= (size_t)part;
		pieces_skip(transfer);
	}
}

bool
transfer_written(const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	if (transfer->head.len > 0)
		return false;
	if (transfer->bodiless)
		return true;
	if (response->kind == BODY_SOURCE)
		return transfer->source_ended && block_left(transfer).len == 0;
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
	     count < PARTS_MAX;
	     i++) {
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
			record_add(record,
			    text_slice(piece->bytes,
				(size_t)transfer->piece_sent,
				piece->bytes.len));
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

ssize_t
reply_write(struct connection *connection, enum outcome *held)
{
	*held = OK;
	return connection->stream.row->send_file != NULL ?
	    plain_step(connection, held) :
	    record_step(connection, held);
}
