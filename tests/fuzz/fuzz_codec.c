/*
 * The bounded reader. The first bytes say what is asked of the rest; whatever
 * that is, the reader stays inside, gives zeros after a failure, and what it
 * read is written again as the bytes that it took. Then the decoders of
 * encode.h, which must come back to what they were given.
 */
#include <stdint.h>
#include <stdlib.h>

#include "server/base/codec.h"
#include "server/base/encode.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

/* Reads one field of the kind and writes it again. */
static void
copy_field(unsigned kind, struct reader *reader, struct buffer *out)
{
	switch (kind % 6) {
	case 0:
		writer_u8(out, reader_u8(reader));
		break;
	case 1:
		writer_u16(out, reader_u16(reader));
		break;
	case 2:
		writer_u32(out, reader_u32(reader));
		break;
	case 3:
		writer_u64(out, reader_u64(reader));
		break;
	case 4:
		writer_text16(out, reader_text16(reader));
		break;
	default:
		writer_text32(out, reader_text32(reader));
		break;
	}
}

static void
check_reader(struct text kinds, struct text record)
{
	struct reader reader = reader_from(record);
	struct buffer out = { .max = 0 };

	for (size_t i = 0; i < kinds.len; i++) {
		size_t before = out.len;

		copy_field((unsigned char)kinds.ptr[i], &reader, &out);
		if (!reader.failed)
			continue;
		need(reader.rest.len == 0 && !reader_done(&reader));
		need(reader_u64(&reader) == 0);
		out.len = before;
		break;
	}
	need(reader.failed || out.len + reader.rest.len == record.len);
	need(text_starts(record, buffer_text(&out)));
	buffer_done(&out);
}

static void
check_decoders(struct arena *arena, struct text text)
{
	struct text bytes;

	if (base64_decode(arena, text, &bytes))
		need(text_equal(base64_encode(arena, bytes), text));
	if (hex_decode(arena, text, &bytes))
		need(text_equal_nocase(hex_encode(arena, bytes), text));
	need(base64_decode(arena, base64_encode(arena, text), &bytes));
	need(text_equal(bytes, text));
}

/* What an escape wrote is always UTF-8 without controls. */
static void
check_escape(void (*escape)(struct buffer *, struct text), struct text text)
{
	struct buffer out = { .max = 0 };

	escape(&out, text);
	need(utf8_valid(buffer_text(&out)));
	for (size_t i = 0; i < out.len; i++)
		need((unsigned char)out.ptr[i] >= 0x20);
	buffer_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct text text = { (const char *)data, size };
	size_t kinds = size < 8 ? size : 8;

	check_reader(text_slice(text, 0, kinds), text_slice(text, kinds, size));
	check_decoders(arena, text);
	check_escape(xml_escape, text);
	check_escape(json_escape, text);
	check_escape(percent_encode_segment, text);
	arena_free(arena);
	return 0;
}
