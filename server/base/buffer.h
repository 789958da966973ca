#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/text.h"

/*
 * Bytes that grow up to a maximum. Overflow is sticky: appends past `max` drop
 * everything and set `overflow`, so that a writer checks once at its end.
 * A zeroed struct with `max` set is a valid empty buffer.
 */
struct buffer {
	char *ptr; /* owned */
	size_t len;
	size_t capacity;
	size_t max; /* 0: no limit */
	bool overflow;
};

void
buffer_init(struct buffer *buffer, size_t max);

/* Frees the bytes; the buffer is empty and usable again. */
void
buffer_done(struct buffer *buffer);

/* Forgets the bytes and an overflow, and keeps the memory. */
void
buffer_clear(struct buffer *buffer);

/* Sets `overflow`, for a writer whose value does not fit its field. */
void
buffer_fail(struct buffer *buffer);

void
buffer_append(struct buffer *buffer, struct text text);

void
buffer_append_byte(struct buffer *buffer, char byte);

void
buffer_append_u64(struct buffer *buffer, uint64_t value);

void
buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Room for `size` more bytes at the returned address, NULL on overflow;
 * buffer_added() counts those that were written.
 */
char *
buffer_room(struct buffer *buffer, size_t size);

void
buffer_added(struct buffer *buffer, size_t size);

/* Drops the first `size` bytes. */
void
buffer_consume(struct buffer *buffer, size_t size);

struct text
buffer_text(const struct buffer *buffer);
