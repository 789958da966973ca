/* The canonical form: spellings, refusals, limits at and one past. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/base/buffer.h"
#include "server/base/path.h"

static struct arena *arena;

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct path
parsed(struct text raw)
{
	struct path path = { .count = SIZE_MAX };

	assert_int_equal(path_parse(arena, raw, &path), OK);
	return path;
}

/* Every spelling has the keys of the plain one. */
static void
spellings_are_one_resource(void **state)
{
	static const char *const same[][2] = {
		{ "/a/b", "/a/b/" },
		{ "/a/b", "//a///b" },
		{ "/a/b", "/./a/./b/." },
		{ "/a/b", "/a/x/../b" },
		{ "/a/b", "/x/../a/b" },
		{ "/a/b", "/%61/%62" },
		{ "/a/b", "/a/%2e/b" },
		{ "/a/b", "/a/x/%2e%2e/b" },
		{ "/a/b", "/a/x/.%2E/b" },
		{ "/", "/a/.." },
		{ "/", "//" },
		{ "/", "/." },
		{ "/a b", "/a%20b" },
		/* U+00E9 and e with U+0301 */
		{ "/caf\xc3\xa9", "/cafe\xcc\x81" },
		{ "/caf%C3%A9", "/cafe%cc%81" },
		/* U+212B ANGSTROM SIGN, U+00C5, A with U+030A */
		{ "/%E2%84%AB", "/%C3%85" },
		{ "/A%CC%8A", "/%C3%85" },
		/* Hangul syllable and its parts */
		{ "/%EA%B0%80", "/%E1%84%80%E1%85%A1" },
		/* marks in either order: U+0323 below, U+0307 above */
		{ "/q%CC%A3%CC%87", "/q%CC%87%CC%A3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct path a = parsed(text_from(same[i][0]));
		struct path b = parsed(text_from(same[i][1]));

		assert_true(path_equal(&a, &b));
		assert_false(path_below(&a, &b));
	}
}

static void
different_names_stay_different(void **state)
{
	static const char *const pairs[][2] = {
		{ "/a", "/A" },
		{ "/a", "/a%20" },
		{ "/a/b", "/a%5Cb" },
		{ "/%2561", "/a" },
		{ "/a", "/a/b" },
		{ "/ab/c", "/a/bc" },
		/* compatibility forms are not canonical ones */
		{ "/%EF%AC%81", "/fi" },
		{ "/%C2%B2", "/2" },
		{ "/...", "/" },
		{ "/..;", "/" },
		{ "/%252e%252e", "/" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct path a = parsed(text_from(pairs[i][0]));
		struct path b = parsed(text_from(pairs[i][1]));

		assert_false(path_equal(&a, &b));
	}
}

static void
names_stay_as_sent(void **state)
{
	struct path path = parsed(TEXT("/cafe%CC%81/%2541/a%5cb"));

	(void)state;
	assert_int_equal(path.count, 3);
	assert_true(text_equal(path.name[0], TEXT("cafe\xcc\x81")));
	assert_true(text_equal(path.key[0], TEXT("caf\xc3\xa9")));
	assert_true(text_equal(path.name[1], TEXT("%41")));
	assert_true(text_equal(path.key[1], TEXT("%41")));
	assert_true(text_equal(path.name[2], TEXT("a\\b")));
}

static void
trailing_slash_is_known(void **state)
{
	static const struct {
		const char *raw;
		bool slash;
	} rows[] = {
		{ "/", true },
		{ "/a", false },
		{ "/a/", true },
		{ "/a//", true },
		{ "/a/.", true },
		{ "/a/b/..", true },
		{ "/a/%2e", true },
		{ "/a/..", true },
		{ "/a.", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parsed(text_from(rows[i].raw)).trailing_slash,
		    rows[i].slash);
}

static void
refusals(void **state)
{
	static const struct text bad[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "a/b", 3 },
		{ "*", 1 },
		{ "/..", 3 },
		{ "/a/../..", 8 },
		{ "/%2e%2e", 7 },
		{ "/.%2e/a", 7 },
		{ "/a/../../a", 10 },
		{ "/a%2Fb", 6 },
		{ "/a%2fb", 6 },
		{ "/%2F", 4 },
		{ "/a%00", 5 },
		{ "/a\0b", 4 },
		{ "/a%00b", 6 },
		{ "/%", 2 },
		{ "/%4", 3 },
		{ "/%zz", 4 },
		{ "/%4g", 4 },
		{ "/%%41", 5 },
		{ "/% 1", 4 },
		{ "/%+1", 4 },
		{ "/a%", 3 },
		{ "/a%0a", 5 },
		{ "/a%1f", 5 },
		{ "/a%7f", 5 },
		{ "/a\nb", 4 },
		{ "/a\tb", 4 },
		{ "/%C2%85", 7 },
		{ "/%C2%9F", 7 },
		{ "/%ff", 4 },
		{ "/%C0%AF", 7 },
		{ "/%C0%AE%C0%AE", 13 },
		{ "/%ED%A0%80", 10 },
		{ "/%F4%90%80%80", 13 },
		{ "/%C3", 4 },
		{ "/%C3/%A4", 8 },
		{ "/\xff", 2 },
		{ "/a#b", 4 },
		{ "/a?b", 4 },
	};
	struct path path = { .count = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(path_parse(arena, bad[i], &path), BAD_INPUT);
	assert_int_equal(path.count, 42);
	assert_int_equal(parsed(TEXT("/a%23b%3f")).count, 1);
	assert_int_equal(parsed(TEXT("/%C2%A0")).count, 1);
}

static struct text
repeated(char byte, size_t len)
{
	char *bytes = arena_alloc(arena, len + 1);

	memset(bytes, byte, len);
	return (struct text){ bytes, len };
}

static void
segment_limit(void **state)
{
	struct path path;
	struct text raw;

	(void)state;
	raw = arena_format(arena, "/%.*s",
	    TEXT_ARGS(repeated('a', PATH_SEGMENT_MAX)));
	assert_int_equal(parsed(raw).name[0].len, PATH_SEGMENT_MAX);
	raw = arena_format(arena, "/%.*s",
	    TEXT_ARGS(repeated('a', PATH_SEGMENT_MAX + 1)));
	assert_int_equal(path_parse(arena, raw, &path), TOO_LARGE);
	raw = arena_format(arena, "/%.*s/..",
	    TEXT_ARGS(repeated('a', PATH_SEGMENT_MAX + 1)));
	assert_int_equal(path_parse(arena, raw, &path), TOO_LARGE);
}

/* 127 times U+0344 are 254 bytes as sent and 508 as NFC (U+0308 U+0301). */
static void
segment_limit_holds_for_the_key(void **state)
{
	char raw[2 + 2 * 127] = "/";
	struct path path;
	struct text key;

	(void)state;
	for (size_t i = 0; i < 127; i++)
		memcpy(raw + 1 + 2 * i, "\xcd\x84", 2);
	assert_int_equal(path_parse(arena, (struct text){ raw, 255 }, &path),
	    TOO_LARGE);
	assert_int_equal(path_parse(arena, (struct text){ raw, 1 + 2 * 63 },
			     &path),
	    OK);
	assert_int_equal(path.key[0].len, 4 * 63);
	assert_int_equal(name_key(arena, (struct text){ raw + 1, 2 * 64 },
			     &key),
	    TOO_LARGE);
}

static void
path_limit(void **state)
{
	/* 16 segments of 255 bytes and their slashes are 4 096. */
	struct buffer raw = { .max = 0 };
	struct path path;

	(void)state;
	for (size_t i = 0; i < 16; i++)
		buffer_format(&raw, "/%.*s", TEXT_ARGS(repeated('a', 255)));
	assert_int_equal(raw.len, PATH_MAX_BYTES);
	assert_int_equal(path_parse(arena, buffer_text(&raw), &path), OK);
	buffer_append(&raw, TEXT("/"));
	assert_int_equal(path_parse(arena, buffer_text(&raw), &path), OK);
	buffer_append(&raw, TEXT("b"));
	assert_int_equal(path_parse(arena, buffer_text(&raw), &path),
	    TOO_LARGE);
	buffer_append(&raw, TEXT("/.."));
	assert_int_equal(path_parse(arena, buffer_text(&raw), &path),
	    TOO_LARGE);
	buffer_done(&raw);
}

static void
level_limit(void **state)
{
	struct buffer raw = { .max = 0 };
	struct path path;

	(void)state;
	for (size_t i = 0; i < PATH_LEVELS_MAX; i++)
		buffer_append(&raw, TEXT("/a"));
	assert_int_equal(path_parse(arena, buffer_text(&raw), &path), OK);
	assert_int_equal(path.count, PATH_LEVELS_MAX);
	buffer_append(&raw, TEXT("/../b"));
	assert_int_equal(path_parse(arena, buffer_text(&raw), &path), OK);
	buffer_append(&raw, TEXT("/c"));
	assert_int_equal(path_parse(arena, buffer_text(&raw), &path),
	    TOO_LARGE);
	buffer_done(&raw);
}

static void
decoded_paths(void **state)
{
	struct path a, b;

	(void)state;
	assert_int_equal(path_parse_decoded(arena, TEXT("docs/a%20b#?/"), &a),
	    OK);
	assert_int_equal(a.count, 2);
	assert_true(text_equal(a.name[1], TEXT("a%20b#?")));
	assert_true(a.trailing_slash);
	assert_int_equal(path_parse_decoded(arena, TEXT("/docs/./x/../a"), &b),
	    OK);
	assert_int_equal(b.count, 2);
	assert_int_equal(path_parse_decoded(arena, TEXT_NONE, &b), OK);
	assert_int_equal(b.count, 0);
	assert_true(b.trailing_slash);
	assert_int_equal(path_parse_decoded(arena, TEXT("../a"), &b),
	    BAD_INPUT);
	assert_int_equal(path_parse_decoded(arena, TEXT("a\0b"), &b),
	    BAD_INPUT);
	assert_int_equal(path_parse_decoded(arena, TEXT("a\nb"), &b),
	    BAD_INPUT);
}

/* The path may outlive the bytes that it was made from. */
static void
memory_is_the_arenas(void **state)
{
	char raw[] = "/abc/%64";
	struct path path = parsed(text_from(raw));

	(void)state;
	memset(raw, 'x', sizeof(raw));
	assert_true(text_equal(path.name[0], TEXT("abc")));
	assert_true(text_equal(path.key[1], TEXT("d")));
}

static void
single_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/", "a\x01",
		"\x7f", "\xff", "\xc2\x80" };
	struct text key = TEXT("untouched");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(name_key(arena, text_from(bad[i]), &key),
		    BAD_INPUT);
	assert_int_equal(name_key(arena, TEXT("a\0"), &key), BAD_INPUT);
	assert_int_equal(name_key(arena, repeated('a', 256), &key), TOO_LARGE);
	assert_true(text_equal(key, TEXT("untouched")));
	assert_int_equal(name_key(arena, TEXT("..."), &key), OK);
	assert_int_equal(name_key(arena, TEXT(" "), &key), OK);
	assert_int_equal(name_key(arena, TEXT("\xf0\x9f\x98\x80"), &key), OK);
	assert_true(text_equal(key, TEXT("\xf0\x9f\x98\x80")));
}

static void
tails_and_parents(void **state)
{
	struct path path = parsed(TEXT("/dav/a/b")), root = parsed(TEXT("/"));
	struct path tail = path_tail(&path, 2), parent = path_parent(&path);

	(void)state;
	assert_int_equal(tail.count, 1);
	assert_true(text_equal(tail.name[0], TEXT("b")));
	assert_false(tail.trailing_slash);
	assert_int_equal(path_tail(&path, 3).count, 0);
	assert_true(path_tail(&path, 3).trailing_slash);
	assert_int_equal(path_tail(&path, 99).count, 0);
	assert_int_equal(parent.count, 2);
	assert_true(parent.trailing_slash);
	assert_int_equal(path_parent(&root).count, 0);
	assert_true(path_below(&path, &parent));
	assert_true(path_below(&path, &root));
	assert_false(path_below(&parent, &path));
	assert_false(path_below(&path, &path));
}

static void
below_is_by_segment(void **state)
{
	struct path a = parsed(TEXT("/dav/ab/x")), b = parsed(TEXT("/dav/a"));

	(void)state;
	assert_false(path_below(&a, &b));
}

static void
formatting_comes_back(void **state)
{
	static const char *const raws[] = { "/", "/a", "/a%20b/c%25",
		"/%C3%A4/%23%3F", "/a&b/c+d;e/'$!" };

	(void)state;
	for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
		struct path path = parsed(text_from(raws[i]));
		struct path again = parsed(path_format(arena, &path, false));

		assert_true(path_equal(&path, &again));
		again = parsed(path_format(arena, &path, true));
		assert_true(path_equal(&path, &again));
		assert_true(again.trailing_slash);
	}
}

