/*
 * Integers are taken apart byte by byte: no alignment, no pointer casts, and
 * the compiler makes one store of it.
 */
#include "server/base/codec.h"

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
