/* Dates: the three forms, the calendar's edges, overflow, what users type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#include "server/base/clock.h"

enum { EXAMPLE = 784111777 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

static bool
http_seconds(const char *text, uint64_t *ret_seconds)
{
	uint64_t ns;

	if (!clock_parse_http(text_from(text), &ns))
		return false;
	*ret_seconds = ns / NS_PER_SECOND;
	return true;
}

static void
formats(void **state)
{
	char http[CLOCK_HTTP_SIZE], stamp[CLOCK_RFC3339_SIZE];

	(void)state;
	clock_format_http(EXAMPLE * NS_PER_SECOND + 999, http);
	assert_string_equal(http, "Sun, 06 Nov 1994 08:49:37 GMT");
	clock_format_rfc3339(EXAMPLE * NS_PER_SECOND, stamp);
	assert_string_equal(stamp, "1994-11-06T08:49:37Z");
	clock_format_http(0, http);
	assert_string_equal(http, "Thu, 01 Jan 1970 00:00:00 GMT");
	clock_format_rfc3339(UINT64_MAX, stamp);
	assert_string_equal(stamp, "2554-07-21T23:34:33Z");
	clock_format_rfc3339(UINT64_C(951782400) * NS_PER_SECOND, stamp);
	assert_string_equal(stamp, "2000-02-29T00:00:00Z");
}

/* Every day for 500 years, against libc, and back through the parser. */
static void
calendar_agrees_with_libc(void **state)
{
	(void)state;
	for (uint64_t day = 0; day < 500 * 365; day++) {
		time_t seconds = (time_t)(day * 86400 + day % 86400);
		char ours[CLOCK_HTTP_SIZE], theirs[64];
		uint64_t back = 0;
		struct tm tm;

		assert_non_null(gmtime_r(&seconds, &tm));
		strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT",
		    &tm);
		clock_format_http((uint64_t)seconds * NS_PER_SECOND, ours);
		assert_string_equal(ours, theirs);
		assert_true(http_seconds(ours, &back));
		assert_int_equal(back, seconds);
	}
}

static void
three_forms(void **state)
{
	static const char *const forms[] = {
		"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994",
	};
	uint64_t seconds = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(http_seconds(forms[i], &seconds));
		assert_int_equal(seconds, EXAMPLE);
	}
	assert_true(http_seconds("Wed Nov 16 08:49:37 1994", &seconds));
	assert_int_equal(seconds, EXAMPLE + 10 * 86400);
}

static void
bad_dates(void **state)
{
	static const char *const bad[] = { "", "Sun", "0",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
		"Son, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:00 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 29 Feb 1900 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		" Sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov +994 08:49:37 GMT",
		"Sun, 06 Nov 1994  8:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37 GMT\n",
		"Sunday, 06-Nov-1994 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT", "Sun Nov 6 08:49:37 1994",
		"Sun Nov  6 08:49:37 1994 GMT" };
	uint64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(clock_parse_http(text_from(bad[i]), &ns));
	assert_int_equal(ns, 42);
}

static void
ends_of_time_keep_their_order(void **state)
{
	uint64_t ns = 42;

	(void)state;
	assert_true(clock_parse_http(TEXT("Wed, 31 Dec 1969 23:59:59 GMT"),
	    &ns));
	assert_true(ns == 0);
	assert_true(clock_parse_http(TEXT("Fri, 31 Dec 9999 23:59:59 GMT"),
	    &ns));
	assert_true(ns == UINT64_MAX);
	assert_true(clock_parse_http(TEXT("Fri, 30 Jun 1995 23:59:60 GMT"),
	    &ns));
	assert_true(ns == UINT64_C(804556800) * NS_PER_SECOND);
}

/* RFC 9110 5.6.7: two digits mean a year up to 50 years ahead. */
static void
two_digit_years(void **state)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[64];
	uint64_t ns = 0;

	(void)state;
	assert_non_null(gmtime_r(&now, &tm));
	for (int ahead = -49; ahead <= 50; ahead++) {
		char expected[16], got[CLOCK_RFC3339_SIZE];
		int year = tm.tm_year + 1900 + ahead;

		if (year < 1970)
			continue;
		snprintf(text, sizeof(text), "Monday, 02-Jan-%02d 00:00:00 GMT",
		    year % 100);
		snprintf(expected, sizeof(expected), "%04d", year);
		assert_true(clock_parse_http(text_from(text), &ns));
		clock_format_rfc3339(ns, got);
		assert_memory_equal(got, expected, 4);
	}
}

