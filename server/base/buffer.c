/*
 * Growth is by doubling, so that appending n bytes costs n in sum. Overflow
 * frees the bytes at once: what is too large is never sent, and holding it
 * until the writer looks would be the memory that the limit is there to save.
 */
#include "server/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/memory.h"

enum { BUFFER_SMALLEST = 64 };

void
buffer_init(struct buffer *buffer, size_t max)
{
	*buffer = (struct buffer){ .max = max };
}

void
buffer_done(struct buffer *buffer)
{
	free(buffer->ptr);
	buffer_init(buffer, buffer->max);
}

void
buffer_clear(struct buffer *buffer)
{
	buffer->len = 0;
	buffer->overflow = false;
}

void
buffer_fail(struct buffer *buffer)
{
	buffer_done(buffer);
	buffer->overflow = true;
}

static void
buffer_grow(struct buffer *buffer, size_t need)
{
	size_t capacity = buffer->capacity;

	if (capacity < BUFFER_SMALLEST)
		capacity = BUFFER_SMALLEST;
	while (capacity < need && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	if (capacity < need)
		capacity = need;
	buffer->ptr = memory_resize(buffer->ptr, capacity);
	buffer->capacity = capacity;
}

char *
buffer_room(struct buffer *buffer, size_t size)
{
	size_t need;

	if (buffer->overflow)
		return NULL;
	if (__builtin_add_overflow(buffer->len, size, &need) ||
	    (buffer->max > 0 && need > buffer->max)) {
		buffer_fail(buffer);
		return NULL;
	}
	if (need > buffer->capacity || buffer->ptr == NULL)
		buffer_grow(buffer, need);
	return buffer->ptr + buffer->len;
}

void
buffer_added(struct buffer *buffer, size_t size)
{
	if (size > buffer->capacity - buffer->len)
		abort();
	buffer->len += size;
}

void
buffer_append(struct buffer *buffer, struct text text)
{
	char *room;

	if (text.len == 0)
		return;
	room = buffer_room(buffer, text.len);
	if (room == NULL)
		return;
	memcpy(room, text.ptr, text.len);
	buffer->len += text.len;
}

void
buffer_append_byte(struct buffer *buffer, char byte)
{
	char *room = buffer_room(buffer, 1);

	if (room == NULL)
		return;
	*room = byte;
	buffer->len++;
}

void
buffer_append_u64(struct buffer *buffer, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	buffer_append(buffer,
	    (struct text){ digits + at, sizeof(digits) - at });
}

void
buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	char small[256];
	char *large;
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (len < 0)
		abort();
	if ((size_t)len < sizeof(small)) {
		buffer_append(buffer, (struct text){ small, (size_t)len });
		return;
	}
	/* vsnprintf wants room for its NUL, which may not fit under max. */
	large = memory_alloc((size_t)len + 1);
	va_start(args, format);
	(void)vsnprintf(large, (size_t)len + 1, format, args);
	va_end(args);
	buffer_append(buffer, (struct text){ large, (size_t)len });
	free(large);
}

void
buffer_consume(struct buffer *buffer, size_t size)
{
	if (size > buffer->len)
		size = buffer->len;
	if (size == 0)
		return;
	buffer->len -= size;
	memmove(buffer->ptr, buffer->ptr + size, buffer->len);
}

struct text
buffer_text(const struct buffer *buffer)
{
	return (struct text){ buffer->ptr, buffer->len };
}
