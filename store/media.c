#include "store/media.h"

#include <magic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/encode.h"
#include "server/base/memory.h"
#include "store/media_table.h"

/*
 * Which type a content has. The rule, in order:
 *
 *  1. An empty content has the type of its extension.
 *  2. The bytes carry a known signature. If the extension's type is one that
 *     such bytes may have (a .docx is a zip, a .cr2 is a TIFF), the extension
 *     says which. If they contradict, the signature wins.
 *  3. The extension names a type of text, and the bytes are text: that type.
 *     A document that a browser would run (HTML, SVG, XML that begins like
 *     one) keeps its active type whatever its extension says, so that nobody
 *     gets script served as a picture or as plain text.
 *  4. Otherwise libmagic decides; an extension refines what it calls only
 *     text, zip, xml or bytes, but never to a type that has a signature which
 *     is missing here, and never away from an active type.
 *
 * media_quick() answers 1 to 3 and is cheap: two tables, no allocation.
 */
struct media_cookie {
	magic_t magic;
	char type[MEDIA_TYPE_MAX + 1];
};

static const struct text type_bytes = { "application/octet-stream", 24 };
static const struct text type_plain = { "text/plain", 10 };

/* The last extension of a name in lower case; false when there is none. */
static bool
extension_of(struct text name, char *out, size_t size)
{
	size_t at = name.len;

	while (at > 0 && name.ptr[at - 1] != '.')
		at--;
	/* ".profile" is a name, not an extension. */
	if (at < 2 || name.len == at || name.len - at >= size)
		return false;
	for (size_t i = at; i < name.len; i++) {
		char c = name.ptr[i];

		out[i - at] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	out[name.len - at] = '\0';
	return true;
}

static int
compare_row(const void *key, const void *row)
{
	return strcmp(key, ((const struct media_row *)row)->extension);
}

static const struct media_row *
row_of(struct text name)
{
	char extension[16];

	if (!extension_of(name, extension, sizeof(extension)))
		return NULL;
	return bsearch(extension, media_rows, media_row_count,
	    sizeof(media_rows[0]), compare_row);
}

static bool
carries(struct text head, const struct media_signature *signature)
{
	size_t end = signature->offset + signature->len;

	if (signature->lead != NULL &&
	    !text_starts(head, text_from(signature->lead)))
		return false;
	return head.len >= end &&
	    memcmp(head.ptr + signature->offset, signature->bytes,
		signature->len) == 0;
}

static const struct media_signature *
signature_of(struct text head)
{
	for (size_t i = 0; i < media_signature_count; i++)
		if (carries(head, &media_signatures[i]))
			return &media_signatures[i];
	return NULL;
}

enum { EIGHT = sizeof(uint64_t) };

static const uint64_t each = UINT64_C(0x0101010101010101);
static const uint64_t high = UINT64_C(0x8080808080808080);

/* The high bit of each byte that is `byte`; all are below 0x80. */
static uint64_t
bytes_that_are(uint64_t word, unsigned char byte)
{
	return ~((word ^ each * byte) + each * 0x7f) & high;
}

/* Do eight bytes stand between space and '~', or end a line, or are tabs? */
static bool
eight_are_plain(const char *bytes)
{
	uint64_t word, low, space;

	memcpy(&word, bytes, sizeof(word));
	if ((word & high) != 0)
		return false;
	/* No sum of bytes below 0x80 carries into the next byte. */
	low = ~(word + each * (0x80 - 0x20)) & high;
	if ((low | bytes_that_are(word, 0x7f)) == 0)
		return true;
	space = bytes_that_are(word, '\n') | bytes_that_are(word, '\r') |
	    bytes_that_are(word, '\t');
	return ((low & ~space) | bytes_that_are(word, 0x7f)) == 0;
}

/* Bytes at the beginning, in eights, that are text beyond doubt. */
static size_t
plain_length(struct text head)
{
	size_t at = 0;

	while (at + EIGHT <= head.len && eight_are_plain(head.ptr + at))
		at += EIGHT;
	return at;
}

/*
 * UTF-8 text without controls that no text has. The first bytes may end
 * within a character, so up to three bytes at the end are let off.
 */
static bool
looks_like_text(struct text head)
{
	head = text_slice(head, plain_length(head), head.len);
	for (size_t i = 0; i < head.len; i++) {
		unsigned char c = (unsigned char)head.ptr[i];

		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' &&
			c != '\f' && c != 0x1b) ||
		    c == 0x7f)
			return false;
	}
	for (size_t cut = 0; cut <= 3 && cut <= head.len; cut++)
		if (utf8_valid(text_slice(head, 0, head.len - cut)))
			return true;
	return false;
}

