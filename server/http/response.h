#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/buffer.h"
#include "server/base/outcome.h"
#include "server/base/thread.h"
#include "server/http/header.h"

/*
 * An answer: status, fields, and where the body comes from. A method fills it
 * in; the connection sends it. It knows no protocol version. The connection
 * itself adds Date, Server, Connection, Content-Length or Transfer-Encoding.
 */
enum body_kind {
	BODY_NONE,
	BODY_PIECES, /* bytes and file ranges, length known */
	BODY_SOURCE  /* a generator, sent chunked */
};

enum { RESPONSE_HEADERS_MAX = 32 };

struct body_piece {
	struct text bytes; /* arena of the request; or: */
	int fd;            /* -1: bytes. Borrowed from `hold` */
	uint64_t offset, len;
};

/*
 * Keeps something open while pieces are sent: closed once, ON_LOOP, when the
 * response is sent or dropped. `ready` may be NULL; it is asked before the
 * last block of the last file piece is sent, and answers PENDING to be asked
 * again after response_wake(), or a failure to cut the connection short.
 */
struct body_hold {
	enum outcome (*ready)(struct body_hold *hold);
	void (*close)(struct body_hold *hold);
};

/*
 * A body made block by block, ON_LOOP, when the socket can take more. Expected
 * to append a bounded block (some 16 to 64 KiB) and to hold nothing open
 * between calls (no transaction across a socket wait). PENDING: nothing now, will
 * call response_wake(). A failure after the first block cuts the connection,
 * so that a half answer never looks whole.
 */
struct body_source {
	enum outcome (*fill)(struct body_source *source, struct buffer *out,
	    bool *ret_end);
	void (*close)(struct body_source *source);
};

struct response {
	unsigned status; /* 0: not described yet */
	struct header_field field[RESPONSE_HEADERS_MAX];
	size_t field_count;
	enum body_kind kind;
	struct body_piece *piece; /* arena */
	size_t piece_count;
	struct body_source *source; /* BODY_SOURCE */
	struct body_hold *hold;     /* NULL: nothing to keep open */
	uint64_t length;            /* of all pieces */
	bool close;                 /* close the connection after it */
	struct arena *arena;        /* borrowed from the request */
};

/* Forgets what was described, closing its hold or source: a change may run
 * again. */
void
response_reset(struct response *response);

/* Name is static; value is copied. Control bytes in a value are a bug. */
void
response_header(struct response *response, const char *name, struct text value);

/* The same for a value that is static or in the arena: it is not copied. */
void
response_header_kept(struct response *response, const char *name,
    struct text value);

void
response_header_format(struct response *response, const char *name,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A body of bytes in the arena, with its Content-Type. */
void
response_bytes(struct response *response, const char *type, struct text bytes);

/* One more piece at the end. */
void
response_piece_bytes(struct response *response, struct text bytes);

void
response_piece_file(struct response *response, int fd, uint64_t offset,
    uint64_t len);

/* The reason phrase of RFC 9110 15, RFC 4918 11 and friends. */
const char *
status_phrase(unsigned status);
