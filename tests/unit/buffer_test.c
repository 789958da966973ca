/* Buffers: the maximum is exact, overflow is sticky, nothing is half there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/base/buffer.h"

static void
grows_and_keeps(void **state)
{
	struct buffer buffer = { .max = 0 };

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		buffer_append_byte(&buffer, (char)(i % 251));
	assert_int_equal(buffer.len, 5000);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal((unsigned char)buffer.ptr[i], i % 251);
	buffer_done(&buffer);
	assert_int_equal(buffer.len, 0);
	buffer_append(&buffer, TEXT("again"));
	assert_true(text_equal(buffer_text(&buffer), TEXT("again")));
	buffer_done(&buffer);
}

static void
limit_is_exact_and_sticky(void **state)
{
	struct buffer buffer = { .max = 5 };

	(void)state;
	buffer_append(&buffer, TEXT("12345"));
	assert_false(buffer.overflow);
	assert_int_equal(buffer.len, 5);
	buffer_append(&buffer, TEXT_NONE);
	assert_false(buffer.overflow);
	buffer_append_byte(&buffer, '6');
	assert_true(buffer.overflow);
	assert_int_equal(buffer.len, 0);
	buffer_append_byte(&buffer, 'x');
	assert_int_equal(buffer.len, 0);
	assert_null(buffer_room(&buffer, 1));
	buffer_clear(&buffer);
	buffer_append(&buffer, TEXT("abcde"));
	assert_true(text_equal(buffer_text(&buffer), TEXT("abcde")));
	assert_int_equal(buffer.max, 5);
	buffer_done(&buffer);
	assert_int_equal(buffer.max, 5);
}

static void
huge_room_is_refused(void **state)
{
	struct buffer buffer = { .max = 100 };

	(void)state;
	buffer_append(&buffer, TEXT("1"));
	assert_null(buffer_room(&buffer, SIZE_MAX));
	assert_true(buffer.overflow);
	buffer_done(&buffer);
}

static void
room_then_added(void **state)
{
	struct buffer buffer = { .max = 0 };
	char *room = buffer_room(&buffer, 100);

	(void)state;
	assert_non_null(room);
	assert_int_equal(buffer.len, 0);
	room[0] = 'a';
	buffer_added(&buffer, 1);
	assert_true(text_equal(buffer_text(&buffer), TEXT("a")));
	assert_non_null(buffer_room(&buffer, 0));
	buffer_done(&buffer);
}

static void
consuming(void **state)
{
	struct buffer buffer = { .max = 0 };

	(void)state;
	buffer_consume(&buffer, 3);
	buffer_append(&buffer, TEXT("abcdef"));
	buffer_consume(&buffer, 2);
	assert_true(text_equal(buffer_text(&buffer), TEXT("cdef")));
	buffer_consume(&buffer, 100);
	assert_int_equal(buffer.len, 0);
	buffer_done(&buffer);
}

static void
numbers_and_formats(void **state)
{
	struct buffer buffer = { .max = 0 };

	(void)state;
	buffer_append_u64(&buffer, 0);
	buffer_append_byte(&buffer, ' ');
	buffer_append_u64(&buffer, UINT64_MAX);
	buffer_format(&buffer, " %s %d", "x", -1);
	assert_true(text_equal(buffer_text(&buffer),
	    TEXT("0 18446744073709551615 x -1")));
	for (int width = 254; width < 260; width++) {
		buffer_clear(&buffer);
		buffer_format(&buffer, "%*d", width, 7);
		assert_int_equal(buffer.len, width);
		assert_int_equal(buffer.ptr[width - 1], '7');
	}
	buffer_done(&buffer);
}

static void
format_fits_the_limit_exactly(void **state)
{
	struct buffer buffer = { .max = 300 };

	(void)state;
	buffer_format(&buffer, "%300d", 7);
	assert_false(buffer.overflow);
	assert_int_equal(buffer.len, 300);
	buffer_clear(&buffer);
	buffer_format(&buffer, "%301d", 7);
	assert_true(buffer.overflow);
	buffer_done(&buffer);
}

static void
failing_drops_everything(void **state)
{
	struct buffer buffer = { .max = 0 };

	(void)state;
	buffer_append(&buffer, TEXT("abc"));
	buffer_fail(&buffer);
	assert_true(buffer.overflow);
	assert_int_equal(buffer_text(&buffer).len, 0);
	buffer_done(&buffer);
	assert_false(buffer.overflow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_keeps),
		cmocka_unit_test(limit_is_exact_and_sticky),
		cmocka_unit_test(huge_room_is_refused),
		cmocka_unit_test(room_then_added),
		cmocka_unit_test(consuming),
		cmocka_unit_test(numbers_and_formats),
		cmocka_unit_test(format_fits_the_limit_exactly),
		cmocka_unit_test(failing_drops_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
