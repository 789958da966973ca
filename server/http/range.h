#pragma once

#include "server/http/conditional.h"

/*
 * Range and If-Range (RFC 9110 13.1.5, 14). At most `limits.ranges` ranges;
 * overlapping or touching ones are merged, so an answer is never longer than
 * the whole. Unknown units and malformed sets are ignored (14.2).
 */
struct byte_range {
	uint64_t first, len;
};

struct range_set {
	struct byte_range *range; /* arena */
	size_t count;             /* 0: send the whole */
};

/*
 * RANGE: 416, whose problem names the size. OK with count 0 when Range does not
 * apply. GET only.
 */
enum outcome
range_parse(const struct request *request, const struct validator *validator,
    uint64_t size, struct range_set *ret_set) MUST_CHECK;

/*
 * Describes 200, 206 or multipart/byteranges of a file (fd) or of bytes (fd
 * -1), with Content-Range, Content-Type and Accept-Ranges.
 */
void
range_respond(struct request *request, const struct range_set *set, int fd,
    struct text bytes, uint64_t size, struct text type);
