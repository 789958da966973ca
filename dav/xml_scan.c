#include "dav/xml_scan.h"

enum {
	ATTRIBUTES_MAX = 64, /* of one element */
	/* Of a whole body, for each property that it may name. */
	ELEMENTS_PER_PROPERTY = 8,
	ATTRIBUTES_PER_PROPERTY = 2
};

struct scan {
	struct text rest;
	uint64_t elements, attributes, depth;
	const struct conf *conf;
};

static void
scan_skip(struct scan *scan, size_t count)
{
	scan->rest = text_slice(scan->rest, count, scan->rest.len);
}

/* Behind the end of a comment, section or instruction; or nothing is left. */
static void
scan_past(struct scan *scan, struct text end)
{
	scan_skip(scan, text_find_text(scan->rest, end));
	scan_skip(scan, end.len);
}

/*
 * The inside of a tag up to its '>'. A value cannot hold '<' (XML 1.0 3.1), so
 * a quote hides nothing.
 */
static enum outcome
scan_inside(struct scan *scan, bool *ret_empty)
{
	size_t attributes = 0, i = 0;
	char quote = 0, last = 0;

	for (; i < scan->rest.len; i++) {
		char byte = scan->rest.ptr[i];

		if (quote != 0) {
			quote = byte == quote ? 0 : quote;
			continue;
		}
		if (byte == '>')
			break;
		if (byte == '"' || byte == '\'') {
			quote = byte;
			attributes++;
		}
		last = byte;
	}
	scan_skip(scan, i + 1);
	scan->attributes += attributes;
	*ret_empty = last == '/';
	if (attributes > ATTRIBUTES_MAX ||
	    scan->attributes >
		scan->conf->limits.xml_properties * ATTRIBUTES_PER_PROPERTY)
		return TOO_LARGE;
	return OK;
}

static enum outcome
scan_element(struct scan *scan)
{
	bool empty = false;
	enum outcome outcome = scan_inside(scan, &empty);

	if (outcome != OK)
		return outcome;
	scan->elements++;
	if (scan->elements >
	    scan->conf->limits.xml_properties * ELEMENTS_PER_PROPERTY)
		return TOO_LARGE;
	if (scan->depth >= scan->conf->limits.xml_depth)
		return BAD_INPUT;
	scan->depth += !empty;
	return OK;
}

static enum outcome
scan_markup(struct scan *scan)
{
	bool empty;

	if (text_starts(scan->rest, TEXT("<!--"))) {
		scan_skip(scan, 4);
		scan_past(scan, TEXT("-->"));
	} else if (text_starts(scan->rest, TEXT("<![CDATA["))) {
		scan_past(scan, TEXT("]]>"));
	} else if (text_starts(scan->rest, TEXT("<?"))) {
		scan_past(scan, TEXT("?>"));
	} else if (text_starts(scan->rest, TEXT("<!"))) {
		return BAD_INPUT; /* <!DOCTYPE, or not XML at all */
	} else if (text_starts(scan->rest, TEXT("</"))) {
		scan->depth -= scan->depth > 0;
		scan_skip(scan, 2);
		return scan_inside(scan, &empty);
	} else {
		scan_skip(scan, 1);
		return scan_element(scan);
	}
	return OK;
}

enum outcome
xml_scan(struct text bytes, const struct conf *conf)
{
	struct scan scan = { .rest = bytes, .conf = conf };
	enum outcome outcome = OK;

	for (;;) {
		scan_skip(&scan, text_find(scan.rest, '<'));
		if (scan.rest.len == 0 || outcome != OK)
			return outcome;
		outcome = scan_markup(&scan);
	}
}
