#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/text.h"

/*
 * Stored records: fixed little-endian integers and counted texts behind a
 * version byte. A reader is bounded: past the end it sets `failed`, returns
 * zeros, and never touches a byte outside; the caller checks once.
 */
struct reader {
	struct text rest;
	bool failed;
};

static inline struct reader
reader_from(struct text bytes)
{
	return (struct reader){ .rest = bytes };
}

/* Exactly `len` raw bytes. */
static inline struct text
reader_bytes(struct reader *reader, size_t len)
{
	struct text bytes;

	if (reader->failed || len > reader->rest.len) {
		reader->failed = true;
		reader->rest = TEXT_NONE;
		return TEXT_NONE;
	}
	bytes = text_slice(reader->rest, 0, len);
	reader->rest = text_slice(reader->rest, len, reader->rest.len);
	return bytes;
}

/* Byte by byte: no alignment, and the compiler makes one load of it. */
static inline uint64_t
reader_integer(struct reader *reader, size_t size)
{
	struct text bytes = reader_bytes(reader, size);
	uint64_t value = 0;

	if (bytes.len != size)
		return 0;
	for (size_t i = size; i > 0; i--)
		value = value << 8 | (unsigned char)bytes.ptr[i - 1];
	return value;
}

static inline uint8_t
reader_u8(struct reader *reader)
{
	return (uint8_t)reader_integer(reader, 1);
}

static inline uint16_t
reader_u16(struct reader *reader)
{
	return (uint16_t)reader_integer(reader, 2);
}

static inline uint32_t
reader_u32(struct reader *reader)
{
	return (uint32_t)reader_integer(reader, 4);
}

static inline uint64_t
reader_u64(struct reader *reader)
{
	return reader_integer(reader, 8);
}

/* A text with its u16 length before it; points into the record. */
static inline struct text
reader_text16(struct reader *reader)
{
	return reader_bytes(reader, reader_u16(reader));
}

/* The same with a u32 length. */
static inline struct text
reader_text32(struct reader *reader)
{
	return reader_bytes(reader, reader_u32(reader));
}

/* True when nothing failed and every byte was read. */
static inline bool
reader_done(const struct reader *reader)
{
	return !reader->failed && reader->rest.len == 0;
}

void
writer_u8(struct buffer *out, uint8_t value);

void
writer_u16(struct buffer *out, uint16_t value);

void
writer_u32(struct buffer *out, uint32_t value);

void
writer_u64(struct buffer *out, uint64_t value);

/* A text longer than the length field holds sets out->overflow. */
void
writer_text16(struct buffer *out, struct text text);

void
writer_text32(struct buffer *out, struct text text);

/* Keys sort as bytes, so their integers are big-endian. */
void
key_store_u64(unsigned char *at, uint64_t value);

uint64_t
key_load_u64(const unsigned char *at);
