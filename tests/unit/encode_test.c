/* Encodings against vectors of their RFCs, and what they must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/base/encode.h"

static struct arena *arena;

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void
hex(void **state)
{
	struct text bytes = TEXT_NONE;

	(void)state;
	assert_true(text_equal(hex_encode(arena, TEXT("\0\x1f\xff")),
	    TEXT("001fff")));
	assert_int_equal(hex_encode(arena, TEXT_NONE).len, 0);
	assert_true(hex_decode(arena, TEXT("001FfF"), &bytes));
	assert_true(text_equal(bytes, TEXT("\0\x1f\xff")));
	assert_true(hex_decode(arena, TEXT_NONE, &bytes));
	assert_int_equal(bytes.len, 0);
	assert_false(hex_decode(arena, TEXT("0"), &bytes));
	assert_false(hex_decode(arena, TEXT("0g"), &bytes));
	assert_false(hex_decode(arena, TEXT(" 0"), &bytes));
}

/* RFC 4648 10. */
static void
base64_vectors(void **state)
{
	static const struct {
		const char *plain, *coded;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text plain = text_from(rows[i].plain), bytes;

		assert_true(text_equal(base64_encode(arena, plain),
		    text_from(rows[i].coded)));
		assert_true(base64_decode(arena, text_from(rows[i].coded),
		    &bytes));
		assert_true(text_equal(bytes, plain));
	}
}

static void
base64_is_strict(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zm9", "Zg==\n",
		"Zg= =", " Zg=", "Z===", "====", "=", "Zg==Zg==", "Zm-_",
		"Zh==", "Zm9=", "Zm9vYg", "Zm\n9v" };
	struct text bytes = TEXT("untouched");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(base64_decode(arena, text_from(bad[i]), &bytes));
	assert_true(text_equal(bytes, TEXT("untouched")));
}

static void
base64_of_every_length(void **state)
{
	char bytes[64];
	struct text back;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct text plain = { bytes, len };

		assert_true(base64_decode(arena, base64_encode(arena, plain),
		    &back));
		assert_true(text_equal(back, plain));
	}
}

static bool
writes(void (*escape)(struct buffer *, struct text), struct text from,
    struct text expected)
{
	struct buffer out = { .max = 0 };
	bool same;

	escape(&out, from);
	same = text_equal(buffer_text(&out), expected);
	buffer_done(&out);
	return same;
}

static void
percent(void **state)
{
	(void)state;
	assert_true(writes(percent_encode_segment, TEXT("aZ09-._~!$'()*,=:@"),
	    TEXT("aZ09-._~!$'()*,=:@")));
	assert_true(writes(percent_encode_segment,
	    TEXT("a b%#?&+;/\\\"<>^`{|}"),
	    TEXT("a%20b%25%23%3F%26%2B%3B%2F%5C%22%3C%3E%5E%60%7B%7C%7D")));
	assert_true(writes(percent_encode_segment, TEXT("\xc3\xa4\0\x7f"),
	    TEXT("%C3%A4%00%7F")));
	assert_true(writes(percent_encode_segment, TEXT_NONE, TEXT_NONE));
}

static void
xml(void **state)
{
	(void)state;
	assert_true(writes(xml_escape, TEXT("a<b>&\"c'"),
	    TEXT("a&lt;b&gt;&amp;&quot;c'")));
	assert_true(writes(xml_escape, TEXT("\t\r\n"), TEXT("&#9;&#13;&#10;")));
	assert_true(writes(xml_escape, TEXT("a\0b\x1b\x7f\\"),
	    TEXT("a\xef\xbf\xbd"
		 "b\xef\xbf\xbd\x7f\\")));
	assert_true(writes(xml_escape, TEXT("\xc3\xa4\xff\xef\xbf\xbfz"),
	    TEXT("\xc3\xa4\xef\xbf\xbd\xef\xbf\xbdz")));
	assert_true(writes(xml_escape, TEXT("]]>"), TEXT("]]&gt;")));
}

/* All strings of up to two bytes, and all pairs of them with others. */
static void
puts_write_the_same(void **state)
{
	static const struct {
		void (*append)(struct buffer *out, struct text text);
		char *(*put)(char *at, struct text text);
		size_t most;
	} rows[] = {
		{ percent_encode_segment, percent_put_segment, 3 },
		{ xml_escape, xml_put, 6 },
	};

	(void)state;
	for (size_t row = 0; row < 2; row++)
		for (unsigned code = 0; code < 1U << 16; code++) {
			char bytes[] = { (char)(code >> 8), (char)code, '\xbf',
				(char)(code >> 8), 'x' };
			char room[sizeof(bytes) * 6];
			struct text text = { bytes, sizeof(bytes) }, put;
			struct buffer out = { 0 };

			rows[row].append(&out, text);
			put = (struct text){ room,
				(size_t)(rows[row].put(room, text) - room) };
			assert_true(put.len <= rows[row].most * text.len);
			assert_true(text_equal(put, buffer_text(&out)));
			buffer_done(&out);
		}
}

static void
json(void **state)
{
	(void)state;
	assert_true(writes(json_escape, TEXT_NONE, TEXT("\"\"")));
	assert_true(writes(json_escape, TEXT("a\"\\/&<"),
	    TEXT("\"a\\\"\\\\/&<\"")));
	assert_true(writes(json_escape, TEXT("\b\f\n\r\t"),
	    TEXT("\"\\b\\f\\n\\r\\t\"")));
	assert_true(writes(json_escape, TEXT("\0\x1f\x7f"),
	    TEXT("\"\\u0000\\u001f\\u007f\"")));
	assert_true(writes(json_escape,
	    TEXT("\xe2\x80\xa8\xff\xf0\x9f\x98\x80"),
	    TEXT("\"\\u2028\\ufffd\xf0\x9f\x98\x80\"")));
}

/* Well formed edges and the forms that RFC 3629 3 and 10 warn of. */
static void
utf8(void **state)
{
	static const char *const good[] = { "", "a", "\x7f", "\xc2\x80",
		"\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"a\xc3\xa4z" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80",
		"\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xe0\xa0",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe",
		"\xff", "\xe1\x80\xc0", "a\xc0\xaf", "\xc0\xae\xc0\xae",
		"\xf8\x88\x80\x80\x80" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_valid(text_from(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(text_from(bad[i])));
	assert_true(utf8_valid(TEXT("a\0b")));
}

static void
utf8_characters(void **state)
{
	uint32_t code = 7;

	(void)state;
	assert_int_equal(utf8_next(TEXT_NONE, &code), 0);
	assert_int_equal(utf8_next(TEXT("\xff"), &code), 0);
	assert_int_equal(code, 7);
	assert_int_equal(utf8_next(TEXT("ab"), &code), 1);
	assert_int_equal(code, 'a');
	assert_int_equal(utf8_next(TEXT("\xc3\xa4x"), &code), 2);
	assert_int_equal(code, 0xe4);
	assert_int_equal(utf8_next(TEXT("\xe2\x82\xac"), &code), 3);
	assert_int_equal(code, 0x20ac);
	assert_int_equal(utf8_next(TEXT("\xf0\x9f\x98\x80"), &code), 4);
	assert_int_equal(code, 0x1f600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
		cmocka_unit_test(base64_vectors),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(base64_of_every_length),
		cmocka_unit_test(percent),
		cmocka_unit_test(xml),
		cmocka_unit_test(puts_write_the_same),
		cmocka_unit_test(json),
		cmocka_unit_test(utf8),
		cmocka_unit_test(utf8_characters),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
