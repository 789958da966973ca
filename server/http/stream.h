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

enum { STREAM_RECORD = 16384 };

struct stream;
struct tls_context;

struct stream_row {
	ssize_t (*read)(struct stream *stream, char *bytes, size_t size);
	/* `more`: bytes will follow at once, so do not send a short segment */
	ssize_t (*write)(struct stream *stream, const struct iovec *part,
	    int count, bool more);
	/*
	 * STREAM_SHORT: the file has no such bytes. NULL: bytes of files have
	 * to be read and written, at best STREAM_RECORD at a time.
	 */
	ssize_t (*send_file)(struct stream *stream, int fd, uint64_t offset,
	    size_t size);
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
	bool drained; /* the last read took all that there was */
};

struct stream
stream_plain(int fd);

/* False: no memory for a session. */
bool
stream_tls(int fd, struct tls_context *context, struct stream *ret_stream);
