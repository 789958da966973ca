#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "store/media.h"
#include "store/media_table.h"

/* Types by extension and first bytes; contradictions; what is active. */
static void
assert_quick(const char *name, struct text head, const char *type)
{
	struct text got = TEXT_NONE;

	if (type == NULL) {
		assert_false(media_quick(text_from(name), head, &got));
		return;
	}
	assert_true(media_quick(text_from(name), head, &got));
	if (!text_equal(got, text_from(type)))
		fail_msg("%s: %.*s instead of %s", name, TEXT_ARGS(got), type);
}

static void
test_extension_and_signature(void **state)
{
	(void)state;
	assert_quick("a.png", TEXT("\211PNG\r\n\032\n\0\0"), "image/png");
	assert_quick("a.PDF", TEXT("%PDF-1.7\n"), "application/pdf");
	assert_quick("letter.docx", TEXT("PK\3\4\024\0"),
	    "application/vnd.openxmlformats-officedocument"
	    ".wordprocessingml.document");
	assert_quick("letter.odt", TEXT("PK\3\4\024\0"),
	    "application/vnd.oasis.opendocument.text");
	assert_quick("old.doc", TEXT("\320\317\21\340\241\261\32\341"),
	    "application/msword");
	assert_quick("a.heic", TEXT("\0\0\0\030ftypheic\0\0"), "image/heic");
	assert_quick("a.mp4", TEXT("\0\0\0\030ftypisom\0\0"), "video/mp4");
	assert_quick("a.webp", TEXT("RIFF\1\2\3\4WEBPVP8 "), "image/webp");
	assert_quick("a.wav", TEXT("RIFF\1\2\3\4WAVEfmt "), "audio/vnd.wave");
	assert_quick("a.cr2", TEXT("II*\0\20\0"), "image/x-canon-cr2");
	assert_quick("a.tar.gz", TEXT("\37\213\10\0"), "application/gzip");
}

static void
test_text(void **state)
{
	(void)state;
	assert_quick("a.txt", TEXT("hello\n"), "text/plain");
	assert_quick("a.md", TEXT("# title\n"), "text/markdown");
	assert_quick("a.csv", TEXT("a,b\n1,2\n"), "text/csv");
	assert_quick("a.json", TEXT("{\"a\": 1}"), "application/json");
	assert_quick("a.css", TEXT("a { }"), "text/css");
	assert_quick("umlaut.txt", TEXT("\xc3\xa4"), "text/plain");
	/* The head may end within a character. */
	assert_quick("cut.txt", TEXT("abc\xc3"), "text/plain");
	assert_quick("latin1.txt", TEXT("\xe4hnlich wie"), NULL);
	assert_quick("cut.txt", TEXT("eight bytes, then some\xe2\x82"),
	    "text/plain");
	assert_quick("zeros.txt", TEXT("a\0b"), NULL);
	assert_quick("noextension", TEXT("hello"), NULL);
	assert_quick(".profile", TEXT("hello"), NULL);
	assert_quick("a.unknown", TEXT("hello"), NULL);
	assert_quick("WAVE.txt", TEXT("the big WAVE"), "text/plain");
}

/* Each byte at each place among plain ones, whole words and their rest. */
static void
test_text_bytes(void **state)
{
	(void)state;
	for (size_t at = 0; at < 21; at++) {
		for (int byte = 0; byte < 0x80; byte++) {
			char head[] = "all plain words here.";
			bool text = byte >= 0x20 ?
			    byte != 0x7f :
			    byte != 0 && strchr("\t\n\f\r\x1b", byte) != NULL;

			head[at] = (char)byte;
			assert_quick("a.txt", (struct text){ head, 21 },
			    text ? "text/plain" : NULL);
		}
	}
}

static void
test_empty(void **state)
{
	(void)state;
	assert_quick("a.txt", TEXT_NONE, "text/plain");
	assert_quick("a.docx", TEXT_NONE,
	    "application/vnd.openxmlformats-officedocument"
	    ".wordprocessingml.document");
	assert_quick("a", TEXT_NONE, "application/octet-stream");
}

