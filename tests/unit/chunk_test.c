/* The chunked coding: what is taken, what is refused, and how early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/base/buffer.h"
#include "server/http/parser.h"

struct row {
	const char *what;
	struct text bytes;
	enum parse_result result;
	const char *data;
};

#define ROW(what, bytes, result, data) \
	{ what, { bytes, sizeof(bytes) - 1 }, result, data }

static const struct row rows[] = {
	ROW("empty", "0\r\n\r\n", PARSE_DONE, ""),
	ROW("one", "5\r\nhello\r\n0\r\n\r\n", PARSE_DONE, "hello"),
	ROW("two", "5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", PARSE_DONE,
	    "hello0123456789"),
	ROW("leading zeros", "0005\r\nhello\r\n0\r\n\r\n", PARSE_DONE, "hello"),
	ROW("extension", "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", PARSE_DONE,
	    "hello"),
	ROW("trailers", "1\r\nx\r\n0\r\nAuthorization: a\r\nHost: h\r\n\r\n",
	    PARSE_DONE, "x"),
	ROW("no last chunk", "1\r\nx\r\n", PARSE_MORE, "x"),
	ROW("short data", "5\r\nhel", PARSE_MORE, "hel"),
	ROW("0x5", "0x5\r\nhello\r\n0\r\n\r\n", PARSE_REFUSED, ""),
	ROW("+5", "+5\r\nhello\r\n0\r\n\r\n", PARSE_REFUSED, ""),
	ROW("-0", "-0\r\n\r\n", PARSE_REFUSED, ""),
	ROW("5_", "5_\r\nhello\r\n0\r\n\r\n", PARSE_REFUSED, ""),
	ROW(" 5", " 5\r\nhello\r\n0\r\n\r\n", PARSE_REFUSED, ""),
	ROW("5 ", "5 \r\nhello\r\n0\r\n\r\n", PARSE_REFUSED, ""),
	ROW("no size", "\r\nhello\r\n0\r\n\r\n", PARSE_REFUSED, ""),
	ROW("extension alone", ";a\r\n\r\n", PARSE_REFUSED, ""),
	ROW("17 digits", "00000000000000005\r\nhello\r\n", PARSE_REFUSED, ""),
	ROW("16 digits", "0000000000000005\r\nhello\r\n", PARSE_MORE, "hello"),
	ROW("2^63", "8000000000000000\r\nhello", PARSE_REFUSED, ""),
	ROW("2^63-1", "7fffffffffffffff\r\nhello", PARSE_MORE, "hello"),
	ROW("LF only", "5\nhello\n0\n\n", PARSE_REFUSED, ""),
	ROW("bare CR", "5\rhello\r0\r\r", PARSE_REFUSED, ""),
	ROW("5; LF", "5;\nhello\r\n0\r\n\r\n", PARSE_REFUSED, ""),
	ROW("NUL in extension", "5;a\0b\r\nhello\r\n", PARSE_REFUSED, ""),
	ROW("CR in extension", "5;a\rb\r\nhello\r\n", PARSE_REFUSED, ""),
	ROW("no CRLF after data", "5\r\nhello0\r\n\r\n", PARSE_REFUSED,
	    "hello"),
	ROW("data too long", "5\r\nhello!\r\n0\r\n\r\n", PARSE_REFUSED,
	    "hello"),
	ROW("LF after data", "5\r\nhello\n0\r\n\r\n", PARSE_REFUSED, "hello"),
	ROW("LF at the end", "0\r\n\n", PARSE_REFUSED, ""),
	ROW("folded trailer", "0\r\nA: b\r\n c\r\n\r\n", PARSE_REFUSED, ""),
	ROW("trailer without colon", "0\r\nA\r\n\r\n", PARSE_REFUSED, ""),
	ROW("trailer with space", "0\r\nA : b\r\n\r\n", PARSE_REFUSED, ""),
	ROW("NUL in trailer", "0\r\nA: \0\r\n\r\n", PARSE_REFUSED, ""),
};

/* Decodes in pieces of `step` bytes. */
static enum parse_result
decode(struct text bytes, size_t step, struct buffer *out, size_t *ret_taken)
{
	struct chunk_decoder decoder = { .state = 0 };
	enum parse_result result = PARSE_MORE;
	size_t taken = 0, end = 0;

	while (result == PARSE_MORE && end < bytes.len) {
		end = end + step < bytes.len ? end + step : bytes.len;
		while (result == PARSE_MORE && taken < end) {
			struct text data;
			size_t used = 0;

			result = chunk_decode(&decoder,
			    text_slice(bytes, taken, end), &used, &data);
			assert_true(used > 0 && used <= end - taken);
			buffer_append(out, data);
			taken += used;
		}
	}
	*ret_taken = taken;
	return result;
}

static void
rows_are_judged(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]);
		    j++) {
			struct buffer out = { .max = 4096 };
			size_t taken;
			enum parse_result result = decode(rows[i].bytes,
			    pieces[j], &out, &taken);

			if (result != rows[i].result ||
			    !text_equal(buffer_text(&out),
				text_from(rows[i].data)))
				fail_msg("%s in pieces of %zu: result %d",
				    rows[i].what, pieces[j], (int)result);
			buffer_done(&out);
		}
	}
}

/* What follows the body is not taken. */
static void
end_is_exact(void **state)
{
	struct text bytes = TEXT("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n");
	struct buffer out = { .max = 4096 };
	size_t taken;

	(void)state;
	assert_int_equal(decode(bytes, 1000, &out, &taken), PARSE_DONE);
	assert_int_equal(taken, 11);
	buffer_done(&out);
}

/* Returns how many bytes of `count` times `unit` were taken. */
static size_t
flood(struct text first, struct text unit, size_t count,
    enum parse_result *ret_result)
{
	struct buffer in = { .max = 0 }, out = { .max = 0 };
	size_t taken;

	buffer_append(&in, first);
	for (size_t i = 0; i < count; i++)
		buffer_append(&in, unit);
	*ret_result = decode(buffer_text(&in), 65536, &out, &taken);
	buffer_done(&in);
	buffer_done(&out);
	return taken;
}

static void
floods_are_refused(void **state)
{
	struct buffer unit = { .max = 0 };
	enum parse_result result;

	(void)state;
	assert_in_range(flood(TEXT("5;"), TEXT("a"), 65536, &result), 1, 16386);
	assert_int_equal(result, PARSE_REFUSED);
	assert_in_range(flood(TEXT("0\r\n"), TEXT("A: b\r\n"), 65536, &result),
	    1, 32768);
	assert_int_equal(result, PARSE_REFUSED);
	buffer_append(&unit, TEXT("1;"));
	for (size_t i = 0; i < 4096; i++)
		buffer_append_byte(&unit, 'e');
	buffer_append(&unit, TEXT("\r\nx\r\n"));
	assert_in_range(flood(TEXT(""), buffer_text(&unit), 100, &result), 1,
	    5 * 4200);
	assert_int_equal(result, PARSE_REFUSED);
	buffer_done(&unit);
	/* Many small chunks are slow, not hostile. */
	assert_int_equal(flood(TEXT(""), TEXT("1\r\nx\r\n"), 20000, &result),
	    120000);
	assert_int_equal(result, PARSE_MORE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_judged),
		cmocka_unit_test(end_is_exact),
		cmocka_unit_test(floods_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
