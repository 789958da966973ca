/* Conditions in the order of RFC 9110 13.2.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server/base/clock.h"
#include "server/http/conditional.h"
#include "tests/unit/http_request.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT\r\n"
#define EXACTLY "Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT\r\n"

static const struct validator there = { .exists = true,
	.etag = { "\"t\"", 3 },
	.modified_ns = 784111777 * NS_PER_SECOND + 999 };
static const struct validator missing = { .exists = false };

static const struct {
	const char *fields;
	bool safe;
	enum outcome there, missing;
} rows[] = {
	{ "", true, OK, OK },
	{ "If-Match: *\r\n", false, OK, PRECONDITION },
	{ "If-Match: \"t\"\r\n", false, OK, PRECONDITION },
	{ "If-Match: \"u\"\r\n", false, PRECONDITION, PRECONDITION },
	{ "If-Match: \"u\", \"t\"\r\n", false, OK, PRECONDITION },
	{ "If-Match: \"u\"\r\nIf-Match: \"t\"\r\n", false, OK, PRECONDITION },
	{ "If-Match: W/\"t\"\r\n", false, PRECONDITION, PRECONDITION },
	{ "If-Match: t\r\n", false, PRECONDITION, PRECONDITION },
	{ "If-Match:\r\n", false, PRECONDITION, PRECONDITION },
	{ "If-None-Match: *\r\n", false, PRECONDITION, OK },
	{ "If-None-Match: *\r\n", true, NOT_MODIFIED, OK },
	{ "If-None-Match: \"t\"\r\n", true, NOT_MODIFIED, OK },
	{ "If-None-Match: W/\"t\"\r\n", true, NOT_MODIFIED, OK },
	{ "If-None-Match: \"t\"\r\n", false, PRECONDITION, OK },
	{ "If-None-Match: \"u\"\r\n", true, OK, OK },
	/* A real client sends this and means that nothing matches. */
	{ "If-None-Match: JoplinIgnore-123\r\n", true, OK, OK },
	{ "If-None-Match: JoplinIgnore-123, \"t\"\r\n", true, NOT_MODIFIED,
	    OK },
	{ "If-Modified-Since: " BEFORE, true, OK, OK },
	{ "If-Modified-Since: " EXACTLY, true, NOT_MODIFIED, OK },
	{ "If-Modified-Since: " AFTER, true, NOT_MODIFIED, OK },
	{ "If-Modified-Since: " AFTER, false, OK, OK },
	{ "If-Modified-Since: tomorrow\r\n", true, OK, OK },
	{ "If-Unmodified-Since: " BEFORE, false, PRECONDITION, OK },
	{ "If-Unmodified-Since: " EXACTLY, false, OK, OK },
	{ "If-Unmodified-Since: yesterday\r\n", false, OK, OK },
	/* The entity-tag decides where both are there. */
	{ "If-Match: \"t\"\r\nIf-Unmodified-Since: " BEFORE, false, OK,
	    PRECONDITION },
	{ "If-None-Match: \"u\"\r\nIf-Modified-Since: " AFTER, true, OK, OK },
	/* The first step that fails is the answer. */
	{ "If-Match: \"u\"\r\nIf-None-Match: \"t\"\r\n", true, PRECONDITION,
	    PRECONDITION },
	{ "If-Match: \"t\"\r\nIf-None-Match: \"t\"\r\n", true, NOT_MODIFIED,
	    PRECONDITION },
};

static void
conditions_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request *request = request_make("GET", rows[i].fields);
		enum outcome one = conditional_check(request, rows[i].safe,
		    &there);
		enum outcome two = conditional_check(request, rows[i].safe,
		    &missing);

		if (one != rows[i].there || two != rows[i].missing)
			fail_msg("%s: %s and %s", rows[i].fields,
			    outcome_name(one), outcome_name(two));
		request_drop(request);
	}
}

static void
lists_are_read(void **state)
{
	static const struct {
		const char *list;
		bool strong, weak;
	} lists[] = {
		{ "\"t\"", true, true },
		{ " \"t\" ", true, true },
		{ "W/\"t\"", false, true },
		{ "w/\"t\"", false, false },
		{ "\"a,\"t\"\"", false, false },
		{ "\"t", false, false },
		{ "\"t\"x", false, false },
		{ "\"t\"x,\"t\"", true, true },
		{ ",,\"t\",", true, true },
		{ "*,\"u\"", false, false },
		{ "\"a\\\"t\"", false, false },
		{ "'t'", false, false },
		{ "\"u\" \"t\"", false, false },
		{ "W/", false, false },
		{ "\"", false, false },
		{ ",", false, false },
		{ "\"a,b\",\"t\"", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct text list = text_from(lists[i].list);

		if (etag_list_matches(list, &there, false) != lists[i].strong ||
		    etag_list_matches(list, &there, true) != lists[i].weak)
			fail_msg("%s", lists[i].list);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_judged),
		cmocka_unit_test(lists_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
