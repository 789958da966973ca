/*
 * The parser of the If header (RFC 4918 10.4.2). A scanner walks over the
 * value; every list goes to an array that a first pass over the '(' sized, so
 * the work and the memory are linear in a value that limits.if_header bounds.
 */
#include "dav/if_header.h"

#include <string.h>

#include "store/lock.h"

struct if_scan {
	struct text rest;
	struct if_condition *condition; /* next free one */
};

static void
scan_blank(struct if_scan *scan)
{
	scan->rest = text_trim(scan->rest);
}

static bool
scan_byte(struct if_scan *scan, char byte)
{
	scan_blank(scan);
	if (scan->rest.len == 0 || scan->rest.ptr[0] != byte)
		return false;
	scan->rest = text_slice(scan->rest, 1, scan->rest.len);
	return true;
}

/* What stands up to `end`, which is passed; no blank, no second bracket. */
static bool
scan_until(struct if_scan *scan, char end, struct text *ret_value)
{
	struct text value = text_slice(scan->rest, 0,
	    text_find(scan->rest, end));

	if (value.len == 0 || value.len == scan->rest.len)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] <= ' ' || value.ptr[i] == '<' ||
		    value.ptr[i] == '>')
			return false;
	scan->rest = text_slice(scan->rest, value.len + 1, scan->rest.len);
	*ret_value = value;
	return true;
}

/* entity-tag of RFC 9110 8.8.3: [ W/ ] DQUOTE *etagc DQUOTE */
static bool
scan_etag(struct if_scan *scan, struct text *ret_etag)
{
	struct text all;
	size_t from, quote;

	scan_blank(scan);
	all = scan->rest;
	from = text_starts(all, TEXT("W/")) ? 2 : 0;
	if (from >= all.len || all.ptr[from] != '"')
		return false;
	quote = text_find(text_slice(all, from + 1, all.len), '"');
	quote += from + 1;
	if (quote >= all.len)
		return false;
	*ret_etag = text_slice(all, 0, quote + 1);
	for (size_t i = from; i < ret_etag->len; i++)
		if ((unsigned char)ret_etag->ptr[i] <= ' ' ||
		    ret_etag->ptr[i] == 0x7f)
			return false;
	scan->rest = text_slice(all, quote + 1, all.len);
	return scan_byte(scan, ']');
}

static bool
scan_not(struct if_scan *scan)
{
	scan_blank(scan);
	if (!text_starts_nocase(scan->rest, TEXT("Not")))
		return false;
	scan->rest = text_slice(scan->rest, 3, scan->rest.len);
	return true;
}

static bool
scan_condition(struct if_scan *scan, struct if_condition *condition)
{
	*condition = (struct if_condition){ .negated = scan_not(scan) };
	if (scan_byte(scan, '<'))
		return scan_until(scan, '>', &condition->value);
	condition->is_etag = true;
	return scan_byte(scan, '[') && scan_etag(scan, &condition->value);
}

/* 1*Condition ")"; the "(" was passed. */
static bool
scan_list(struct if_scan *scan, struct text resource, struct if_list *list)
{
	*list = (struct if_list){ .resource = resource,
		.condition = scan->condition };
	do {
		if (!scan_condition(scan, scan->condition))
			return false;
		scan->condition++;
		list->count++;
	} while (!scan_byte(scan, ')'));
	return true;
}

/*
 * Either lists without a tag, or tags with at least one list each (the two do
 * not mix): a list before any tag makes a later tag an error.
 */
static bool
scan_header(struct if_scan *scan, struct if_header *header)
{
	struct text resource = TEXT_NONE;
	bool untagged = false, pending = false;

	for (scan_blank(scan); scan->rest.len > 0; scan_blank(scan)) {
		if (scan_byte(scan, '(')) {
			untagged = untagged || resource.ptr == NULL;
			pending = false;
			if (!scan_list(scan, resource,
				&header->list[header->count]))
				return false;
			header->count++;
			continue;
		}
		if (untagged || pending || !scan_byte(scan, '<') ||
		    !scan_until(scan, '>', &resource))
			return false;
		pending = true;
	}
	return !pending && header->count > 0;
}

static size_t
count_bytes(struct text text, char a, char b)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == a || text.ptr[i] == b;
	return count;
}

enum outcome
if_parse(struct arena *arena, const struct conf *conf, struct text value,
    struct if_header *ret_header)
{
	struct if_header header = { 0 };
	struct if_scan scan = { .rest = value };

	if (value.ptr == NULL) {
		*ret_header = header;
		return OK;
	}
	if (value.len > conf->limits.if_header)
		return TOO_LARGE;
	/* A list has its "(", a condition its "<" or "["; one spare each, as
	   a scan writes before it knows. */
	header.list = ARENA_ARRAY(arena, count_bytes(value, '(', '(') + 1,
	    struct if_list);
	scan.condition = ARENA_ARRAY(arena,
	    count_bytes(value, '<', '[') + count_bytes(value, '(', ')') + 1,
	    struct if_condition);
	if (!scan_header(&scan, &header))
		return BAD_INPUT;
	*ret_header = header;
	return OK;
}

bool
if_submits(const struct if_header *header, const unsigned char *token)
{
	unsigned char submitted[LOCK_TOKEN_BYTES];

	for (size_t i = 0; i < header->count; i++) {
		const struct if_list *list = &header->list[i];

		for (size_t j = 0; j < list->count; j++) {
			const struct if_condition *c = &list->condition[j];

			if (!c->is_etag && !c->negated &&
			    lock_token_parse(c->value, submitted) &&
			    memcmp(submitted, token, sizeof(submitted)) == 0)
				return true;
		}
	}
	return false;
}
