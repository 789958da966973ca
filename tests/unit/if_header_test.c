/* The grammar of If (RFC 4918 10.4.2), and what it makes of odd strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dav/if_header.h"

#define UUID "urn:uuid:6b29fc40-ca47-1067-b31d-00dd010662da"

static const unsigned char uuid[16] = { 0x6b, 0x29, 0xfc, 0x40, 0xca, 0x47,
	0x10, 0x67, 0xb3, 0x1d, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda };

struct fixture {
	struct conf *conf;
	struct arena *arena;
};

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->conf = conf_defaults();
	fixture->arena = arena_new();
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	arena_free(fixture->arena);
	conf_unref(fixture->conf);
	free(fixture);
	return 0;
}

static enum outcome
parse(void **state, const char *value, struct if_header *header)
{
	struct fixture *fixture = *state;

	return if_parse(fixture->arena, fixture->conf, text_from(value),
	    header);
}

static void
test_absent(void **state)
{
	struct fixture *fixture = *state;
	struct if_header header;

	assert_int_equal(if_parse(fixture->arena, fixture->conf, TEXT_NONE,
			     &header),
	    OK);
	assert_int_equal(header.count, 0);
}

static void
test_untagged(void **state)
{
	struct if_header header;

	assert_int_equal(parse(state,
			     "(<" UUID
			     "> [\"a]b\"]) ( Not <DAV:no-lock>[W/\"x\"] )",
			     &header),
	    OK);
	assert_int_equal(header.count, 2);
	assert_null(header.list[0].resource.ptr);
	assert_int_equal(header.list[0].count, 2);
	assert_false(header.list[0].condition[0].is_etag);
	assert_true(text_equal(header.list[0].condition[0].value, TEXT(UUID)));
	assert_true(text_equal(header.list[0].condition[1].value,
	    TEXT("\"a]b\"")));
	assert_true(header.list[1].condition[0].negated);
	assert_false(header.list[1].condition[1].negated);
	assert_true(text_equal(header.list[1].condition[1].value,
	    TEXT("W/\"x\"")));
}

static void
test_tagged(void **state)
{
	struct if_header header;

	assert_int_equal(parse(state,
			     "</a> (<x:1>)([\"e\"]) <http://h/b> "
			     "(not<x:2>)",
			     &header),
	    OK);
	assert_int_equal(header.count, 3);
	assert_true(text_equal(header.list[0].resource, TEXT("/a")));
	assert_true(text_equal(header.list[1].resource, TEXT("/a")));
	assert_true(text_equal(header.list[2].resource, TEXT("http://h/b")));
	assert_true(header.list[2].condition[0].negated);
}

static void
test_malformed(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"(",
		")",
		"()",
		"( )",
		"(<",
		"(<)",
		"(<>)",
		"(<a",
		"(<a>",
		"<u>",
		"<u> ",
		"<u> <v> (<a>)",
		"<u>(<a>) <v>",
		"(<a>) <u> (<b>)",
		"(Not)",
		"(Not Not <a>)",
		"([)",
		"([])",
		"([\"])",
		"([\"a\")",
		"([\"a\"\"b\"])",
		"([a])",
		"([W/])",
		"([\"a\\\"b\"])",
		"((<a>))",
		"(<a> <b)",
		"x",
		"(<a>) x",
		"(<a>),(<b>)",
		"(<a b>)",
		"(<a<b>)",
		"([\"a b\"])",
		"(<\x01>)",
		"<> (<a>)",
		"(<a>] )",
		"Not (<a>)",
		"[\"a\"]",
		"(\"a\")",
		"<u> [\"a\"]",
	};
	struct if_header header;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(state, cases[i], &header), BAD_INPUT);
}

static void
test_limits(void **state)
{
	struct fixture *fixture = *state;
	size_t max = fixture->conf->limits.if_header;
	char *value = malloc(max + 1);
	struct if_header header;
	size_t lists = (max - max % 5) / 5;

	assert_non_null(value);
	for (size_t i = 0; i < lists; i++)
		memcpy(value + i * 5, "(<a>)", 5);
	assert_int_equal(if_parse(fixture->arena, fixture->conf,
			     (struct text){ value, lists * 5 }, &header),
	    OK);
	assert_int_equal(header.count, lists);
	memset(value, '(', max + 1);
	assert_int_equal(if_parse(fixture->arena, fixture->conf,
			     (struct text){ value, max }, &header),
	    BAD_INPUT);
	assert_int_equal(if_parse(fixture->arena, fixture->conf,
			     (struct text){ value, max + 1 }, &header),
	    TOO_LARGE);
	free(value);
}

static void
test_submits(void **state)
{
	struct if_header header;

	assert_int_equal(parse(state, "<http://elsewhere/> (<" UUID ">)",
			     &header),
	    OK);
	assert_true(if_submits(&header, uuid));
	assert_int_equal(parse(state, "(<x:1> <" UUID ">)", &header), OK);
	assert_true(if_submits(&header, uuid));
	assert_int_equal(parse(state, "(Not <" UUID ">)", &header), OK);
	assert_false(if_submits(&header, uuid));
	assert_int_equal(parse(state, "(<" UUID "0>)", &header), OK);
	assert_false(if_submits(&header, uuid));
	assert_int_equal(parse(state, "([\"" UUID "\"])", &header), OK);
	assert_false(if_submits(&header, uuid));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_untagged),
		cmocka_unit_test(test_tagged),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_submits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
