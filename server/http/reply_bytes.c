/*
 * Where the next bytes of an answer come from, and one write of them: what is
 * in memory, and files that are small, in one system call; large files by the
 * kernel in slices. Over TLS all of it is joined, as far as a batch goes.
 */
#include <string.h>
#include <unistd.h>

#include "server/http/reply.h"

/*
 * Room for the size line of a chunk: eight digits and CRLF. Files up to
 * COPY_MAX are read and written with the head, larger ones sent by the kernel.
 */
enum { FRAME_SIZE = 10, COPY_MAX = 32768 };

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

/* ---- What one write takes ------------------------------------------------- */

/*
 * A walk over what comes next. Plain: bytes in memory are pointed at, a small
 * file is read into the room of the loop and pointed at there. Joined, for
 * TLS: all of it is copied to the room, one part, so that records are full.
 */
struct gathering {
	struct iovec part[PARTS_MAX + 1];
	int count;
	char *room;
	size_t used; /* of the room */
	bool joined;
	bool full;         /* the walk ends here */
	enum outcome held; /* why it ended before the end */
};

static void
part_add(struct gathering *gathering, const char *bytes, size_t len)
{
	if (len == 0)
		return;
	if (gathering->joined && gathering->count > 0) {
		gathering->part[gathering->count - 1].iov_len += len;
		return;
	}
	gathering->part[gathering->count++] = (struct iovec){
		.iov_base = (char *)(uintptr_t)bytes,
		.iov_len = len,
	};
}

/* How much of the bytes the write takes. */
static size_t
bytes_add(struct gathering *gathering, struct text bytes)
{
	char *room = gathering->room + gathering->used;
	size_t space = STREAM_BATCH - gathering->used;

	if (!gathering->joined) {
		part_add(gathering, bytes.ptr, bytes.len);
		return bytes.len;
	}
	gathering->full = bytes.len > space;
	bytes.len = gathering->full ? space : bytes.len;
	if (bytes.len > 0)
		memcpy(room, bytes.ptr, bytes.len);
	part_add(gathering, room, bytes.len);
	gathering->used += bytes.len;
	return bytes.len;
}

/*
 * For a few pages one copy costs less than a second system call; plain, larger
 * pieces are the kernel's. A file that ends too early is damaged: the next
 * walk finds no byte.
 */
static size_t
file_add(struct gathering *gathering, struct transfer *transfer)
{
	const struct body_piece *piece = piece_now(transfer);
	uint64_t left = piece->len - transfer->piece_sent;
	char *room = gathering->room + gathering->used;
	size_t size = STREAM_BATCH - gathering->used;
	ssize_t got;

	gathering->full = size < left ||
	    (left > COPY_MAX && !gathering->joined);
	if (gathering->full && !gathering->joined)
		return 0;
	size = gathering->full ? size : (size_t)left;
	gathering->held = file_release(transfer, size);
	if (gathering->held != OK)
		return 0;
	got = TEMP_FAILURE_RETRY(pread(piece->fd, room, size,
	    (off_t)(piece->offset + transfer->piece_sent)));
	if (got <= 0) {
		gathering->held = IO;
		return 0;
	}
	gathering->full |= (size_t)got < size;
	part_add(gathering, room, (size_t)got);
	gathering->used += (size_t)got;
	return (size_t)got;
}

/*
 * The same bytes each time until they are out: that the pieces do not change
 * in between is what they promise.
 */
static void
pieces_gather(struct gathering *gathering, struct transfer *transfer)
{
	size_t piece_before = transfer->piece;
	uint64_t sent_before = transfer->piece_sent;
	const struct body_piece *piece = piece_now(transfer);

	while (piece != NULL && !gathering->full && gathering->held == OK &&
	    gathering->count < PARTS_MAX) {
		transfer->piece_sent += piece->fd >= 0 ?
		    file_add(gathering, transfer) :
		    bytes_add(gathering,
			text_slice(piece->bytes, (size_t)transfer->piece_sent,
			    piece->bytes.len));
		pieces_skip(transfer);
		piece = piece_now(transfer);
	}
	transfer->piece = piece_before;
	transfer->piece_sent = sent_before;
}

static void
answer_gather(struct gathering *gathering, struct transfer *transfer)
{
	(void)bytes_add(gathering, transfer->head);
	if (transfer->bodiless)
		return;
	if (transfer->request.response.kind == BODY_SOURCE)
		(void)bytes_add(gathering, block_left(transfer));
	else
		pieces_gather(gathering, transfer);
}

/* ---- Plain: files by the kernel ------------------------------------------- */

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

ssize_t
reply_write(struct connection *connection, enum outcome *held)
{
	struct stream *stream = &connection->stream;
	struct gathering gathering;

	gathering.count = 0;
	gathering.room = connection->owner->room;
	gathering.used = 0;
	gathering.joined = stream->row->send_file == NULL;
	gathering.full = false;
	gathering.held = OK;
	*held = OK;
	answer_gather(&gathering, connection->transfer);
	/* What stands before a piece that is held back may go. */
	if (gathering.held != OK &&
	    (gathering.held != PENDING || gathering.count == 0)) {
		*held = gathering.held;
		return STREAM_ERROR;
	}
	if (gathering.count == 0)
		return file_send(connection, held);
	return stream->row->write(stream, gathering.part, gathering.count);
}
