/* Range, If-Range and the answers they lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/base/clock.h"
#include "server/http/range.h"
#include "tests/unit/http_request.h"

static const struct validator validator = { .exists = true,
	.etag = { "\"tag\"", 5 },
	.modified_ns = 784111777 * NS_PER_SECOND };

/* The set as "first+len ...", "-" for the whole, "416". */
static void
range_judge(const char *method, const char *fields, uint64_t size,
    const char *wanted)
{
	struct request *request = request_make(method, fields);
	struct range_set set;
	char got[512] = "";
	size_t at = 0;

	if (range_parse(request, &validator, size, &set) == RANGE)
		snprintf(got, sizeof(got), "416");
	else if (set.count == 0)
		snprintf(got, sizeof(got), "-");
	else
		for (size_t i = 0; i < set.count; i++)
			at += (size_t)snprintf(got + at, sizeof(got) - at,
			    "%s%llu+%llu", i > 0 ? " " : "",
			    (unsigned long long)set.range[i].first,
			    (unsigned long long)set.range[i].len);
	if (strcmp(got, wanted) != 0)
		fail_msg("%s of %llu: %s, not %s", fields,
		    (unsigned long long)size, got, wanted);
	request_drop(request);
}

static void
ranges_are_read(void **state)
{
	static const struct {
		const char *range;
		uint64_t size;
		const char *wanted;
	} rows[] = {
		{ "bytes=0-0", 10, "0+1" },
		{ "bytes=0-", 10, "0+10" },
		{ "bytes=9-", 10, "9+1" },
		{ "bytes=10-", 10, "416" },
		{ "bytes=-3", 10, "7+3" },
		{ "bytes=-30", 10, "0+10" },
		{ "bytes=-0", 10, "416" },
		{ "bytes=5-2", 10, "-" },
		{ "bytes=2-5", 10, "2+4" },
		{ "bytes=2-50", 10, "2+8" },
		{ "BYTES=2-5", 10, "2+4" },
		{ "bytes=0-18446744073709551615", 10, "0+10" },
		{ "bytes=0-99999999999999999999999", 10, "0+10" },
		{ "bytes=9223372036854775807-", 10, "416" },
		{ "bytes=99999999999999999999999-", 10, "416" },
		{ "bytes=-18446744073709551615", 10, "0+10" },
		{ "bytes=a-b", 10, "-" },
		{ "bytes=", 10, "-" },
		{ "bytes", 10, "-" },
		{ "bytes=-", 10, "-" },
		{ "bytes=1", 10, "-" },
		{ "foos=0-1", 10, "-" },
		{ "bytes=+1-2", 10, "-" },
		{ "bytes=0x1-2", 10, "-" },
		{ "bytes=1-2-3", 10, "-" },
		{ "bytes =0-1", 10, "-" },
		{ "bytes=0-0", 0, "416" },
		{ "bytes=0-", 0, "416" },
		{ "bytes=-1", 0, "416" },
		{ "bytes=0-", 1, "0+1" },
		{ "bytes=0-1,4-5", 10, "0+2 4+2" },
		{ "bytes=4-5, 0-1", 10, "0+2 4+2" },
		{ "bytes=0-4,3-6", 10, "0+7" },
		{ "bytes=0-4,5-6", 10, "0+7" },
		{ "bytes=0-9,2-3", 10, "0+10" },
		{ "bytes=,0-1,,4-5,", 10, "0+2 4+2" },
		{ "bytes=0-1,99-", 10, "0+2" },
		{ "bytes=88-,99-", 10, "416" },
		{ "bytes=0-1,x", 10, "-" },
		{ "bytes=0-18446744073709551614", UINT64_MAX,
		    "0+18446744073709551615" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char fields[256];

		snprintf(fields, sizeof(fields), "Range: %s\r\n",
		    rows[i].range);
		range_judge("GET", fields, rows[i].size, rows[i].wanted);
	}
	range_judge("HEAD", "Range: bytes=0-0\r\n", 10, "-");
	range_judge("GET", "Range: bytes=0-0\r\nRange: bytes=1-1\r\n", 10, "-");
	range_judge("GET", "", 10, "-");
}

static void
counts_are_limited(void **state)
{
	char fields[4096] = "Range: bytes=0-0";
	size_t at = strlen(fields);

	(void)state;
	for (int i = 1; i < 16; i++)
		at += (size_t)snprintf(fields + at, sizeof(fields) - at,
		    ",0-%d", i);
	snprintf(fields + at, sizeof(fields) - at, "\r\n");
	range_judge("GET", fields, 100, "0+16");
	snprintf(fields + at, sizeof(fields) - at, ",0-16\r\n");
	range_judge("GET", fields, 100, "-");
}

static void
if_range_decides(void **state)
{
	static const struct {
		const char *value, *wanted;
	} rows[] = {
		{ "\"tag\"", "0+1" },
		{ "\"other\"", "-" },
		{ "W/\"tag\"", "-" },
		{ "tag", "-" },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", "0+1" },
		{ "Sun, 06 Nov 1994 08:49:38 GMT", "-" },
		{ "Sun, 06 Nov 1994 08:49:36 GMT", "-" },
		{ "yesterday", "-" },
		{ "", "-" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char fields[256];

		snprintf(fields, sizeof(fields),
		    "Range: bytes=0-0\r\nIf-Range: %s\r\n", rows[i].value);
		range_judge("GET", fields, 10, rows[i].wanted);
	}
}

/* A date of this second may hide a second change: it proves nothing. */
static void
young_dates_are_weak(void **state)
{
	struct validator young = validator;
	struct request *request;
	struct range_set set;
	char fields[256], date[CLOCK_HTTP_SIZE];

	(void)state;
	young.modified_ns = clock_wall_ns();
	clock_format_http(young.modified_ns, date);
	snprintf(fields, sizeof(fields), "Range: bytes=0-0\r\nIf-Range: %s\r\n",
	    date);
	request = request_make("GET", fields);
	assert_int_equal(range_parse(request, &young, 10, &set), OK);
	assert_int_equal(set.count, 0);
	request_drop(request);
}

static void
answer_judge(const char *range, int fd, unsigned status, const char *type,
    const char *content_range, const char *body)
{
	struct request *request = request_make("GET", range);
	struct text bytes = TEXT("0123456789");
	struct range_set set;
	char *all;

	assert_int_equal(range_parse(request, &validator, 10, &set), OK);
	range_respond(request, &set, fd, fd < 0 ? bytes : TEXT_NONE, 10,
	    TEXT("text/plain"));
	assert_int_equal(request->response.status, status);
	assert_string_equal(response_field(&request->response, "Accept-Ranges"),
	    "bytes");
	assert_string_equal(response_field(&request->response, "Content-Type"),
	    type);
	if (content_range == NULL)
		assert_null(response_field(&request->response,
		    "Content-Range"));
	else
		assert_string_equal(response_field(&request->response,
					"Content-Range"),
		    content_range);
	all = response_text(&request->response);
	assert_int_equal(request->response.length, strlen(body));
	assert_string_equal(all, body);
	free(all);
	request_drop(request);
}

static void
answers_are_described(void **state)
{
	int fd = memfd_create("digits", 0);

	(void)state;
	assert_int_equal(write(fd, "0123456789", 10), 10);
	for (int i = 0; i < 2; i++) {
		int from = i == 0 ? -1 : fd;

		answer_judge("", from, 200, "text/plain", NULL, "0123456789");
		answer_judge("Range: bytes=2-4\r\n", from, 206, "text/plain",
		    "bytes 2-4/10", "234");
		answer_judge("Range: bytes=-1\r\n", from, 206, "text/plain",
		    "bytes 9-9/10", "9");
	}
	close(fd);
}

static void
many_parts(void **state)
{
	struct request *request = request_make("GET",
	    "Range: bytes=8-, 0-1\r\n");
	struct range_set set;
	const char *type, *boundary;
	char wanted[1024], *all;

	(void)state;
	assert_int_equal(range_parse(request, &validator, 10, &set), OK);
	range_respond(request, &set, -1, TEXT("0123456789"), 10,
	    TEXT("text/plain"));
	assert_int_equal(request->response.status, 206);
	assert_null(response_field(&request->response, "Content-Range"));
	type = response_field(&request->response, "Content-Type");
	boundary = strstr(type, "boundary=");
	assert_non_null(boundary);
	boundary += strlen("boundary=");
	assert_int_equal(strlen(boundary), 24);
	snprintf(wanted, sizeof(wanted),
	    "--%s\r\nContent-Type: text/plain\r\n"
	    "Content-Range: bytes 0-1/10\r\n\r\n01"
	    "\r\n--%s\r\nContent-Type: text/plain\r\n"
	    "Content-Range: bytes 8-9/10\r\n\r\n89\r\n--%s--\r\n",
	    boundary, boundary, boundary);
	all = response_text(&request->response);
	assert_string_equal(all, wanted);
	assert_int_equal(request->response.length, strlen(wanted));
	free(all);
	request_drop(request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_read),
		cmocka_unit_test(counts_are_limited),
		cmocka_unit_test(if_range_decides),
		cmocka_unit_test(young_dates_are_weak),
		cmocka_unit_test(answers_are_described),
		cmocka_unit_test(many_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