/* What stands first in a document, behind a byte order mark and space. */
static struct text
first_word(struct text head)
{
	size_t at = 0;

	if (text_starts(head, TEXT("\xef\xbb\xbf")))
		at = 3;
	while (at < head.len && strchr(" \t\r\n\f", head.ptr[at]) != NULL &&
	    head.ptr[at] != '\0')
		at++;
	return text_slice(head, at, head.len);
}

static bool
contains_nocase(struct text head, struct text word)
{
	for (size_t i = 0; i + word.len <= head.len; i++)
		if (text_equal_nocase(text_slice(head, i, i + word.len), word))
			return true;
	return false;
}

/*
 * The active type that a browser which guesses would see in a text, or empty:
 * a tag that opens a document anywhere in what is looked at.
 */
static struct text
active_text(struct text head)
{
	static const struct text marks[] = { { "<!doctype html", 14 },
		{ "<html", 5 }, { "<head", 5 }, { "<body", 5 },
		{ "<script", 7 }, { "<iframe", 7 } };
	struct text start = first_word(head);

	if (start.len == 0 || start.ptr[0] != '<')
		return TEXT_NONE;
	if (contains_nocase(start, TEXT("<svg")))
		return TEXT("image/svg+xml");
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (contains_nocase(start, marks[i]))
			return TEXT("text/html");
	if (text_starts_nocase(start, TEXT("<?xml")))
		return TEXT("application/xml");
	return TEXT_NONE;
}

static bool
is_markup(const struct media_row *row)
{
	return row != NULL && row->form == MEDIA_MARKUP;
}

/* Step 3 of the rule. */
static bool
quick_text(const struct media_row *row, struct text head, struct text *ret)
{
	struct text active;

	if (!looks_like_text(head)) {
		/* A name that promises only bytes has kept its word. */
		*ret = type_bytes;
		return row != NULL &&
		    text_equal(text_from(row->type), type_bytes);
	}
	active = active_text(head);
	if (active.len > 0) {
		/* Markup by both: the extension says which. */
		*ret = is_markup(row) ? text_from(row->type) : active;
		return true;
	}
	if (row == NULL || row->form == MEDIA_BINARY)
		return false;
	*ret = text_from(row->type);
	return true;
}

bool
media_quick(struct text name, struct text head, struct text *ret_type)
{
	const struct media_row *row = row_of(name);
	const struct media_signature *signature;

	head = text_slice(head, 0, MEDIA_SNIFF_BYTES);
	if (head.len == 0) {
		*ret_type = row != NULL ? text_from(row->type) : type_bytes;
		return true;
	}
	signature = signature_of(head);
	if (signature == NULL)
		return quick_text(row, head, ret_type);
	if (row != NULL && row->family == signature->family) {
		*ret_type = text_from(row->type);
		return true;
	}
	/* A container tells nothing yet about what is in it. */
	if (signature->type == NULL)
		return false;
	*ret_type = text_from(signature->type);
	return true;
}

struct media_cookie *
media_cookie_new(void)
{
	/*
	 * These checks unpack, parse or guess at length; what they would say
	 * comes from the extension (components.md 11b).
	 */
	const int flags = MAGIC_MIME_TYPE | MAGIC_ERROR |
	    MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_CDF |
	    MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_JSON | MAGIC_NO_CHECK_CSV;
	struct media_cookie *cookie = memory_alloc(sizeof(*cookie));

	cookie->magic = magic_open(flags);
	if (cookie->magic != NULL && magic_load(cookie->magic, NULL) != 0) {
		/* Without its database the tables alone decide. */
		magic_close(cookie->magic);
		cookie->magic = NULL;
	}
	return cookie;
}

