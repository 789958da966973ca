/* Depth, Overwrite and Prefer (RFC 4918 10, RFC 7240). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dav/precondition.h"

static struct request
request_with(struct header_field *field, size_t count)
{
	return (struct request){ .headers = {
				     .field = field, .count = count } };
}

static void
test_depth(void **state)
{
	static const struct {
		const char *value;
		enum outcome outcome;
		int depth;
	} cases[] = {
		{ "0", OK, 0 },
		{ "1", OK, 1 },
		{ "infinity", OK, DEPTH_INFINITY },
		{ "Infinity", OK, DEPTH_INFINITY },
		{ "", BAD_INPUT, 0 },
		{ "2", BAD_INPUT, 0 },
		{ "-1", BAD_INPUT, 0 },
		{ "01", BAD_INPUT, 0 },
		{ "every", BAD_INPUT, 0 },
		{ "infinity, 0", BAD_INPUT, 0 },
		{ "1,noroot", BAD_INPUT, 0 },
	};
	struct request request = request_with(NULL, 0);
	int depth = 7;

	(void)state; /* nothing is shared */
	assert_int_equal(depth_parse(&request, 1, &depth), OK);
	assert_int_equal(depth, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct header_field field[] = {
			{ TEXT("depth"), text_from(cases[i].value) },
			{ TEXT("Depth"), text_from(cases[i].value) },
		};

		depth = 7;
		request = request_with(field, 1);
		assert_int_equal(depth_parse(&request, 0, &depth),
		    cases[i].outcome);
		assert_int_equal(depth,
		    cases[i].outcome == OK ? cases[i].depth : 7);
		/* Twice is as malformed as wrong. */
		request = request_with(field, 2);
		assert_int_equal(depth_parse(&request, 0, &depth), BAD_INPUT);
	}
}

static void
test_overwrite(void **state)
{
	static const struct {
		const char *value;
		enum outcome outcome;
		bool overwrite;
	} cases[] = {
		{ "T", OK, true },
		{ "F", OK, false },
		{ "", BAD_INPUT, false },
		{ "true", BAD_INPUT, false },
		{ "T, F", BAD_INPUT, false },
	};
	struct request request = request_with(NULL, 0);
	bool overwrite = false;

	(void)state; /* nothing is shared */
	assert_int_equal(overwrite_parse(&request, &overwrite), OK);
	assert_true(overwrite);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct header_field field = { TEXT("Overwrite"),
			text_from(cases[i].value) };

		overwrite = !cases[i].overwrite;
		request = request_with(&field, 1);
		assert_int_equal(overwrite_parse(&request, &overwrite),
		    cases[i].outcome);
		if (cases[i].outcome == OK)
			assert_int_equal(overwrite, cases[i].overwrite);
	}
}

static void
test_prefer(void **state)
{
	static const struct {
		const char *name, *value;
		bool minimal, noroot;
	} cases[] = {
		{ "Prefer", "return=minimal", true, false },
		{ "prefer", "depth-noroot, return=minimal", true, true },
		{ "Prefer", "return=minimal;x=1 , depth-noroot;y", true, true },
		{ "Prefer", "return=representation", false, false },
		{ "Prefer", "xreturn=minimal", false, false },
		{ "Prefer", "", false, false },
		{ "Brief", "t", true, false },
		{ "Brief", "f", false, false },
		{ "Other", "return=minimal", false, false },
	};

	(void)state; /* nothing is shared */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct header_field field = { text_from(cases[i].name),
			text_from(cases[i].value) };
		struct request request = request_with(&field, 1);

		assert_int_equal(prefers_minimal(&request), cases[i].minimal);
		assert_int_equal(prefers(&request, TEXT("depth-noroot")),
		    cases[i].noroot);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_overwrite),
		cmocka_unit_test(test_prefer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
