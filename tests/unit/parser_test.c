/*
 * The parser of request heads against the framing probes: every row says what
 * is sent and which status refuses it, or 0 where the head is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/base/buffer.h"
#include "server/http/parser.h"

static const struct head_limits limits = {
	.section = 32768, .fields = 100, .target = 8192
};

struct row {
	const char *what;
	struct text bytes;
	unsigned status;
};

#define H "GET /a HTTP/1.1\r\nHost: h\r\n"
#define P "PUT /a HTTP/1.1\r\nHost: h\r\n"
#define ROW(what, bytes, status) { what, { bytes, sizeof(bytes) - 1 }, status }

static const struct row rows[] = {
	ROW("plain", H "\r\n", 0),
	ROW("one empty line first", "\r\n" H "\r\n", 0),
	ROW("two empty lines first", "\r\n\r\n" H "\r\n", 400),
	ROW("absolute form", "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", 0),
	ROW("asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 0),
	ROW("asterisk with GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("neon", H "Connection: TE\r\nTE: trailers\r\n\r\n", 0),
	ROW("empty value", H "X:\r\n\r\n", 0),
	ROW("obs-text in value", H "X: \xe9\xff\r\n\r\n", 0),
	ROW("tab in value", H "X: a\tb\r\n\r\n", 0),
	ROW("IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0),
	ROW("1.0 without host", "GET / HTTP/1.0\r\n\r\n", 0),
	ROW("1.0 two hosts", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
	    400),
	/* The probes of reliability.md 1, and V27. */
	ROW("TE and CL",
	    P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
	ROW("CL and TE",
	    P "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400),
	ROW("two different CL",
	    P "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
	ROW("two equal CL", P "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
	    400),
	ROW("CL list", P "Content-Length: 5, 5\r\n\r\n", 400),
	ROW("CL +5", P "Content-Length: +5\r\n\r\n", 400),
	ROW("CL -5", P "Content-Length: -5\r\n\r\n", 400),
	ROW("CL 0x5", P "Content-Length: 0x5\r\n\r\n", 400),
	ROW("CL 05", P "Content-Length: 05\r\n\r\n", 400),
	ROW("CL 5 5", P "Content-Length: 5 5\r\n\r\n", 400),
	ROW("CL empty", P "Content-Length:\r\n\r\n", 400),
	ROW("CL 2^63-1", P "Content-Length: 9223372036854775807\r\n\r\n", 0),
	ROW("CL 2^63", P "Content-Length: 9223372036854775808\r\n\r\n", 400),
	ROW("CL 2^64", P "Content-Length: 18446744073709551616\r\n\r\n", 400),
	ROW("CL 2^64+5", P "Content-Length: 18446744073709551621\r\n\r\n", 400),
	ROW("CL 0", P "Content-Length: 0\r\n\r\n", 0),
	ROW("space before colon",
	    P "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n", 400),
	ROW("obs-fold", H "X: a\r\n b\r\n\r\n", 400),
	ROW("obs-fold tab", H "X: a\r\n\tb\r\n\r\n", 400),
	ROW("fold as first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),
	ROW("two hosts", H "Host: h\r\n\r\n", 400),
	ROW("no host", "GET / HTTP/1.1\r\n\r\n", 400),
	ROW("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
	ROW("host a b", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
	ROW("host a,b", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
	ROW("host u@h", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400),
	ROW("host h/", "GET / HTTP/1.1\r\nHost: h/\r\n\r\n", 400),
	ROW("host port", "GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n", 400),
	ROW("NUL in value", H "X: a\0b\r\n\r\n", 400),
	ROW("NUL in name", H "X\0: a\r\n\r\n", 400),
	ROW("bare CR in value", H "X: a\rb\r\n\r\n", 400),
	ROW("DEL in value", H "X: a\x7f\r\n\r\n", 400),
	ROW("bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400),
	ROW("bare LF once", H "X: a\nY: b\r\n\r\n", 400),
	ROW("bare LF at the end", H "\n", 400),
	/* V28. */
	ROW("TE chunked", P "Transfer-Encoding: chunked\r\n\r\n", 0),
	ROW("TE Chunked", P "Transfer-Encoding: \t Chunked \r\n\r\n", 0),
	ROW("TE xchunked", P "Transfer-Encoding: xchunked\r\n\r\n", 501),
	ROW("TE gzip, chunked", P "Transfer-Encoding: gzip, chunked\r\n\r\n",
	    501),
	ROW("TE identity", P "Transfer-Encoding: identity\r\n\r\n", 501),
	ROW("TE chunked, identity",
	    P "Transfer-Encoding: chunked, identity\r\n\r\n", 400),
	ROW("TE chunked, chunked",
	    P "Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
	ROW("TE parameter", P "Transfer-Encoding: chunked;q=1\r\n\r\n", 400),
	ROW("TE vertical tab",
	    P "Transfer-Encoding: \x0b"
	      "chunked\r\n\r\n",
	    400),
	ROW("TE comma first", P "Transfer-Encoding: ,chunked\r\n\r\n", 400),
	ROW("TE empty", P "Transfer-Encoding:\r\n\r\n", 400),
	ROW("two TE",
	    P
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	    400),
	ROW("TE in 1.0",
	    "PUT /a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
	    400),
	ROW("TE folded", P "Transfer-Encoding:\r\n chunked\r\n\r\n", 400),
	/* V32, V38. */
	ROW("empty name", H ": a\r\n\r\n", 400),
	ROW("space in name", H "X Y: a\r\n\r\n", 400),
	ROW("no colon", H "X\r\n\r\n", 400),
	ROW("underscore", P "Content_Length: 5\r\n\r\n", 400),
	ROW("underscore elsewhere", P "X_Custom: 5\r\n\r\n", 0),
	ROW("HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505),
	ROW("HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
	ROW("preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
	ROW("HTTP/1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400),
	ROW("http/1.1", "GET / http/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("HTTP/0.9", "GET /\r\n\r\n", 400),
	ROW("two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("space at the end", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
	ROW("space in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("tab as space", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("method not a token", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("long method",
	    "GETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\nHost: h\r\n\r\n",
	    501),
	ROW("lower case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 0),
	ROW("CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("target without slash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("fragment", "DELETE /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("control in target", "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("raw UTF-8 in target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
	    400),
	ROW("ftp target", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
	ROW("TLS hello", "\x16\x03\x01\x02", 400),
	ROW("expect", P "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n", 0),
	ROW("unknown expectation", P "Expect: 200-ok\r\n\r\n", 417),
	ROW("two expectations",
	    P "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 417),
};

static enum parse_result
parse_whole(struct arena *arena, struct text bytes, struct head *head,
    size_t *used, unsigned *status)
{
	size_t scanned = 0;

	return head_parse(arena, bytes, &limits, &scanned, head, used, status);
}

static void
rows_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new();
		struct head head;
		size_t used = 0;
		unsigned status = 0;
		enum parse_result result = parse_whole(arena, rows[i].bytes,
		    &head, &used, &status);
		bool good = rows[i].status == 0 ?
		    result == PARSE_DONE && used == rows[i].bytes.len :
		    result == PARSE_REFUSED && status == rows[i].status;

		if (!good)
			fail_msg("%s: result %d status %u used %zu",
			    rows[i].what, (int)result, status, used);
		arena_free(arena);
	}
}

/* What is taken or refused whole is taken or refused byte by byte. */
static void
bytes_one_by_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new();
		enum parse_result result = PARSE_MORE;
		size_t scanned = 0, used = 0;
		unsigned status = 0;
		struct head head;

		for (size_t len = 1;
		    len <= rows[i].bytes.len && result == PARSE_MORE; len++) {
			char *exact = malloc(len);

			assert_non_null(exact);
			memcpy(exact, rows[i].bytes.ptr, len);
			result = head_parse(arena, (struct text){ exact, len },
			    &limits, &scanned, &head, &used, &status);
			free(exact);
		}
		if (result !=
			(rows[i].status == 0 ? PARSE_DONE : PARSE_REFUSED) ||
		    (rows[i].status != 0 && status != rows[i].status))
			fail_msg("%s: result %d status %u", rows[i].what,
			    (int)result, status);
		arena_free(arena);
	}
}

static void
head_is_read(void **state)
{
	struct text bytes =
	    TEXT("PUT /x?y HTTP/1.1\r\nHost: h\r\n"
		 "X:  a b \t\r\nContent-Length: 12\r\nExpect: 100-continue\r\n"
		 "connection: foo, Close\r\n\r\nbody");
	struct arena *arena = arena_new();
	struct head head;
	size_t used;
	unsigned status;

	(void)state;
	assert_int_equal(parse_whole(arena, bytes, &head, &used, &status),
	    PARSE_DONE);
	assert_int_equal(used, bytes.len - 4);
	assert_true(text_equal(head.method, TEXT("PUT")));
	assert_true(text_equal(head.target, TEXT("/x?y")));
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.headers.count, 5);
	assert_true(text_equal(header_get(&head.headers, "x"), TEXT("a b")));
	assert_true(head.has_length && head.length == 12 && !head.chunked);
	assert_true(head.expects_continue);
	assert_false(head.keep_alive);
	arena_free(arena);
}

static void
persistence_by_version(void **state)
{
	static const struct {
		const char *head;
		bool keep;
	} heads[] = {
		{ "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\n\r\n", false },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
		{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n"
		  "Connection: close\r\n\r\n",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct arena *arena = arena_new();
		struct head head;
		size_t used;
		unsigned status;

		assert_int_equal(parse_whole(arena, text_from(heads[i].head),
				     &head, &used, &status),
		    PARSE_DONE);
		assert_int_equal(head.keep_alive, heads[i].keep);
		arena_free(arena);
	}
}

/* A head with `fields` more fields, a value of `value` and a target. */
static struct text
head_make(struct arena *arena, size_t fields, size_t value, size_t target)
{
	struct buffer out;
	struct text copy;

	buffer_init(&out, 0);
	buffer_append(&out, TEXT("GET /"));
	for (size_t i = 1; i < target; i++)
		buffer_append_byte(&out, 'a');
	buffer_append(&out, TEXT(" HTTP/1.1\r\nHost: h\r\n"));
	for (size_t i = 0; i < fields; i++)
		buffer_format(&out, "X%zu: y\r\n", i);
	buffer_append(&out, TEXT("V:"));
	for (size_t i = 0; i < value; i++)
		buffer_append_byte(&out, 'v');
	buffer_append(&out, TEXT("\r\n\r\n"));
	copy = arena_copy(arena, buffer_text(&out));
	buffer_done(&out);
	return copy;
}

static unsigned
made_status(size_t fields, size_t value, size_t target)
{
	struct arena *arena = arena_new();
	struct head head;
	size_t used;
	unsigned status = 0;
	enum parse_result result = parse_whole(arena,
	    head_make(arena, fields, value, target), &head, &used, &status);

	arena_free(arena);
	assert_int_not_equal(result, PARSE_MORE);
	return result == PARSE_DONE ? 0 : status;
}

static void
limits_hold(void **state)
{
	(void)state;
	assert_int_equal(made_status(98, 1, 1), 0);
	assert_int_equal(made_status(99, 1, 1), 431);
	/* Fields: "Host: h" 9 bytes, "V:" and line ends 4, value the rest. */
	assert_int_equal(made_status(0, 32768 - 13, 1), 0);
	assert_int_equal(made_status(0, 32768 - 12, 1), 431);
	assert_int_equal(made_status(0, 1, 8192), 0);
	assert_int_equal(made_status(0, 1, 8193), 414);
	assert_int_equal(made_status(0, 8192, 1), 0);
}

/* One more than fit is told, though the first one is no field at all. */
static void
too_many_come_first(void **state)
{
	struct arena *arena = arena_new();
	struct buffer bytes = { 0 };
	struct head head;
	size_t used;
	unsigned status = 0;

	(void)state;
	buffer_append(&bytes,
	    TEXT("GET / HTTP/1.1\r\nHost: h\r\nno field\r\n"));
	for (int i = 0; i < 98; i++)
		buffer_append(&bytes, TEXT("A: 1\r\n"));
	buffer_append(&bytes, TEXT("\r\n"));
	assert_int_equal(parse_whole(arena, buffer_text(&bytes), &head, &used,
			     &status),
	    PARSE_REFUSED);
	assert_int_equal(status, 400);
	bytes.len -= 2;
	buffer_append(&bytes, TEXT("A: 1\r\n\r\n"));
	assert_int_equal(parse_whole(arena, buffer_text(&bytes), &head, &used,
			     &status),
	    PARSE_REFUSED);
	assert_int_equal(status, 431);
	buffer_done(&bytes);
	arena_free(arena);
}

/* A head that never ends is refused when it is too long, not when it ends. */
static void
endless_heads(void **state)
{
	static const struct {
		const char *start;
		unsigned status;
	} heads[] = {
		{ "GET /", 414 },
		{ "G", 501 },
		{ "GET / HTTP/1.1\r\nX: ", 431 },
	};
	static char bytes[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t scanned = 0, len = 0, unused;
		unsigned status = 0;
		enum parse_result result = PARSE_MORE;

		memset(bytes, 'a', sizeof(bytes));
		memcpy(bytes, heads[i].start, strlen(heads[i].start));
		while (result == PARSE_MORE && len + 16 <= sizeof(bytes)) {
			len += 16;
			result = head_measure((struct text){ bytes, len },
			    &limits, &scanned, &unused, &status);
		}
		assert_int_equal(result, PARSE_REFUSED);
		assert_int_equal(status, heads[i].status);
		assert_in_range(len, 8192, 33792);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_judged),
		cmocka_unit_test(bytes_one_by_one),
		cmocka_unit_test(head_is_read),
		cmocka_unit_test(persistence_by_version),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(too_many_come_first),
		cmocka_unit_test(endless_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
