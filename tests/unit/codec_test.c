/* Records: what is written is read, and every cut of it fails cleanly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/base/codec.h"

static void
write_sample(struct buffer *out)
{
	writer_u8(out, 0xfe);
	writer_u16(out, 0xfedc);
	writer_u32(out, 0xfedcba98);
	writer_u64(out, UINT64_C(0xfedcba9876543210));
	writer_text16(out, TEXT("short"));
	writer_text32(out, TEXT("a\0b"));
	writer_text16(out, TEXT_NONE);
}

static void
round_trip(void **state)
{
	struct buffer out = { .max = 0 };
	struct reader reader;

	(void)state;
	write_sample(&out);
	reader = reader_from(buffer_text(&out));
	assert_int_equal(reader_u8(&reader), 0xfe);
	assert_int_equal(reader_u16(&reader), 0xfedc);
	assert_int_equal(reader_u32(&reader), 0xfedcba98);
	assert_true(reader_u64(&reader) == UINT64_C(0xfedcba9876543210));
	assert_true(text_equal(reader_text16(&reader), TEXT("short")));
	assert_false(reader_done(&reader));
	assert_true(text_equal(reader_text32(&reader), TEXT("a\0b")));
	assert_int_equal(reader_text16(&reader).len, 0);
	assert_true(reader_done(&reader));
	buffer_done(&out);
}

static void
layout_is_little_endian(void **state)
{
	struct buffer out = { .max = 0 };

	(void)state;
	writer_u32(&out, 0x01020304);
	writer_text16(&out, TEXT("x"));
	assert_true(text_equal(buffer_text(&out), TEXT("\4\3\2\1\1\0x")));
	buffer_done(&out);
}

/* The copy has exactly the cut's size, so that a sanitizer sees a byte more. */
static void
every_cut_fails(void **state)
{
	struct buffer out = { .max = 0 };

	(void)state;
	write_sample(&out);
	for (size_t cut = 0; cut < out.len; cut++) {
		char *copy = malloc(cut + (cut == 0));
		struct reader reader;

		assert_non_null(copy);
		memcpy(copy, out.ptr, cut);
		reader = reader_from((struct text){ copy, cut });
		(void)reader_u8(&reader);
		(void)reader_u16(&reader);
		(void)reader_u32(&reader);
		(void)reader_u64(&reader);
		(void)reader_text16(&reader);
		(void)reader_text32(&reader);
		assert_int_equal(reader_text16(&reader).len, 0);
		assert_true(reader.failed);
		assert_false(reader_done(&reader));
		free(copy);
	}
	buffer_done(&out);
}

static void
failure_is_sticky(void **state)
{
	struct reader reader = reader_from(TEXT("\1\2\3"));

	(void)state;
	assert_int_equal(reader_u64(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(reader_u8(&reader), 0);
	assert_int_equal(reader_bytes(&reader, 0).len, 0);
	assert_false(reader_done(&reader));
}

static void
lengths_that_lie(void **state)
{
	struct reader reader = reader_from(TEXT("\xff\xff\xff\xffx"));

	(void)state;
	assert_int_equal(reader_text32(&reader).len, 0);
	assert_true(reader.failed);
	reader = reader_from(TEXT("abc"));
	assert_int_equal(reader_bytes(&reader, SIZE_MAX).len, 0);
	assert_true(reader.failed);
}

static void
text_past_its_length_field(void **state)
{
	struct buffer out = { .max = 0 };
	char *large = calloc(1, UINT16_MAX + 1);

	(void)state;
	assert_non_null(large);
	writer_text16(&out, (struct text){ large, UINT16_MAX });
	assert_false(out.overflow);
	assert_int_equal(out.len, UINT16_MAX + 2);
	writer_text16(&out, (struct text){ large, UINT16_MAX + 1 });
	assert_true(out.overflow);
	assert_int_equal(out.len, 0);
	free(large);
	buffer_done(&out);
}

static void
keys_sort_as_numbers(void **state)
{
	static const uint64_t values[] = { 0, 1, 255, 256, UINT32_MAX,
		UINT64_C(1) << 63, UINT64_MAX };
	unsigned char last[8] = { 0 }, key[8];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		key_store_u64(key, values[i]);
		assert_true(key_load_u64(key) == values[i]);
		if (i > 0)
			assert_true(memcmp(last, key, 8) < 0);
		memcpy(last, key, 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(layout_is_little_endian),
		cmocka_unit_test(every_cut_fails),
		cmocka_unit_test(failure_is_sticky),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(text_past_its_length_field),
		cmocka_unit_test(keys_sort_as_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