static void
test_contradictions(void **state)
{
	(void)state;
	assert_quick("a.jpg", TEXT("\211PNG\r\n\032\n"), "image/png");
	assert_quick("a.pdf", TEXT("<!DOCTYPE html><script>x"), "text/html");
	assert_quick("a.png", TEXT("\n\t <HTML><body>"), "text/html");
	assert_quick("a.txt", TEXT("\xef\xbb\xbf<html>"), "text/html");
	assert_quick("a.txt", TEXT("<svg onload=x>"), "image/svg+xml");
	assert_quick("a.jpg", TEXT("<?xml version='1.0'?><svg/>"),
	    "image/svg+xml");
	assert_quick("a.csv", TEXT("<?xml version='1.0'?><a/>"),
	    "application/xml");
	assert_quick("a.svg", TEXT("<?xml version='1.0'?><svg/>"),
	    "image/svg+xml");
	assert_quick("a.html", TEXT("plain words"), "text/html");
	assert_quick("a.html", TEXT("%PDF-1.4"), "application/pdf");
	/* A zip without an office extension is for libmagic. */
	assert_quick("a.jpg", TEXT("PK\3\4\024\0"), NULL);
	/* An extension with a signature that is missing. */
	assert_quick("a.pdf", TEXT("just text"), NULL);
}

static void
assert_detect(struct media_cookie *cookie, const char *name, struct text head,
    const char *type)
{
	struct text got = media_detect(cookie, text_from(name), head);

	if (!text_equal(got, text_from(type)))
		fail_msg("%s: %.*s instead of %s", name, TEXT_ARGS(got), type);
}

static void
test_detect(void **state)
{
	static const char bmp[] = "BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"
				  "\2\0\0\0\2\0\0\0\1\0\x18\0\0\0\0\0\x10\0\0\0";
	struct media_cookie *cookie = media_cookie_new();

	(void)state;
	assert_detect(cookie, "a.txt", TEXT("hello\n"), "text/plain");
	assert_detect(cookie, "noextension", TEXT("hello, world\n"),
	    "text/plain");
	assert_detect(cookie, "a.bmp", (struct text){ bmp, sizeof(bmp) - 1 },
	    "image/bmp");
	assert_detect(cookie, "noise", TEXT("\1\2\3\200\201\377\0\0\5"),
	    "application/octet-stream");
	/* A pdf that is none, an image that is none: no promise is kept. */
	assert_detect(cookie, "a.pdf", TEXT("just text\n"), "text/plain");
	assert_detect(cookie, "latin1.csv", TEXT("\xe4;\xf6\n1;2\n"),
	    "text/plain");
	assert_detect(cookie, "a.torrent", TEXT("\1\2\3\200\201\377\0\0\5"),
	    "application/x-bittorrent");
	media_cookie_free(cookie);
	media_cookie_free(NULL);
}

static void
test_active(void **state)
{
	(void)state;
	assert_true(media_is_active(TEXT("text/html")));
	assert_true(media_is_active(TEXT("Text/HTML; charset=utf-8")));
	assert_true(media_is_active(TEXT("image/svg+xml")));
	assert_true(media_is_active(TEXT("application/xhtml+xml")));
	assert_true(media_is_active(TEXT("application/rss+xml")));
	assert_true(media_is_active(TEXT("text/javascript")));
	assert_false(media_is_active(TEXT("text/plain")));
	assert_false(media_is_active(TEXT("image/png")));
	assert_false(media_is_active(TEXT_NONE));
}

/* bsearch needs the order, MEDIA_TYPE_MAX the length. */
static void
test_tables(void **state)
{
	(void)state;
	assert_true(media_row_count >= 150);
	for (size_t i = 0; i < media_row_count; i++) {
		size_t len = strlen(media_rows[i].type);

		assert_true(len <= MEDIA_TYPE_MAX);
		assert_non_null(strchr(media_rows[i].type, '/'));
		if (i > 0)
			assert_true(strcmp(media_rows[i - 1].extension,
					media_rows[i].extension) < 0);
	}
	for (size_t i = 0; i < media_signature_count; i++)
		assert_true(media_signatures[i].len >= 2 &&
		    media_signatures[i].offset + media_signatures[i].len <=
			MEDIA_SNIFF_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extension_and_signature),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_bytes),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_detect),
		cmocka_unit_test(test_active),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
