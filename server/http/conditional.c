/*
 * The order of RFC 9110 13.2.2. A list of entity-tags is read leniently: what
 * is no entity-tag matches nothing and is stepped over (a real client sends
 * one without quotes), for a condition that cannot be read must not become
 * one that holds.
 */
#include "server/http/conditional.h"

#include "server/base/clock.h"

/* The entity-tag at the front of the list, opaque part and all. */
static struct text
etag_take(struct text *list, bool *ret_weak)
{
	struct text rest = text_trim(*list);
	size_t end;

	*ret_weak = text_starts(rest, TEXT("W/"));
	if (*ret_weak)
		rest = text_slice(rest, 2, rest.len);
	if (rest.len == 0 || rest.ptr[0] != '"') {
		(void)text_split(&rest, ',');
		*list = rest;
		return TEXT_NONE;
	}
	end = 1 + text_find(text_slice(rest, 1, rest.len), '"');
	*list = text_slice(rest, end + 1, rest.len);
	/* Up to the comma there is white space and nothing else. */
	if (end >= rest.len || text_trim(text_split(list, ',')).len > 0)
		return TEXT_NONE;
	return text_slice(rest, 0, end + 1);
}

bool
etag_list_matches(struct text list, const struct validator *validator,
    bool weak)
{
	if (!validator->exists)
		return false;
	if (text_equal(text_trim(list), TEXT("*")))
		return true;
	while (list.ptr != NULL && list.len > 0) {
		bool tag_weak;
		struct text tag = etag_take(&list, &tag_weak);

		if (tag.len > 0 && text_equal(tag, validator->etag) &&
		    (weak || !tag_weak))
			return true;
	}
	return false;
}

/* Dates have whole seconds; false when there is none that can be read. */
static bool
date_get(const struct request *request, const char *name, uint64_t *ret_seconds)
{
	struct text value = header_get(&request->headers, name);
	uint64_t wall_ns;

	if (value.ptr == NULL || header_count(&request->headers, name) > 1 ||
	    !clock_parse_http(value, &wall_ns))
		return false;
	*ret_seconds = wall_ns / NS_PER_SECOND;
	return true;
}

/* Steps 1 and 2: If-Match, or else If-Unmodified-Since. */
static enum outcome
match_check(const struct request *request, const struct validator *validator)
{
	struct text list = header_join(request->arena, &request->headers,
	    "If-Match");
	uint64_t seconds;

	if (list.ptr != NULL)
		return etag_list_matches(list, validator, false) ? OK :
								   PRECONDITION;
	if (!validator->exists ||
	    !date_get(request, "If-Unmodified-Since", &seconds))
		return OK;
	return validator->modified_ns / NS_PER_SECOND > seconds ? PRECONDITION :
								  OK;
}

/* Steps 3 and 4: If-None-Match, or else If-Modified-Since. */
static enum outcome
none_match_check(const struct request *request, bool safe,
    const struct validator *validator)
{
	struct text list = header_join(request->arena, &request->headers,
	    "If-None-Match");
	uint64_t seconds;

	if (list.ptr != NULL) {
		if (!etag_list_matches(list, validator, true))
			return OK;
		return safe ? NOT_MODIFIED : PRECONDITION;
	}
	if (!safe || !validator->exists ||
	    !date_get(request, "If-Modified-Since", &seconds))
		return OK;
	return validator->modified_ns / NS_PER_SECOND <= seconds ?
	    NOT_MODIFIED :
	    OK;
}

enum outcome
conditional_check(const struct request *request, bool safe,
    const struct validator *validator)
{
	enum outcome outcome = match_check(request, validator);

	if (outcome != OK)
		return outcome;
	return none_match_check(request, safe, validator);
}
