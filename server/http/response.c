/*
 * Describing an answer. Values are copied and cleaned here, the one place that
 * all of them pass: whatever a caller puts in, no value can end its line.
 */
#include "server/http/response.h"

#include <assert.h>
#include <stdio.h>

enum { PIECES_FIRST = 4 };

void
response_reset(struct response *response)
{
	struct arena *arena = response->arena;

	if (response->hold != NULL)
		response->hold->close(response->hold);
	if (response->source != NULL)
		response->source->close(response->source);
	*response = (struct response){ .arena = arena };
}

/* RFC 9110 5.5: CR, LF and NUL in a value are replaced by a space. */
static struct text
value_clean(struct arena *arena, struct text value)
{
	char *copy;

	if (!text_has_control(value))
		return value;
	copy = arena_string(arena, value);
	for (size_t i = 0; i < value.len; i++)
		if (text_has_control(text_slice(value, i, i + 1)))
			copy[i] = ' ';
	return (struct text){ copy, value.len };
}

void
response_header_kept(struct response *response, const char *name,
    struct text value)
{
	/* Who describes answers decides how many fields; no client does. */
	assert(response->field_count < RESPONSE_HEADERS_MAX);
	response->field[response->field_count++] = (struct header_field){
		.name = text_from(name),
		.value = text_trim(value_clean(response->arena, value)),
	};
}

void
response_header(struct response *response, const char *name, struct text value)
{
	response_header_kept(response, name,
	    arena_copy(response->arena, value));
}

void
response_header_format(struct response *response, const char *name,
    const char *format, ...)
{
	char small[256];
	char *value = small;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	/* Only a format that is wrong by itself can fail. */
	assert(len >= 0);
	if ((size_t)len >= sizeof(small)) {
		value = arena_alloc(response->arena, (size_t)len + 1);
		va_start(args, format);
		(void)vsnprintf(value, (size_t)len + 1, format, args);
		va_end(args);
	}
	response_header(response, name, (struct text){ value, (size_t)len });
}

/* Room doubles at the powers of two from PIECES_FIRST. */
static void
piece_room(struct response *response)
{
	size_t count = response->piece_count;
	struct body_piece *grown;

	if (count > 0 && (count < PIECES_FIRST || (count & (count - 1)) != 0))
		return;
	grown = ARENA_ARRAY(response->arena,
	    count > 0 ? 2 * count : PIECES_FIRST, struct body_piece);
	for (size_t i = 0; i < count; i++)
		grown[i] = response->piece[i];
	response->piece = grown;
}

static void
piece_add(struct response *response, struct body_piece piece)
{
	assert(response->kind != BODY_SOURCE);
	piece_room(response);
	response->piece[response->piece_count++] = piece;
	response->kind = BODY_PIECES;
	response->length += piece.len;
}

void
response_piece_bytes(struct response *response, struct text bytes)
{
	piece_add(response,
	    (struct body_piece){ .bytes = bytes, .fd = -1, .len = bytes.len });
}

void
response_piece_file(struct response *response, int fd, uint64_t offset,
    uint64_t len)
{
	piece_add(response,
	    (struct body_piece){ .fd = fd, .offset = offset, .len = len });
}

void
response_bytes(struct response *response, const char *type, struct text bytes)
{
	response_header(response, "Content-Type", text_from(type));
	response_piece_bytes(response, bytes);
}
