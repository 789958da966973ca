/*
 * Ranges in ascending order without overlap, so that the data of an answer is
 * never longer than the whole. What cannot be read asks for nothing (RFC 9110
 * 14.2: ignore), what can be read but names no byte is 416.
 */
#include "server/http/range.h"

#include "server/base/clock.h"
#include "server/base/encode.h"
#include "server/base/random.h"

/* A number that is too large for us is past every end. */
static bool
number_parse(struct text digits, uint64_t *ret_number)
{
	if (digits.len == 0)
		return false;
	for (size_t i = 0; i < digits.len; i++)
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
	if (!text_parse_u64(digits, 10, ret_number))
		*ret_number = UINT64_MAX;
	return true;
}

/* "-N": the last N bytes. Length 0: none of them exist. */
static bool
suffix_parse(struct text digits, uint64_t size, struct byte_range *ret_range)
{
	uint64_t count;

	if (!number_parse(digits, &count))
		return false;
	count = count < size ? count : size;
	*ret_range = (struct byte_range){ .first = size - count, .len = count };
	return true;
}

/* False: malformed. A range past the end has length 0. */
static bool
spec_parse(struct text spec, uint64_t size, struct byte_range *ret_range)
{
	size_t dash = text_find(spec, '-');
	struct text last = text_slice(spec, dash + 1, spec.len);
	uint64_t from, to = UINT64_MAX;

	if (dash == spec.len)
		return false;
	if (dash == 0)
		return suffix_parse(last, size, ret_range);
	if (!number_parse(text_slice(spec, 0, dash), &from) ||
	    (last.len > 0 && !number_parse(last, &to)) || to < from)
		return false;
	*ret_range = (struct byte_range){ .first = from };
	if (from < size)
		ret_range->len = (to < size - 1 ? to : size - 1) - from + 1;
	return true;
}

/* Keeps the set sorted; the number of ranges has a small limit. */
static void
range_insert(struct range_set *set, struct byte_range range)
{
	size_t at = set->count++;

	for (; at > 0 && set->range[at - 1].first > range.first; at--)
		set->range[at] = set->range[at - 1];
	set->range[at] = range;
}

/* Overlapping and touching ranges become one. */
static void
ranges_merge(struct range_set *set)
{
	size_t kept = 0;

	for (size_t i = 1; i < set->count; i++) {
		struct byte_range *last = &set->range[kept];
		struct byte_range next = set->range[i];
		uint64_t end = last->first + last->len;

		if (next.first > end)
			set->range[++kept] = next;
		else if (next.first + next.len > end)
			last->len = next.first + next.len - last->first;
	}
	if (set->count > 0)
		set->count = kept + 1;
}

/* False: to be ignored. */
static bool
set_parse(struct text list, uint64_t size, uint64_t max, struct range_set *set,
    uint64_t *ret_specs)
{
	uint64_t specs = 0;

	while (list.ptr != NULL) {
		struct text spec = text_trim(text_split(&list, ','));
		struct byte_range range;

		if (spec.len == 0)
			continue;
		if (++specs > max || !spec_parse(spec, size, &range))
			return false;
		if (range.len > 0)
			range_insert(set, range);
	}
	*ret_specs = specs;
	return specs > 0;
}

/*
 * RFC 9110 13.1.5: an entity-tag that is strong and equal, or the exact date
 * of a change that is old enough for its date to be exact.
 */
static bool
if_range_holds(const struct request *request, const struct validator *validator)
{
	struct text value = header_get(&request->headers, "If-Range");
	uint64_t modified = validator->modified_ns / NS_PER_SECOND;
	uint64_t date_ns;

	if (value.ptr == NULL)
		return true;
	if (header_count(&request->headers, "If-Range") > 1)
		return false;
	if (text_starts(value, TEXT("\"")))
		return text_equal(value, validator->etag);
	return clock_parse_http(value, &date_ns) &&
	    date_ns / NS_PER_SECOND == modified &&
	    clock_wall_ns() / NS_PER_SECOND > modified + 1;
}

enum outcome
range_parse(const struct request *request, const struct validator *validator,
    uint64_t size, struct range_set *ret_set)
{
	struct text value = header_get(&request->headers, "Range");
	uint64_t max = request->conf->limits.ranges, specs;
	struct range_set set = { .count = 0 };
	struct text unit;

	*ret_set = set;
	if (value.ptr == NULL || header_count(&request->headers, "Range") > 1 ||
	    !text_equal(request->method, TEXT("GET")) ||
	    !if_range_holds(request, validator))
		return OK;
	unit = text_split(&value, '=');
	if (!text_equal_nocase(unit, TEXT("bytes")) || value.ptr == NULL)
		return OK;
	set.range = ARENA_ARRAY(request->arena, (size_t)max, struct byte_range);
	if (!set_parse(value, size, max, &set, &specs))
		return OK;
	if (set.count == 0)
		return RANGE;
	ranges_merge(&set);
	*ret_set = set;
	return OK;
}

static void
piece_add(struct response *response, int fd, struct text bytes,
    struct byte_range range)
{
	if (fd >= 0)
		response_piece_file(response, fd, range.first, range.len);
	else
		response_piece_bytes(response,
		    text_slice(bytes, (size_t)range.first,
			(size_t)(range.first + range.len)));
}

/* RFC 9110 14.6. */
static void
multipart_respond(struct response *response, const struct range_set *set,
    int fd, struct text bytes, uint64_t size, struct text type)
{
	unsigned char noise[12];
	struct text boundary;

	random_fill(noise, sizeof(noise));
	boundary = hex_encode(response->arena,
	    (struct text){ (const char *)noise, sizeof(noise) });
	response_header_format(response, "Content-Type",
	    "multipart/byteranges; boundary=%.*s", TEXT_ARGS(boundary));
	for (size_t i = 0; i < set->count; i++) {
		struct byte_range range = set->range[i];

		response_piece_bytes(response,
		    arena_format(response->arena,
			"%s--%.*s\r\nContent-Type: %.*s\r\n"
			"Content-Range: bytes %llu-%llu/%llu\r\n\r\n",
			i > 0 ? "\r\n" : "", TEXT_ARGS(boundary),
			TEXT_ARGS(type), (unsigned long long)range.first,
			(unsigned long long)(range.first + range.len - 1),
			(unsigned long long)size));
		piece_add(response, fd, bytes, range);
	}
	response_piece_bytes(response,
	    arena_format(response->arena, "\r\n--%.*s--\r\n",
		TEXT_ARGS(boundary)));
}

void
range_respond(struct request *request, const struct range_set *set, int fd,
    struct text bytes, uint64_t size, struct text type)
{
	struct response *response = &request->response;
	struct byte_range all = { .first = 0, .len = size };

	response->status = set->count > 0 ? 206 : 200;
	response_header_kept(response, "Accept-Ranges", TEXT("bytes"));
	if (set->count > 1) {
		multipart_respond(response, set, fd, bytes, size, type);
		return;
	}
	response_header(response, "Content-Type", type);
	if (set->count == 1) {
		all = set->range[0];
		response_header_format(response, "Content-Range",
		    "bytes %llu-%llu/%llu", (unsigned long long)all.first,
		    (unsigned long long)(all.first + all.len - 1),
		    (unsigned long long)size);
	}
	piece_add(response, fd, bytes, all);
}