static void
user_times(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		uint64_t ns;
	} rows[] = {
		{ "1994-11-06", true, UINT64_C(784080000) * NS_PER_SECOND },
		{ "1994-11-06T08:49:37Z", true, EXAMPLE * NS_PER_SECOND },
		{ "1994-11-06t08:49:37z", true, EXAMPLE * NS_PER_SECOND },
		{ "1994-11-06T10:49:37+02:00", true, EXAMPLE * NS_PER_SECOND },
		{ "1994-11-06T03:19:37-05:30", true, EXAMPLE * NS_PER_SECOND },
		{ "1994-11-06T08:49:37.5Z", true,
		    EXAMPLE * NS_PER_SECOND + 500000000 },
		{ "1994-11-06T08:49:37.1234567891Z", true,
		    EXAMPLE * NS_PER_SECOND + 123456789 },
		{ "+0s", true, 1000 },
		{ "+7d", true, 1000 + 604800 * NS_PER_SECOND },
		{ "+2w", true, 1000 + 1209600 * NS_PER_SECOND },
		{ "+90m", true, 1000 + 5400 * NS_PER_SECOND },
		{ "+1h", true, 1000 + 3600 * NS_PER_SECOND },
		{ "", false, 0 },
		{ "+", false, 0 },
		{ "+d", false, 0 },
		{ "+7", false, 0 },
		{ "7d", false, 0 },
		{ "-7d", false, 0 },
		{ "+7y", false, 0 },
		{ "+18446744073709551615w", false, 0 },
		{ "+30500w", true,
		    1000 + UINT64_C(30500) * 604800 * NS_PER_SECOND },
		{ "+30501w", false, 0 },
		{ "1994-11-06T08:49:37", false, 0 },
		{ "1994-11-06T08:49:37.Z", false, 0 },
		{ "1994-11-06 08:49:37Z", false, 0 },
		{ "1994-11-06T08:49Z", false, 0 },
		{ "1994-11-06T08:49:37+0200", false, 0 },
		{ "1994-11-06T08:49:37+24:00", false, 0 },
		{ "1994-13-01", false, 0 },
		{ "1994-02-29", false, 0 },
		{ "1996-02-29", true, UINT64_C(825552000) * NS_PER_SECOND },
		{ "1994-1-06", false, 0 },
		{ "1969-12-31", false, 0 },
		{ "1970-01-01T00:00:00+00:01", false, 0 },
		{ "9999-01-01", false, 0 },
		{ "tomorrow", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ns = 42;

		assert_int_equal(clock_parse_user(text_from(rows[i].text), 1000,
				     &ns),
		    rows[i].valid);
		assert_true(ns == (rows[i].valid ? rows[i].ns : 42));
	}
}

static void
clocks_go_forward(void **state)
{
	uint64_t before = clock_monotonic_ns();
	uint64_t wall = clock_wall_ns() / NS_PER_SECOND;

	(void)state;
	assert_true(clock_monotonic_ns() >= before);
	assert_in_range(wall, (uint64_t)time(NULL) - 2,
	    (uint64_t)time(NULL) + 2);
}

/* As after a step back of an hour: it goes on, and does not stand still. */
static void
ends_never_go_back(void **state)
{
	const uint64_t hour = 3600 * NS_PER_SECOND;
	uint64_t wall = clock_wall_ns(), before;

	(void)state;
	clock_ends_reset();
	assert_in_range(clock_ends_ns(), wall, wall + 10 * NS_PER_SECOND);
	clock_ends_raise(wall + hour);
	before = clock_ends_ns();
	assert_in_range(before, wall + hour, wall + hour + 10 * NS_PER_SECOND);
	clock_ends_raise(wall - hour);
	assert_true(clock_ends_ns() > before);
	clock_ends_reset();
	assert_in_range(clock_ends_ns(), wall, wall + 10 * NS_PER_SECOND);
}

static void
ends_know_who_asked(void **state)
{
	(void)state;
	(void)clock_ends_was_asked();
	(void)clock_ends_look_ns();
	assert_false(clock_ends_was_asked());
	(void)clock_ends_ns();
	assert_true(clock_ends_was_asked());
	assert_false(clock_ends_was_asked());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(calendar_agrees_with_libc),
		cmocka_unit_test(three_forms),
		cmocka_unit_test(bad_dates),
		cmocka_unit_test(ends_of_time_keep_their_order),
		cmocka_unit_test(two_digit_years),
		cmocka_unit_test(user_times),
		cmocka_unit_test(ends_never_go_back),
		cmocka_unit_test(ends_know_who_asked),
		cmocka_unit_test(clocks_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
