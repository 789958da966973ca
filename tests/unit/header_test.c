#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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
		cmocka_unit_test(tokens_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
