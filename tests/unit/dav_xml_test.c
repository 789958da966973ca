/* Bodies: what is refused (reliability.md V01 to V03), and what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "dav/xml.h"
#include "server/base/clock.h"

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
parse(struct fixture *fixture, struct text bytes)
{
	SCOPED(xml_doc) xmlDoc *doc = NULL;

	return xml_parse(bytes, fixture->conf, &doc);
}

static void
test_refused(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"x",
		"<",
		"<a",
		"<a>",
		"<a></b>",
		"<a/><b/>",
		"<a b></a>",
		"<a b=c/>",
		"<a b='1' b='2'/>",
		"<x:a/>",
		"<a x:b='1'/>",
		"<a xmlns:x=''/>",
		"<a>&b;</a>",
		"<a>\xc0\xaf</a>",
		"<a>\xed\xa0\x80</a>",
		"<a>\x01</a>",
		"<!DOCTYPE a><a/>",
		"<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///x'><a/>",
		"<!DOCTYPE a [<!ENTITY e 'v'>]><a>&e;</a>",
		"<!-- x --><!DOCTYPE a><a/>",
		"<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://x/'> %p;]><a/>",
		"<a/><!DOCTYPE a>",
		"<?xml version='1.0' encoding='x-none'?><a/>",
		"\xff\xfe<\0a",
		"\xfe\xff",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(fixture, text_from(cases[i])),
		    BAD_INPUT);
}

static void
test_accepted(void **state)
{
	static const char *const cases[] = {
		"<a/>",
		"<?xml version='1.0' encoding='utf-8'?>\n<a/>\n",
		"<a>\xf0\x90\x80\x80</a>",
		"<x:a xmlns:x='urn:x' x:b='1'/>",
		"<a><![CDATA[<!DOCTYPE x>]]></a>",
		"<!-- <!DOCTYPE x> \" --><a/>",
		"<a b='>'/>",
		"\xef\xbb\xbf<a/>",
		"<?xml version='1.0' encoding = \"UTF-8\" ?><a/>",
		"<?php <a ?><a/>",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(fixture, text_from(cases[i])), OK);
}

static void
test_utf16(void **state)
{
	static const char little[] = "\xff\xfe<\0a\0>\0\xe9\0=\xd8\x00\xde<\0"
				     "/\0a\0>";
	static const char big[] = "\0<\0a\0>\xd8=\xde\0\0<\0/\0a\0>";
	static const char lone[] = "\xfe\xff\0<\0a\0>\xd8=\0<\0/\0a\0>";
	struct fixture *fixture = *state;
	SCOPED(xml_doc) xmlDoc *doc = NULL;

	assert_int_equal(xml_parse((struct text){ little, sizeof(little) },
			     fixture->conf, &doc),
	    OK);
	assert_true(text_equal(xml_text(fixture->arena,
				   xmlDocGetRootElement(doc)),
	    TEXT("\xc3\xa9\xf0\x9f\x98\x80")));
	assert_int_equal(parse(fixture, (struct text){ big, sizeof(big) - 1 }),
	    OK);
	assert_int_equal(parse(fixture,
			     (struct text){ lone, sizeof(lone) - 1 }),
	    BAD_INPUT);
}

/* A number stands for "#" in each piece. */
static struct text
repeated(struct fixture *fixture, const char *before, const char *piece,
    size_t count, const char *after)
{
	struct text rest = text_from(piece);
	struct text front = text_split(&rest, '#');
	struct buffer out = { 0 };
	struct text text;

	buffer_append(&out, text_from(before));
	for (size_t i = 0; i < count; i++) {
		buffer_append(&out, front);
		if (rest.ptr != NULL)
			buffer_append_u64(&out, i);
		buffer_append(&out, rest);
	}
	buffer_append(&out, text_from(after));
	text = arena_copy(fixture->arena, buffer_text(&out));
	buffer_done(&out);
	return text;
}

