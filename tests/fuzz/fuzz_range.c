/*
 * Range sets. The first two bytes make the size of the content, the rest is
 * the value of Range. Whatever is asked: the ranges lie inside, in order,
 * apart from each other, and an answer's data is never longer than the whole.
 */
#include <stdint.h>
#include <stdlib.h>

#include "server/http/range.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static uint64_t
size_of(const uint8_t *data)
{
	static const uint64_t large[] = { UINT64_MAX, INT64_MAX,
		(uint64_t)1 << 32, 0 };

	return data[0] < 4 ? large[data[0]] : (uint64_t)data[0] << 8 | data[1];
}

static void
set_check(const struct range_set *set, uint64_t size, uint64_t max)
{
	uint64_t total = 0, last = 0;

	need(set->count <= max);
	for (size_t i = 0; i < set->count; i++) {
		struct byte_range range = set->range[i];

		need(range.len > 0 && range.first < size);
		need(range.len <= size - range.first);
		need(i == 0 || range.first > last);
		last = range.first + range.len;
		total += range.len;
	}
	need(total <= size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct validator validator = { .exists = true,
		.etag = { "\"t\"", 3 } };
	struct header_field field = { .name = TEXT("Range") };
	struct conf conf = { .limits = { .ranges = 16 } };
	struct request request = { .method = TEXT("GET"),
		.conf = &conf,
		.headers = { .field = &field, .count = 1 } };
	struct range_set set;
	enum outcome outcome;

	if (size < 2)
		return 0;
	field.value = (struct text){ (const char *)data + 2, size - 2 };
	request.arena = arena_new();
	request.response.arena = request.arena;
	outcome = range_parse(&request, &validator, size_of(data), &set);
	need(outcome == OK || outcome == RANGE);
	if (outcome == OK) {
		set_check(&set, size_of(data), conf.limits.ranges);
		range_respond(&request, &set, 0, TEXT_NONE, size_of(data),
		    TEXT("text/plain"));
		need(request.response.piece_count <= 2 * set.count + 1);
	} else {
		need(set.count == 0);
	}
	arena_free(request.arena);
	return 0;
}
