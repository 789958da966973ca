/* XML out: appended to a buffer, with the prefix d: for DAV: everywhere. */
#include "dav/xml.h"

#include <stdio.h>

#include "server/base/encode.h"

void
xml_multistatus_begin(struct buffer *out)
{
	buffer_append(out,
	    TEXT(XML_DECLARATION "<d:multistatus " XML_NAMESPACES ">"));
}

void
xml_multistatus_end(struct buffer *out)
{
	buffer_append(out, TEXT("</d:multistatus>\n"));
}

void
xml_href(struct buffer *out, struct text href)
{
	buffer_append(out, TEXT("<d:href>"));
	xml_escape(out, href);
	buffer_append(out, TEXT("</d:href>"));
}

void
xml_status(struct buffer *out, unsigned status)
{
	buffer_append(out, TEXT("<d:status>HTTP/1.1 "));
	buffer_append_u64(out, status);
	buffer_append_byte(out, ' ');
	buffer_append(out, text_from(status_phrase(status)));
	buffer_append(out, TEXT("</d:status>"));
}

void
xml_response_status(struct buffer *out, struct text href, enum outcome outcome,
    const struct problem *problem)
{
	buffer_append(out, TEXT("<d:response>"));
	xml_href(out, href);
	xml_status(out, problem_status(outcome, problem));
	if (problem != NULL && problem->condition != NULL)
		problem_write(out, outcome, problem);
	buffer_append(out, TEXT("</d:response>"));
}

/*
 * The prefix of an element: one that its own start tag does not declare for
 * something else. d: is DAV: in all that is written here.
 */
static void
prefix_choose(struct text tag, bool dav, char prefix[XML_PREFIX_SIZE])
{
	char declared[XML_PREFIX_SIZE + 8];
	unsigned number = 0;

	(void)snprintf(prefix, XML_PREFIX_SIZE, dav ? "d" : "x");
	for (;;) {
		(void)snprintf(declared, sizeof(declared), "xmlns:%s=", prefix);
		if (text_find_text(tag, text_from(declared)) == tag.len)
			return;
		(void)snprintf(prefix, XML_PREFIX_SIZE, "x%u", ++number);
	}
}

void
xml_element(struct buffer *out, struct text space, struct text name,
    struct text inner)
{
	struct text tag = text_slice(inner, 0, text_find(inner, '>'));
	bool dav = text_equal(space, TEXT("DAV:"));
	char prefix[XML_PREFIX_SIZE] = "";

	if (space.len > 0)
		prefix_choose(tag, dav, prefix);
	buffer_format(out, "<%s%s%.*s", prefix, space.len > 0 ? ":" : "",
	    TEXT_ARGS(name));
	if (space.len > 0 && !(dav && prefix[0] == 'd')) {
		buffer_format(out, " xmlns:%s=\"", prefix);
		xml_escape(out, space);
		buffer_append_byte(out, '"');
	}
	if (inner.len == 0) {
		buffer_append(out, TEXT("/>"));
		return;
	}
	buffer_append(out, inner);
	buffer_format(out, "</%s%s%.*s>", prefix, space.len > 0 ? ":" : "",
	    TEXT_ARGS(name));
}

enum outcome
xml_respond(struct exchange *exchange, unsigned status, struct buffer *out)
{
	struct response *response = &exchange->request->response;
	bool overflow = out->overflow;

	if (overflow) {
		buffer_done(out);
		return TOO_LARGE;
	}
	response->status = status;
	response_bytes(response, "application/xml; charset=utf-8",
	    exchange_keep(exchange, out));
	return OK;
}
