/*
 * Dates are computed here and not by strftime() and strptime(): those follow
 * the locale and the time zone of the process, take locks in libc, and accept
 * spaces and signs that RFC 9110 does not.
 */
#include "server/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char days[7][10] = { "Sunday", "Monday", "Tuesday", "Wednesday",
	"Thursday", "Friday", "Saturday" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

struct date {
	int64_t year;
	int64_t month, day; /* from 1 */
	int64_t hour, minute, second;
	int64_t weekday; /* 0: Sunday; only for writing */
};

static uint64_t
clock_read(clockid_t id)
{
	struct timespec now;

	/* Fails only for a clock that does not exist. */
	if (clock_gettime(id, &now) != 0)
		abort();
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

uint64_t
clock_wall_ns(void)
{
	return clock_read(CLOCK_REALTIME);
}

uint64_t
clock_wall_coarse_ns(void)
{
	return clock_read(CLOCK_REALTIME_COARSE);
}

uint64_t
clock_monotonic_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

static bool
year_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t
month_days(int64_t year, int64_t month)
{
	static const int64_t count[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30,
		31, 30, 31 };

	return count[month - 1] + (month == 2 && year_leap(year));
}

/* Days from year 1 to the first day of `year` (at least 1). */
static int64_t
days_before_year(int64_t year)
{
	int64_t past = year - 1;

	return past * 365 + past / 4 - past / 100 + past / 400;
}

static int64_t
date_seconds(const struct date *date)
{
	int64_t count = days_before_year(date->year) - days_before_year(1970);

	for (int64_t month = 1; month < date->month; month++)
		count += month_days(date->year, month);
	count += date->day - 1;
	return ((count * 24 + date->hour) * 60 + date->minute) * 60 +
	    date->second;
}

/* Midnight of a day, counted from 1970. */
static struct date
date_of_day(int64_t day)
{
	struct date date = {
		.year = 1970 + day / 366,
		.month = 1,
		.weekday = (day + 4) % 7, /* 1970 began on a Thursday */
	};

	/* The guess by 366 is never too late; years are few steps off. */
	day += days_before_year(1970);
	while (days_before_year(date.year + 1) <= day)
		date.year++;
	day -= days_before_year(date.year);
	while (day >= month_days(date.year, date.month))
		day -= month_days(date.year, date.month++);
	date.day = day + 1;
	return date;
}

/* Files of a day are asked for together, and now is most of all. */
static struct date
date_from(uint64_t wall_ns)
{
	static _Thread_local struct date midnight;
	static _Thread_local int64_t known = -1;
	int64_t seconds = (int64_t)(wall_ns / NS_PER_SECOND);
	struct date date;

	if (seconds / 86400 != known) {
		known = seconds / 86400;
		midnight = date_of_day(known);
	}
	date = midnight;
	date.hour = seconds / 3600 % 24;
	date.minute = seconds / 60 % 60;
	date.second = seconds % 60;
	return date;
}

/* A listing formats two dates a member: printf would be a third of its cost. */
static char *
digits_put(char *at, uint64_t value, unsigned count)
{
	for (unsigned i = count; i > 0; i--) {
		at[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + count;
}

static char *
text_put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

/* "15:04:05" */
static char *
time_put(char *at, const struct date *date)
{
	at = digits_put(at, (uint64_t)date->hour, 2);
	*at++ = ':';
	at = digits_put(at, (uint64_t)date->minute, 2);
	*at++ = ':';
	return digits_put(at, (uint64_t)date->second, 2);
}

void
clock_format_http(uint64_t wall_ns, char ret_text[CLOCK_HTTP_SIZE])
{
	struct date date = date_from(wall_ns);
	char *at = text_put(ret_text, days[date.weekday], 3);

	at = text_put(at, ", ", 2);
	at = digits_put(at, (uint64_t)date.day, 2);
	*at++ = ' ';
	at = text_put(at, months[date.month - 1], 3);
	*at++ = ' ';
	at = digits_put(at, (uint64_t)date.year, 4);
	*at++ = ' ';
	at = time_put(at, &date);
	(void)text_put(at, " GMT", sizeof(" GMT"));
}

void
clock_format_rfc3339(uint64_t wall_ns, char ret_text[CLOCK_RFC3339_SIZE])
{
	struct date date = date_from(wall_ns);
	char *at = digits_put(ret_text, (uint64_t)date.year, 4);

	*at++ = '-';
	at = digits_put(at, (uint64_t)date.month, 2);
	*at++ = '-';
	at = digits_put(at, (uint64_t)date.day, 2);
	*at++ = 'T';
	at = time_put(at, &date);
	(void)text_put(at, "Z", sizeof("Z"));
}

/* A reader that eats literals and digits from the front. */
struct scan {
	struct text rest;
	bool failed;
};

static void
scan_literal(struct scan *scan, struct text literal)
{
	if (!text_starts(scan->rest, literal))
		scan->failed = true;
	scan->rest = text_slice(scan->rest, literal.len, scan->rest.len);
}

static int64_t
scan_digits(struct scan *scan, size_t count)
{
	uint64_t value = 0;

	if (scan->rest.len < count ||
	    !text_parse_u64(text_slice(scan->rest, 0, count), 10, &value))
		scan->failed = true;
	scan->rest = text_slice(scan->rest, count, scan->rest.len);
	return (int64_t)value;
}

static int64_t
scan_month(struct scan *scan)
{
	for (int64_t i = 0; i < 12; i++) {
		if (!text_starts(scan->rest, text_from(months[i])))
			continue;
		scan_literal(scan, text_from(months[i]));
		return i + 1;
	}
	scan->failed = true;
	return 1;
}

/* The day's name in full or its first three letters; which one is no matter. */
static void
scan_weekday(struct scan *scan, bool full)
{
	for (size_t i = 0; i < 7; i++) {
		struct text day = text_from(days[i]);

		if (!full)
			day = text_slice(day, 0, 3);
		if (text_starts(scan->rest, day)) {
			scan_literal(scan, day);
			return;
		}
	}
	scan->failed = true;
}

static void
scan_time(struct scan *scan, struct date *date)
{
	date->hour = scan_digits(scan, 2);
	scan_literal(scan, TEXT(":"));
	date->minute = scan_digits(scan, 2);
	scan_literal(scan, TEXT(":"));
	date->second = scan_digits(scan, 2);
}

/* Second 60 is a leap second (RFC 9110 5.6.7, RFC 3339 5.6). */
static bool
date_valid(const struct date *date)
{
	return date->year >= 1 && date->month >= 1 && date->month <= 12 &&
	    date->day >= 1 &&
	    date->day <= month_days(date->year, date->month) &&
	    date->hour <= 23 && date->minute <= 59 && date->second <= 60;
}

static bool
scan_ended(const struct scan *scan, const struct date *date)
{
	return !scan->failed && scan->rest.len == 0 && date_valid(date);
}

/* IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT". */
static bool
parse_imf(struct text text, struct date *ret_date)
{
	struct scan scan = { .rest = text };

	scan_weekday(&scan, false);
	scan_literal(&scan, TEXT(", "));
	ret_date->day = scan_digits(&scan, 2);
	scan_literal(&scan, TEXT(" "));
	ret_date->month = scan_month(&scan);
	scan_literal(&scan, TEXT(" "));
	ret_date->year = scan_digits(&scan, 4);
	scan_literal(&scan, TEXT(" "));
	scan_time(&scan, ret_date);
	scan_literal(&scan, TEXT(" GMT"));
	return scan_ended(&scan, ret_date);
}

/*
 * rfc850-date: "Sunday, 06-Nov-94 08:49:37 GMT". RFC 9110 5.6.7: a year that
 * seems more than 50 years ahead is the last one with these two digits.
 */
static bool
parse_rfc850(struct text text, struct date *ret_date)
{
	struct scan scan = { .rest = text };
	int64_t this_year = date_from(clock_wall_ns()).year;

	scan_weekday(&scan, true);
	scan_literal(&scan, TEXT(", "));
	ret_date->day = scan_digits(&scan, 2);
	scan_literal(&scan, TEXT("-"));
	ret_date->month = scan_month(&scan);
	scan_literal(&scan, TEXT("-"));
	ret_date->year = this_year / 100 * 100 + scan_digits(&scan, 2);
	if (ret_date->year > this_year + 50)
		ret_date->year -= 100;
	scan_literal(&scan, TEXT(" "));
	scan_time(&scan, ret_date);
	scan_literal(&scan, TEXT(" GMT"));
	return scan_ended(&scan, ret_date);
}

/* asctime-date: "Sun Nov  6 08:49:37 1994", the day with a space or digit. */
static bool
parse_asctime(struct text text, struct date *ret_date)
{
	struct scan scan = { .rest = text };

	scan_weekday(&scan, false);
	scan_literal(&scan, TEXT(" "));
	ret_date->month = scan_month(&scan);
	scan_literal(&scan, TEXT(" "));
	if (text_starts(scan.rest, TEXT(" "))) {
		scan_literal(&scan, TEXT(" "));
		ret_date->day = scan_digits(&scan, 1);
	} else {
		ret_date->day = scan_digits(&scan, 2);
	}
	scan_literal(&scan, TEXT(" "));
	scan_time(&scan, ret_date);
	scan_literal(&scan, TEXT(" "));
	ret_date->year = scan_digits(&scan, 4);
	return scan_ended(&scan, ret_date);
}

bool
clock_parse_http(struct text text, uint64_t *ret_wall_ns)
{
	struct date date = { .year = 0 };
	int64_t seconds;

	if (!parse_imf(text, &date) && !parse_rfc850(text, &date) &&
	    !parse_asctime(text, &date))
		return false;
	/*
	 * Times that cannot be held keep their order towards all that can:
	 * a comparison with If-Modified-Since still comes out right.
	 */
	seconds = date_seconds(&date);
	if (seconds < 0)
		*ret_wall_ns = 0;
	else if ((uint64_t)seconds > UINT64_MAX / NS_PER_SECOND)
		*ret_wall_ns = UINT64_MAX;
	else
		*ret_wall_ns = (uint64_t)seconds * NS_PER_SECOND;
	return true;
}

/* ".123": to nanoseconds, further digits are dropped. */
static uint64_t
scan_fraction(struct scan *scan)
{
	uint64_t fraction = 0, unit = NS_PER_SECOND;

	if (!text_starts(scan->rest, TEXT(".")))
		return 0;
	do {
		scan->rest = text_slice(scan->rest, 1, scan->rest.len);
		unit /= 10;
		fraction += unit *
		    (uint64_t)scan_digits(
			&(struct scan){ .rest = text_slice(scan->rest, 0, 1) },
			1);
	} while (scan->rest.len > 1 && scan->rest.ptr[1] >= '0' &&
	    scan->rest.ptr[1] <= '9');
	(void)scan_digits(scan, 1);
	return fraction;
}

/* "Z", "+02:00" or "-02:00" in seconds east. */
static int64_t
scan_offset(struct scan *scan)
{
	bool east = text_starts(scan->rest, TEXT("+"));
	int64_t hours, minutes;

	if (text_starts(scan->rest, TEXT("Z")) ||
	    text_starts(scan->rest, TEXT("z"))) {
		scan->rest = text_slice(scan->rest, 1, scan->rest.len);
		return 0;
	}
	scan_literal(scan, east ? TEXT("+") : TEXT("-"));
	hours = scan_digits(scan, 2);
	scan_literal(scan, TEXT(":"));
	minutes = scan_digits(scan, 2);
	if (hours > 23 || minutes > 59)
		scan->failed = true;
	return (east ? 1 : -1) * (hours * 3600 + minutes * 60);
}

static bool
parse_rfc3339(struct text text, uint64_t *ret_wall_ns)
{
	struct scan scan = { .rest = text };
	struct date date = { .year = 0 };
	uint64_t fraction = 0, result;
	int64_t offset = 0, seconds;

	date.year = scan_digits(&scan, 4);
	scan_literal(&scan, TEXT("-"));
	date.month = scan_digits(&scan, 2);
	scan_literal(&scan, TEXT("-"));
	date.day = scan_digits(&scan, 2);
	if (scan.rest.len > 0) {
		bool small = text_starts(scan.rest, TEXT("t"));

		scan_literal(&scan, small ? TEXT("t") : TEXT("T"));
		scan_time(&scan, &date);
		fraction = scan_fraction(&scan);
		offset = scan_offset(&scan);
	}
	if (!scan_ended(&scan, &date))
		return false;
	seconds = date_seconds(&date) - offset;
	if (seconds < 0 ||
	    __builtin_mul_overflow((uint64_t)seconds, NS_PER_SECOND, &result) ||
	    __builtin_add_overflow(result, fraction, &result))
		return false;
	*ret_wall_ns = result;
	return true;
}

/* "+7d" and the like. */
static bool
parse_relative(struct text text, uint64_t now_ns, uint64_t *ret_wall_ns)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {
		{ 's', 1 },
		{ 'm', 60 },
		{ 'h', 3600 },
		{ 'd', 86400 },
		{ 'w', 604800 },
	};
	uint64_t count;

	if (text.len < 2 ||
	    !text_parse_u64(text_slice(text, 0, text.len - 1), 10, &count))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t result;

		if (units[i].unit != text.ptr[text.len - 1])
			continue;
		if (__builtin_mul_overflow(count, units[i].seconds, &result) ||
		    __builtin_mul_overflow(result, NS_PER_SECOND, &result) ||
		    __builtin_add_overflow(result, now_ns, &result))
			return false;
		*ret_wall_ns = result;
		return true;
	}
	return false;
}

bool
clock_parse_user(struct text text, uint64_t now_ns, uint64_t *ret_wall_ns)
{
	if (text_starts(text, TEXT("+")))
		return parse_relative(text_slice(text, 1, text.len), now_ns,
		    ret_wall_ns);
	return parse_rfc3339(text, ret_wall_ns);
}
