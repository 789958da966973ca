/*
 * Times of a resource. Three spellings set the modification time, because
 * three families of clients use one each (clients.md 7, "mtime setters").
 */
#include "dav/properties.h"

#include <string.h>

#include "server/base/clock.h"

enum { DAY_SECONDS = 86400 };

static bool
node_known(const struct property_target *target)
{
	return target->node != NULL;
}

static enum outcome
write_http(uint64_t wall_ns, struct buffer *out)
{
	char text[CLOCK_HTTP_SIZE];

	clock_format_http(wall_ns, text);
	buffer_append(out, text_from(text));
	return OK;
}

static enum outcome
creationdate_write(const struct property_target *target, struct buffer *out)
{
	char text[CLOCK_RFC3339_SIZE];

	if (!node_known(target))
		return NOT_FOUND;
	clock_format_rfc3339(target->node->created_ns, text);
	buffer_append(out, text_from(text));
	return OK;
}

static enum outcome
modified_write(const struct property_target *target, struct buffer *out)
{
	if (!node_known(target))
		return NOT_FOUND;
	return write_http(target->node->modified_ns, out);
}

static enum outcome
created_write(const struct property_target *target, struct buffer *out)
{
	if (!node_known(target))
		return NOT_FOUND;
	return write_http(target->node->created_ns, out);
}

/* ---- In listings ---------------------------------------------------------- */

static const struct property_day *
day_find(struct property_dates *dates, uint64_t seconds)
{
	uint64_t number = seconds / DAY_SECONDS;
	struct property_day *day = &dates->day[number % PROPERTY_DAYS];
	char http[CLOCK_HTTP_SIZE], rfc3339[CLOCK_RFC3339_SIZE];

	if (day->next == number + 1)
		return day;
	clock_format_http(seconds * NS_PER_SECOND, http);
	clock_format_rfc3339(seconds * NS_PER_SECOND, rfc3339);
	memcpy(day->http, http, sizeof(day->http));
	memcpy(day->rfc3339, rfc3339, sizeof(day->rfc3339));
	day->next = number + 1;
	return day;
}

static char *
put_two(char *at, uint64_t value)
{
	at[0] = (char)('0' + value / 10);
	at[1] = (char)('0' + value % 10);
	return at + 2;
}

/* "15:04:05" of the day. */
static char *
put_time(char *at, uint64_t seconds)
{
	uint32_t second = (uint32_t)(seconds % DAY_SECONDS);

	at = put_two(at, second / 3600);
	*at++ = ':';
	at = put_two(at, second / 60 % 60);
	*at++ = ':';
	return put_two(at, second % 60);
}

static char *
put_http(uint64_t wall_ns, struct property_dates *dates, char *at)
{
	uint64_t seconds = wall_ns / NS_PER_SECOND;
	const struct property_day *day = day_find(dates, seconds);

	memcpy(at, day->http, DAY_HTTP);
	at = put_time(at + DAY_HTTP, seconds);
	memcpy(at, " GMT", 4);
	return at + 4;
}

static char *
creationdate_put(const struct property_target *target,
    struct property_dates *dates, char *at)
{
	uint64_t seconds = target->node->created_ns / NS_PER_SECOND;
	const struct property_day *day = day_find(dates, seconds);

	memcpy(at, day->rfc3339, DAY_RFC3339);
	at = put_time(at + DAY_RFC3339, seconds);
	*at++ = 'Z';
	return at;
}

static char *
modified_put(const struct property_target *target, struct property_dates *dates,
    char *at)
{
	return put_http(target->node->modified_ns, dates, at);
}

static char *
created_put(const struct property_target *target, struct property_dates *dates,
    char *at)
{
	return put_http(target->node->created_ns, dates, at);
}

static bool
time_parse(struct text value, uint64_t *ret_ns)
{
	value = text_trim(value);
	return clock_parse_http(value, ret_ns) ||
	    (text_parse_u64(value, 10, ret_ns) && *ret_ns < 1ULL << 33 &&
		(*ret_ns *= NS_PER_SECOND) != 0) ||
	    clock_parse_user(value, 0, ret_ns);
}

static enum outcome
modified_set(struct text value, struct property_patch *patch)
{
	return time_parse(value, &patch->modified_ns) ? OK : CONFLICT;
}

static enum outcome
created_set(struct text value, struct property_patch *patch)
{
	return time_parse(value, &patch->created_ns) ? OK : CONFLICT;
}

const struct live_property property_creationdate = {
	.space = "DAV:",
	.name = "creationdate",
	.flags = PROPERTY_ALLPROP,
	.write = creationdate_write,
	.put = creationdate_put,
	.put_most = CLOCK_RFC3339_SIZE,
};

const struct live_property property_getlastmodified = {
	.space = "DAV:",
	.name = "getlastmodified",
	.flags = PROPERTY_ALLPROP | PROPERTY_WRITABLE,
	.write = modified_write,
	.put = modified_put,
	.put_most = CLOCK_HTTP_SIZE,
	.set = modified_set,
};

const struct live_property property_lastmodified = {
	.space = "DAV:",
	.name = "lastmodified",
	.flags = PROPERTY_WRITABLE,
	.write = modified_write,
	.put = modified_put,
	.put_most = CLOCK_HTTP_SIZE,
	.set = modified_set,
};

const struct live_property property_win32_modified = {
	.space = "urn:schemas-microsoft-com:",
	.name = "Win32LastModifiedTime",
	.flags = PROPERTY_WRITABLE,
	.write = modified_write,
	.put = modified_put,
	.put_most = CLOCK_HTTP_SIZE,
	.set = modified_set,
};

const struct live_property property_win32_created = {
	.space = "urn:schemas-microsoft-com:",
	.name = "Win32CreationTime",
	.flags = PROPERTY_WRITABLE,
	.write = created_write,
	.put = created_put,
	.put_most = CLOCK_HTTP_SIZE,
	.set = created_set,
};