void
media_cookie_free(struct media_cookie *cookie)
{
	if (cookie == NULL)
		return;
	if (cookie->magic != NULL)
		magic_close(cookie->magic);
	free(cookie);
}

/* "type/subtype" of RFC 6838 4.2 names; anything else is no answer. */
static bool
well_formed(struct text type)
{
	size_t slashes = 0;

	if (type.len == 0 || type.len > MEDIA_TYPE_MAX)
		return false;
	for (size_t i = 0; i < type.len; i++) {
		char c = type.ptr[i];

		if (c == '/')
			slashes++;
		else if (c <= ' ' || c > '~' ||
		    strchr("\"(),:;<=>?@[\\]", c) != NULL)
			return false;
	}
	return slashes == 1 && type.ptr[0] != '/' &&
	    type.ptr[type.len - 1] != '/';
}

static struct text
ask_magic(struct media_cookie *cookie, struct text head)
{
	const char *answer = NULL;
	struct text type;

	if (cookie->magic != NULL)
		answer = magic_buffer(cookie->magic, head.ptr, head.len);
	type = text_from(answer);
	if (!well_formed(type))
		return looks_like_text(head) ? type_plain : type_bytes;
	memcpy(cookie->type, type.ptr, type.len);
	return (struct text){ cookie->type, type.len };
}

/* Words of libmagic that say only what kind of bytes these are. */
static bool
is_vague(struct text type)
{
	static const struct text vague[] = { { "text/plain", 10 },
		{ "application/octet-stream", 24 }, { "application/zip", 15 },
		{ "text/xml", 8 }, { "application/x-ole-storage", 25 },
		{ "application/CDFV2", 17 } };

	for (size_t i = 0; i < sizeof(vague) / sizeof(vague[0]); i++)
		if (text_equal(type, vague[i]))
			return true;
	return false;
}

/* May the extension say more than libmagic did? Step 4 of the rule. */
static bool
refines(const struct media_row *row, struct text type, struct text head)
{
	bool text;

	if (row == NULL || !is_vague(type))
		return false;
	/* Its signature is missing, or step 2 had taken it. */
	if (row->family != MEDIA_NO_FAMILY)
		return false;
	text = looks_like_text(head);
	return (row->form == MEDIA_BINARY) != text;
}

struct text
media_detect(struct media_cookie *cookie, struct text name, struct text head)
{
	const struct media_row *row = row_of(name);
	struct text type;

	if (media_quick(name, head, &type))
		return type;
	head = text_slice(head, 0, MEDIA_SNIFF_BYTES);
	type = ask_magic(cookie, head);
	return refines(row, type, head) ? text_from(row->type) : type;
}

bool
media_is_active(struct text type)
{
	static const struct text active[] = { { "text/html", 9 },
		{ "application/xhtml+xml", 21 }, { "image/svg+xml", 13 },
		{ "application/javascript", 22 }, { "text/javascript", 15 },
		{ "application/ecmascript", 22 },
		{ "application/x-javascript", 24 }, { "application/xml", 15 },
		{ "text/xml", 8 }, { "text/xsl", 8 },
		{ "application/xslt+xml", 20 },
		{ "application/mathml+xml", 22 }, { "text/cache-manifest", 19 },
		{ "application/x-shockwave-flash", 29 },
		{ "application/wasm", 16 }, { "message/rfc822", 14 },
		{ "multipart/related", 17 },
		{ "application/x-mimearchive", 25 },
		{ "application/java-archive", 24 } };

	/* A parameter does not make a type harmless. */
	type = text_trim(text_slice(type, 0, text_find(type, ';')));
	for (size_t i = 0; i < sizeof(active) / sizeof(active[0]); i++)
		if (text_equal_nocase(type, active[i]))
			return true;
	return text_ends(type, TEXT("+xml"));
}
