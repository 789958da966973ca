#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/outcome.h"
#include "server/http/header.h"

/*
 * The strict parser of RFC 9112: request line, fields, chunked. Pure functions
 * over bytes, so that they can be fuzzed and compared with other parsers. What
 * is ambiguous anywhere is refused here (reliability.md 1: 20 of 20 probes).
 */
enum parse_result { PARSE_MORE, PARSE_DONE, PARSE_REFUSED };

struct head_limits {
	size_t section, fields, target;
};

struct head {
	struct text method, target;
	unsigned minor; /* HTTP/1.minor */
	struct header_list headers;
	bool chunked;
	bool has_length;
	uint64_t length;
	bool keep_alive;
	bool expects_continue;
};

/*
 * Finds the end of the head at the front of `bytes` without parsing it: on
 * PARSE_DONE *ret_len bytes are a head for head_parse(). For callers that keep
 * the bytes elsewhere before they are parsed.
 */
enum parse_result
head_measure(struct text bytes, const struct head_limits *limits,
    size_t *scanned, size_t *ret_len, unsigned *ret_status);

/*
 * Parses a head at the front of `bytes`. PARSE_MORE: incomplete and within
 * limits. PARSE_DONE: *ret_used bytes were the head; texts point into `bytes`.
 * PARSE_REFUSED: *ret_status is 400, 405, 414, 417, 431, 501 or 505; the
 * connection must close after the answer. `scanned` remembers how far an
 * incomplete head was searched, start with 0.
 */
enum parse_result
head_parse(struct arena *arena, struct text bytes,
    const struct head_limits *limits, size_t *scanned, struct head *ret_head,
    size_t *ret_used, unsigned *ret_status);

/* The same for a head that head_measure() found whole; 0 or a status. */
unsigned
head_read(struct arena *arena, struct text bytes,
    const struct head_limits *limits, struct head *ret_head);

/* The chunked coding (RFC 9112 7.1); trailers are checked and dropped. */
struct chunk_decoder {
	unsigned state;
	uint64_t left;     /* of this chunk */
	uint64_t overhead; /* bytes that were not data, since some data */
	size_t line;       /* bytes of the present line */
	unsigned digits;
};

/*
 * Takes from the front of `bytes`: *ret_used bytes were consumed, of which
 * *ret_data (a part of them) are body data, possibly empty. PARSE_DONE: the
 * body and its trailer section are over.
 */
enum parse_result
chunk_decode(struct chunk_decoder *decoder, struct text bytes, size_t *ret_used,
    struct text *ret_data);
