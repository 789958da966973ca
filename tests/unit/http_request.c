#include "tests/unit/http_request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/http/parser.h"

struct request *
request_make(const char *method, const char *fields)
{
	static const struct head_limits limits = {
		.section = 32768, .fields = 100, .target = 8192
	};
	struct arena *arena = arena_new();
	struct request *request = ARENA_NEW(arena, struct request);
	size_t scanned = 0, used;
	struct head head;
	unsigned status;

	if (head_parse(arena,
		arena_format(arena,
		    "%s /a HTTP/1.1\r\nHost: localhost:8080\r\n%s\r\n", method,
		    fields),
		&limits, &scanned, &head, &used, &status) != PARSE_DONE)
		abort();
	request->arena = arena;
	request->conf = conf_defaults();
	request->method = head.method;
	request->target = head.target;
	request->raw_path = head.target;
	request->headers = head.headers;
	request->scheme = TEXT("http");
	request->authority = TEXT("localhost:8080");
	request->response.arena = arena;
	return request;
}

void
request_drop(struct request *request)
{
	conf_unref(request->conf);
	arena_free(request->arena);
}

char *
response_text(const struct response *response)
{
	char *all = malloc((size_t)response->length + 1);
	size_t at = 0;

	if (all == NULL)
		abort();
	for (size_t i = 0; i < response->piece_count; i++) {
		const struct body_piece *piece = &response->piece[i];
		size_t len = (size_t)piece->len;

		if (piece->fd < 0 && len > 0)
			memcpy(all + at, piece->bytes.ptr, len);
		else if (piece->fd >= 0 &&
		    pread(piece->fd, all + at, len, (off_t)piece->offset) !=
			(ssize_t)len)
			abort();
		at += len;
	}
	all[at] = '\0';
	return all;
}

const char *
response_field(const struct response *response, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < response->field_count; i++)
		if (text_equal_nocase(response->field[i].name,
			text_from(name))) {
			if (found != NULL)
				abort();
			found = response->field[i].value.ptr;
		}
	return found;
}