static void
formatting(void **state)
{
	struct path path = parsed(TEXT("//a b/./%c3%a4/"));
	struct path root = parsed(TEXT("/"));

	(void)state;
	assert_true(text_equal(path_format(arena, &path, true),
	    TEXT("/a%20b/%C3%A4/")));
	assert_true(text_equal(path_format(arena, &path, false),
	    TEXT("/a%20b/%C3%A4")));
	assert_true(text_equal(path_format(arena, &root, true), TEXT("/")));
	assert_true(text_equal(path_format(arena, &root, false), TEXT("/")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spellings_are_one_resource),
		cmocka_unit_test(different_names_stay_different),
		cmocka_unit_test(names_stay_as_sent),
		cmocka_unit_test(trailing_slash_is_known),
		cmocka_unit_test(refusals),
		cmocka_unit_test(segment_limit),
		cmocka_unit_test(segment_limit_holds_for_the_key),
		cmocka_unit_test(path_limit),
		cmocka_unit_test(level_limit),
		cmocka_unit_test(decoded_paths),
		cmocka_unit_test(memory_is_the_arenas),
		cmocka_unit_test(single_names),
		cmocka_unit_test(tails_and_parents),
		cmocka_unit_test(below_is_by_segment),
		cmocka_unit_test(formatting_comes_back),
		cmocka_unit_test(formatting),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