/* Each within the time that V03 gives all of them. */
static void
test_shapes(void **state)
{
	struct fixture *fixture = *state;
	const struct {
		struct text bytes;
		enum outcome outcome;
	} cases[] = {
		{ repeated(fixture, "<p>", "<q#/>", 50000, "</p>"), TOO_LARGE },
		{ repeated(fixture, "<p", " xmlns:a#='u'", 5000, "/>"),
		    TOO_LARGE },
		{ repeated(fixture, "<p", " xmlns:a#='u'", 50000, "/>"),
		    TOO_LARGE },
		{ repeated(fixture, "<p", " a#=''", 90000, "/>"), TOO_LARGE },
		{ repeated(fixture, "<!-- ><a \" --><p", " a#=''", 90000, "/>"),
		    TOO_LARGE },
		{ repeated(fixture, "<p>", "<q xmlns:a#='u'/>", 5000, "</p>"),
		    TOO_LARGE },
		{ repeated(fixture, "", "<a>", 100000, ""), BAD_INPUT },
		{ repeated(fixture, "<p>", "<q#/>", 1000, "</p>"), OK },
		{ repeated(fixture, "", "<a>", 64, "x"), BAD_INPUT },
	};
	uint64_t begun = clock_monotonic_ns();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(fixture, cases[i].bytes),
		    cases[i].outcome);
	assert_true(clock_monotonic_ns() - begun < 2 * NS_PER_SECOND);
}

static void
test_depth(void **state)
{
	struct fixture *fixture = *state;
	struct buffer out = { 0 };

	for (unsigned depth = 64; depth <= 65; depth++) {
		buffer_clear(&out);
		for (unsigned i = 0; i < depth; i++)
			buffer_append(&out, TEXT("<a>"));
		for (unsigned i = 0; i < depth; i++)
			buffer_append(&out, TEXT("</a>"));
		assert_int_equal(parse(fixture, buffer_text(&out)),
		    depth <= 64 ? OK : BAD_INPUT);
	}
	buffer_done(&out);
}

/* What a value is kept as, and how it is shown again. */
static void
test_inner(void **state)
{
	static const struct {
		const char *document, *inner, *shown;
	} cases[] = {
		{ "<p><v xmlns='urn:v'>t</v></p>", ">t",
		    "<x:v xmlns:x=\"urn:v\">t</x:v>" },
		{ "<p><v/></p>", ">", "<v></v>" },
		{ "<p xmlns:a='urn:a' xmlns:b='urn:b' xml:lang='de'>"
		  "<a:v><b:w b:c='1'/>&lt;&#x10000;</a:v></p>",
		    " xmlns:b=\"urn:b\" xml:lang=\"de\"><b:w b:c=\"1\"/>&lt;"
		    "\xf0\x90\x80\x80",
		    "<x:v xmlns:x=\"urn:a\" xmlns:b=\"urn:b\" xml:lang=\"de\">"
		    "<b:w b:c=\"1\"/>&lt;\xf0\x90\x80\x80</x:v>" },
		{ "<p xmlns:x='urn:x'><v xmlns='urn:v'><x:w/></v></p>",
		    " xmlns:x=\"urn:x\"><x:w/>",
		    "<x1:v xmlns:x1=\"urn:v\" xmlns:x=\"urn:x\"><x:w/>"
		    "</x1:v>" },
		{ "<p xmlns:D='DAV:'><D:v><D:w/></D:v></p>",
		    " xmlns:D=\"DAV:\"><D:w/>",
		    "<d:v xmlns:D=\"DAV:\"><D:w/></d:v>" },
		{ "<p xmlns:d='urn:other'><v xmlns='DAV:'><d:w/></v></p>",
		    " xmlns:d=\"urn:other\"><d:w/>",
		    "<x1:v xmlns:x1=\"DAV:\" xmlns:d=\"urn:other\"><d:w/>"
		    "</x1:v>" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SCOPED(xml_doc) xmlDoc *doc = NULL;
		struct buffer out = { 0 };
		const xmlNode *node;
		struct text inner;

		assert_int_equal(xml_parse(text_from(cases[i].document),
				     fixture->conf, &doc),
		    OK);
		node = xml_next_element(xmlDocGetRootElement(doc)->children);
		inner = xml_inner(fixture->arena, node);
		assert_string_equal(inner.ptr, cases[i].inner);
		xml_element(&out, xml_space(node), xml_name(node), inner);
		buffer_append_byte(&out, '\0');
		assert_string_equal(out.ptr, cases[i].shown);
		buffer_done(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_utf16),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_inner),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
