#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/response.h"
#include "tests/unit/http_request.h"

static int closed;

static void
hold_close(struct body_hold *hold)
{
	(void)hold;
	closed++;
}

static void
source_close(struct body_source *source)
{
	(void)source;
	closed += 10;
}

/* Whatever a value holds, it stays one line. */
static void
values_end_no_line(void **state)
{
	struct request *request = request_make("GET", "");
	struct response *response = &request->response;
	char long_value[600];

	(void)state;
	response_header(response, "A", TEXT("x\r\nSet-Cookie: y\0z\x7f"));
	assert_string_equal(response_field(response, "A"),
	    "x  Set-Cookie: y z ");
	assert_int_equal(response->field[0].value.len, 18);
	response_header(response, "B", TEXT("\t a\tb\xc3\xa9 "));
	assert_true(text_equal(response->field[1].value, TEXT("a\tb\xc3\xa9")));
	memset(long_value, 'v', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	response_header_format(response, "C", "%s-%d", long_value, 7);
	assert_int_equal(response->field[2].value.len, 601);
	assert_string_equal(response->field[2].value.ptr + 599, "-7");
	request_drop(request);
}

static void
kept_values_are_not_copied(void **state)
{
	static const char plain[] = "a static value", split[] = "a\r\nB: c";
	struct request *request = request_make("GET", "");
	struct response *response = &request->response;

	(void)state;
	response_header_kept(response, "A", text_from(plain));
	assert_ptr_equal(response->field[0].value.ptr, plain);
	response_header_kept(response, "B", text_from(split));
	assert_string_equal(response_field(response, "B"), "a  B: c");
	assert_string_equal(split, "a\r\nB: c");
	request_drop(request);
}

static void
pieces_add_up(void **state)
{
	struct request *request = request_make("GET", "");
	struct response *response = &request->response;
	char wanted[101] = "", *all;

	(void)state;
	for (int i = 0; i < 100; i++) {
		wanted[i] = (char)('a' + i % 26);
		response_piece_bytes(response,
		    arena_copy(request->arena, (struct text){ &wanted[i], 1 }));
	}
	assert_int_equal(response->piece_count, 100);
	assert_int_equal(response->length, 100);
	assert_int_equal(response->kind, BODY_PIECES);
	all = response_text(response);
	assert_string_equal(all, wanted);
	free(all);
	request_drop(request);
}

static void
reset_closes_once(void **state)
{
	struct request *request = request_make("GET", "");
	struct response *response = &request->response;
	struct body_hold hold = { .close = hold_close };
	struct body_source source = { .close = source_close };

	(void)state;
	closed = 0;
	response->status = 200;
	response->hold = &hold;
	response->source = &source;
	response->kind = BODY_SOURCE;
	response_header(response, "A", TEXT("b"));
	response_reset(response);
	assert_int_equal(closed, 11);
	response_reset(response);
	assert_int_equal(closed, 11);
	assert_int_equal(response->status, 0);
	assert_int_equal(response->field_count, 0);
	assert_int_equal(response->kind, BODY_NONE);
	assert_ptr_equal(response->arena, request->arena);
	request_drop(request);
}

static void
phrases_are_known(void **state)
{
	(void)state;
	assert_string_equal(status_phrase(207), "Multi-Status");
	assert_string_equal(status_phrase(423), "Locked");
	assert_string_equal(status_phrase(507), "Insufficient Storage");
	assert_string_equal(status_phrase(799), "Unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_end_no_line),
		cmocka_unit_test(kept_values_are_not_copied),
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(reset_closes_once),
		cmocka_unit_test(phrases_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
