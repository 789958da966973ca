/*
 * The head of an answer: what the method described, and the fields that belong
 * to the connection. Its spelling is canonical, because some clients compare
 * names with case.
 */
#include <string.h>

#include "server/base/clock.h"
#include "server/http/reply.h"

/* One look for room: an answer has a dozen of them. */
static void
field_write(struct buffer *out, struct text name, struct text value)
{
	size_t len = name.len + value.len + 4;
	char *at = buffer_room(out, len);

	if (at == NULL)
		return;
	memcpy(at, name.ptr, name.len);
	at += name.len;
	*at++ = ':';
	*at++ = ' ';
	if (value.len > 0)
		memcpy(at, value.ptr, value.len);
	memcpy(at + value.len, "\r\n", 2);
	buffer_added(out, len);
}

static struct text
date_now(struct connections *owner)
{
	uint64_t now = clock_wall_coarse_ns();

	if (now / NS_PER_SECOND != owner->date_second) {
		owner->date_second = now / NS_PER_SECOND;
		clock_format_http(now, owner->date);
	}
	return (struct text){ owner->date, CLOCK_HTTP_SIZE - 1 };
}

static bool
response_has(const struct response *response, struct text name)
{
	for (size_t i = 0; i < response->field_count; i++)
		if (response->field[i].name.len == name.len &&
		    text_equal_nocase(response->field[i].name, name))
			return true;
	return false;
}

bool
status_bodiless(unsigned status)
{
	return status == 204 || status == 304 || status < 200;
}

static void
framing_write(struct buffer *out, const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	if (transfer->chunked) {
		field_write(out, TEXT("Transfer-Encoding"), TEXT("chunked"));
	} else if ((response->kind != BODY_SOURCE || transfer->measured) &&
	    !status_bodiless(response->status)) {
		buffer_append(out, TEXT("Content-Length: "));
		buffer_append_u64(out, response->length);
		buffer_append(out, TEXT("\r\n"));
	}
	if (transfer->close)
		field_write(out, TEXT("Connection"), TEXT("close"));
	else if (transfer->request.http10)
		field_write(out, TEXT("Connection"), TEXT("keep-alive"));
}

/* No cache keeps a refusal, and no browser finds anything active in it. */
static void
refusal_write(struct buffer *out, const struct response *response)
{
	if (!response_has(response, TEXT("Cache-Control")))
		field_write(out, TEXT("Cache-Control"), TEXT("no-store"));
	if (!response_has(response, TEXT("Content-Security-Policy")))
		field_write(out, TEXT("Content-Security-Policy"),
		    TEXT("sandbox; default-src 'none'"));
}

/*
 * What keeps browsers from using an answer for more than it is (reliability.md
 * 8). RFC 6797 7.2: only a host that was asked by TLS says that it has it.
 */
static void
guard_write(struct buffer *out, const struct transfer *transfer)
{
	const struct response *response = &transfer->request.response;

	if (!response_has(response, TEXT("X-Content-Type-Options")))
		buffer_append(out, TEXT("X-Content-Type-Options: nosniff\r\n"));
	buffer_append(out,
	    TEXT("Server: celldav\r\n"
		 "Referrer-Policy: no-referrer\r\n"
		 "Cross-Origin-Opener-Policy: same-origin\r\n"
		 "Cross-Origin-Resource-Policy: same-origin\r\n"));
	if (text_equal(transfer->request.scheme, TEXT("https")))
		buffer_append(out,
		    TEXT("Strict-Transport-Security: max-age=63072000\r\n"));
	if (response->status >= 400)
		refusal_write(out, response);
}

static void
status_write(struct buffer *out, unsigned status)
{
	if (status == 200) {
		buffer_append(out, TEXT("HTTP/1.1 200 OK\r\n"));
		return;
	}
	buffer_append(out, TEXT("HTTP/1.1 "));
	buffer_append_u64(out, status);
	buffer_append_byte(out, ' ');
	buffer_append(out, text_from(status_phrase(status)));
	buffer_append(out, TEXT("\r\n"));
}

void
reply_head(struct connection *connection, struct buffer *out)
{
	struct transfer *transfer = connection->transfer;
	const struct response *response = &transfer->request.response;

	buffer_clear(out);
	status_write(out, response->status);
	field_write(out, TEXT("Date"), date_now(connection->owner));
	guard_write(out, transfer);
	for (size_t i = 0; i < response->field_count; i++)
		field_write(out, response->field[i].name,
		    response->field[i].value);
	framing_write(out, transfer);
	buffer_append(out, TEXT("\r\n"));
	transfer->head = buffer_text(out);
}
