#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/header.h"
#include "tests/unit/http_request.h"

static void
fields_are_found(void **state)
{
	struct request *request = request_make("GET",
	    "A: 1\r\nb: x\r\na: 2\r\nEmpty:\r\nA: \r\n");
	const struct header_list *list = &request->headers;

	(void)state;
	assert_true(text_equal(header_get(list, "B"), TEXT("x")));
	assert_null(header_get(list, "c").ptr);
	assert_non_null(header_get(list, "empty").ptr);
	assert_int_equal(header_get(list, "empty").len, 0);
	assert_int_equal(header_count(list, "a"), 3);
	assert_int_equal(header_count(list, "ab"), 0);
	assert_true(text_equal(header_join(request->arena, list, "A"),
	    TEXT("1, 2, ")));
	assert_true(text_equal(header_join(request->arena, list, "B"),
	    TEXT("x")));
	assert_null(header_join(request->arena, list, "c").ptr);
	request_drop(request);
}

/* One name at a time, so that no other one sets its bit. */
static void
names_are_found_in_any_case(void **state)
{
	static const char *const names[] = { "IF", "depth", "Range", "x-1_z",
		"Content-LENGTH", "a", "!#$%&'*+-.^_`|~" };
	static const char *const asked[] = { "if", "Depth", "rAnGe", "X-1_Z",
		"content-length", "A", "!#$%&'*+-.^_`|~" };
	enum { COUNT = sizeof(names) / sizeof(names[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		char line[64];
		struct request *request;
		struct text value;

		(void)snprintf(line, sizeof(line), "%s: 1\r\n", names[i]);
		request = request_make("GET", line);
		assert_int_not_equal(request->headers.absent, 0);
		for (size_t k = 0; k < COUNT; k++)
			assert_int_equal(header_find(&request->headers,
					     text_from(asked[k]), &value),
			    k == i);
		request_drop(request);
	}
}

/* Who puts a list together by hand knows no bits. */
static void
lists_made_by_hand_are_walked(void **state)
{
	struct header_field field = { TEXT("Depth"), TEXT("1") };
	struct header_list list = { .field = &field, .count = 1 };

	(void)state;
	assert_int_equal(header_count(&list, "depth"), 1);
	assert_int_equal(header_count(&list, "If"), 0);
}

static void
tokens_are_found(void **state)
{
	(void)state;
	assert_true(header_has_token(TEXT("close"), TEXT("close")));
	assert_true(header_has_token(TEXT("a, CLOSE ,b"), TEXT("close")));
	assert_false(header_has_token(TEXT("closed"), TEXT("close")));
	assert_false(header_has_token(TEXT("a close"), TEXT("close")));
	assert_false(header_has_token(TEXT(""), TEXT("close")));
	assert_false(header_has_token(TEXT_NONE, TEXT("close")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found),
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(lists_made_by_hand_are_walked),
		cmocka_unit_test(tokens_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
