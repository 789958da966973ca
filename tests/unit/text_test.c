/* Counted strings: empty and NULL texts, clipping, numbers at their limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/base/text.h"

static void
empty_texts_compare(void **state)
{
	(void)state;
	assert_true(text_equal(TEXT_NONE, TEXT("")));
	assert_true(text_equal(text_from(NULL), TEXT_NONE));
	assert_int_equal(text_compare(TEXT_NONE, TEXT("")), 0);
	assert_true(text_compare(TEXT_NONE, TEXT("a")) < 0);
	assert_true(text_equal_secret(TEXT_NONE, TEXT("")));
	assert_true(text_starts(TEXT_NONE, TEXT_NONE));
	assert_true(text_ends(TEXT("a"), TEXT_NONE));
	assert_int_equal(text_find(TEXT_NONE, 'a'), 0);
	assert_int_equal(text_find_text(TEXT_NONE, TEXT("a")), 0);
	assert_int_equal(text_trim(TEXT_NONE).len, 0);
}

static void
order_is_that_of_bytes(void **state)
{
	(void)state;
	assert_true(text_compare(TEXT("a"), TEXT("ab")) < 0);
	assert_true(text_compare(TEXT("b"), TEXT("ab")) > 0);
	assert_true(text_compare(TEXT("\xff"), TEXT("a")) > 0);
	assert_int_equal(text_compare(TEXT("a\0b"), TEXT("a\0b")), 0);
	assert_false(text_equal(TEXT("a\0b"), TEXT("a\0c")));
}

static void
case_is_ascii_only(void **state)
{
	(void)state;
	assert_true(text_equal_nocase(TEXT("Content-TYPE"),
	    TEXT("content-type")));
	assert_false(text_equal_nocase(TEXT("@"), TEXT("`")));
	assert_false(text_equal_nocase(TEXT("["), TEXT("{")));
	assert_false(text_equal_nocase(TEXT("\xc3\x84"), TEXT("\xc3\xa4")));
	assert_true(text_starts_nocase(TEXT("BASIC x"), TEXT("basic ")));
	assert_false(text_starts_nocase(TEXT("BAS"), TEXT("basic ")));
}

static void
secrets_compare(void **state)
{
	(void)state;
	assert_true(text_equal_secret(TEXT("abc"), TEXT("abc")));
	assert_false(text_equal_secret(TEXT("abc"), TEXT("abd")));
	assert_false(text_equal_secret(TEXT("abc"), TEXT("Abc")));
	assert_false(text_equal_secret(TEXT("abc"), TEXT("ab")));
}

static void
slices_are_clipped(void **state)
{
	struct text text = TEXT("hello");

	(void)state;
	assert_true(text_equal(text_slice(text, 1, 3), TEXT("el")));
	assert_true(text_equal(text_slice(text, 3, SIZE_MAX), TEXT("lo")));
	assert_int_equal(text_slice(text, 4, 2).len, 0);
	assert_int_equal(text_slice(text, SIZE_MAX, SIZE_MAX).len, 0);
	assert_null(text_slice(TEXT_NONE, 0, 1).ptr);
}

static void
finding(void **state)
{
	(void)state;
	assert_int_equal(text_find(TEXT("a/b/c"), '/'), 1);
	assert_int_equal(text_find(TEXT("abc"), '/'), 3);
	assert_int_equal(text_find_text(TEXT("a\r\n\r\nb"), TEXT("\r\n\r\n")),
	    1);
	assert_int_equal(text_find_text(TEXT("abc"), TEXT("abcd")), 3);
	assert_int_equal(text_find_text(TEXT("abc"), TEXT("")), 0);
	assert_true(text_starts(TEXT("/a/b"), TEXT("/a")));
	assert_false(text_starts(TEXT("/a"), TEXT("/a/b")));
	assert_true(text_ends(TEXT("a.txt"), TEXT(".txt")));
	assert_false(text_ends(TEXT("txt"), TEXT(".txt")));
}

static void
trimming_is_ows(void **state)
{
	(void)state;
	assert_true(text_equal(text_trim(TEXT(" \t a b\t ")), TEXT("a b")));
	assert_int_equal(text_trim(TEXT(" \t ")).len, 0);
	assert_int_equal(text_trim(TEXT("\r\n")).len, 2);
}

static void
splitting_ends(void **state)
{
	struct text rest = TEXT("a,,b,");

	(void)state;
	assert_true(text_equal(text_split(&rest, ','), TEXT("a")));
	assert_int_equal(text_split(&rest, ',').len, 0);
	assert_true(text_equal(text_split(&rest, ','), TEXT("b")));
	assert_non_null(rest.ptr);
	assert_int_equal(text_split(&rest, ',').len, 0);
	assert_null(rest.ptr);
	assert_int_equal(text_split(&rest, ',').len, 0);
}

static void
numbers_are_strict(void **state)
{
	static const struct {
		const char *text;
		unsigned base;
		bool valid;
		uint64_t value;
	} rows[] = {
		{ "0", 10, true, 0 },
		{ "00000000000000000000000007", 10, true, 7 },
		{ "18446744073709551615", 10, true, UINT64_MAX },
		{ "18446744073709551616", 10, false, 0 },
		{ "99999999999999999999", 10, false, 0 },
		{ "", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "a", 10, false, 0 },
		{ "fF", 16, true, 255 },
		{ "ffffffffffffffff", 16, true, UINT64_MAX },
		{ "10000000000000000", 16, false, 0 },
		{ "0x1", 16, false, 0 },
		{ "g", 16, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 42;

		assert_int_equal(text_parse_u64(text_from(rows[i].text),
				     rows[i].base, &value),
		    rows[i].valid);
		assert_true(value == (rows[i].valid ? rows[i].value : 42));
	}
}

/* Each byte at each place of a text of several words, alone and doubled. */
static void
controls_are_found(void **state)
{
	char bytes[19];

	(void)state;
	assert_false(text_has_control(TEXT_NONE));
	for (int byte = 0; byte < 256; byte++) {
		bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;

		for (size_t at = 0; at < sizeof(bytes); at++) {
			memset(bytes, at % 2 == 0 ? 0x20 : 0x80, sizeof(bytes));
			bytes[at] = (char)byte;
			assert_int_equal(text_has_control((struct text){
					     bytes, sizeof(bytes) }),
			    control);
			assert_int_equal(text_has_control((struct text){
					     bytes, at + 1 }),
			    control);
			assert_false(text_has_control((struct text){
			    bytes, at }));
		}
	}
	assert_true(text_has_control(TEXT("\t\t\t\t\t\t\t\n")));
	assert_false(text_has_control(TEXT("\t\t\t\t\t\t\t\t")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_texts_compare),
		cmocka_unit_test(order_is_that_of_bytes),
		cmocka_unit_test(case_is_ascii_only),
		cmocka_unit_test(secrets_compare),
		cmocka_unit_test(slices_are_clipped),
		cmocka_unit_test(finding),
		cmocka_unit_test(trimming_is_ows),
		cmocka_unit_test(splitting_ends),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(controls_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
