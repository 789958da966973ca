/*
 * Integers are put together byte by byte: no alignment, no pointer casts, and
 * the compiler makes one load of it.
 */
#include "server/base/codec.h"

struct reader
reader_from(struct text bytes)
{
	return (struct reader){ .rest = bytes };
}

struct text
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

static uint64_t
reader_integer(struct reader *reader, size_t size)
{
	struct text bytes = reader_bytes(reader, size);
	uint64_t value = 0;

	for (size_t i = bytes.len; i > 0; i--)
		value = value << 8 | (unsigned char)bytes.ptr[i - 1];
	return value;
}

uint8_t
reader_u8(struct reader *reader)
{
	return (uint8_t)reader_integer(reader, 1);
}

uint16_t
reader_u16(struct reader *reader)
{
	return (uint16_t)reader_integer(reader, 2);
}

uint32_t
reader_u32(struct reader *reader)
{
	return (uint32_t)reader_integer(reader, 4);
}

uint64_t
reader_u64(struct reader *reader)
{
	return reader_integer(reader, 8);
}

struct text
reader_text16(struct reader *reader)
{
	return reader_bytes(reader, reader_u16(reader));
}

struct text
reader_text32(struct reader *reader)
{
	return reader_bytes(reader, reader_u32(reader));
}

bool
reader_done(const struct reader *reader)
{
	return !reader->failed && reader->rest.len == 0;
}

static void
writer_integer(struct buffer *out, uint64_t value, size_t size)
{
	char bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(value >> (8 * i) & 0xff);
	buffer_append(out, (struct text){ bytes, size });
}

void
writer_u8(struct buffer *out, uint8_t value)
{
	writer_integer(out, value, 1);
}

void
writer_u16(struct buffer *out, uint16_t value)
{
	writer_integer(out, value, 2);
}

void
writer_u32(struct buffer *out, uint32_t value)
{
	writer_integer(out, value, 4);
}

void
writer_u64(struct buffer *out, uint64_t value)
{
	writer_integer(out, value, 8);
}

void
writer_text16(struct buffer *out, struct text text)
{
	if (text.len > UINT16_MAX) {
		buffer_fail(out);
		return;
	}
	writer_u16(out, (uint16_t)text.len);
	buffer_append(out, text);
}

void
writer_text32(struct buffer *out, struct text text)
{
	if (text.len > UINT32_MAX) {
		buffer_fail(out);
		return;
	}
	writer_u32(out, (uint32_t)text.len);
	buffer_append(out, text);
}

void
key_store_u64(unsigned char *at, uint64_t value)
{
	for (size_t i = 0; i < 8; i++)
		at[i] = (unsigned char)(value >> (56 - 8 * i) & 0xff);
}

uint64_t
key_load_u64(const unsigned char *at)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}
