#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * The bytes of a connection, plain or TLS, behind one row of functions. The
 * socket does not block. Reads answer bytes, 0 at the end, STREAM_AGAIN or
 * STREAM_ERROR; writes the same without 0. After STREAM_AGAIN `wants_write`
 * says what has to happen first: TLS may write to read and read to write.
 */
enum { STREAM_AGAIN = -1, STREAM_ERROR = -2, STREAM_SHORT = -3 };

/*
 * What one write of an answer joins: enough for few system calls, little
 * enough to be kept for a reader that is slow.
 */
enum { STREAM_BATCH = 65536 };

struct stream;
struct tls_context;

/*
 * Where records are gathered until they are sent, one for all the streams of a
 * loop: it is empty between two calls. The room beside the payload is for the
 * frames of records; what does not fit is only kept elsewhere.
 */
struct stream_room {
	size_t len;
	char bytes[STREAM_BATCH + 4096];
};

struct stream_row {
	ssize_t (*read)(struct stream *stream, char *bytes, size_t size);
	/*
	 * Nothing is held back for what may follow: a file that is sent behind
	 * a head in one segment with it costs half as much again (MSG_MORE).
	 */
	ssize_t (*write)(struct stream *stream, const struct iovec *part,
	    int count);
	/*
	 * STREAM_SHORT: the file has no such bytes. NULL: bytes of files have
	 * to be read and written, at best STREAM_BATCH at a time.
	 */
	ssize_t (*send_file)(struct stream *stream, int fd, uint64_t offset,
	    size_t size);
	/*
	 * While `pending`, some of what was written waits for the socket:
	 * 1 when all of it is out, STREAM_AGAIN, STREAM_ERROR.
	 */
	ssize_t (*flush)(struct stream *stream);
	/* Nothing more will be written: tells the peer. */
	void (*finish)(struct stream *stream);
	/* Frees what the stream holds, but for the descriptor. */
	void (*end)(struct stream *stream);
};

struct stream {
	const struct stream_row *row;
	int fd;        /* borrowed from the connection */
	void *session; /* owned, NULL when plain */
	bool wants_write;
	bool pending; /* bytes that were written are not out: flush() */
	bool drained; /* the last read took all that there was */
};

struct stream
stream_plain(int fd);

/* False: no memory for a session. `room` is borrowed for its life. */
bool
stream_tls(int fd, struct tls_context *context, struct stream_room *room,
    struct stream *ret_stream);
