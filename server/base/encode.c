/*
 * Encodings of bytes as text. Each escape writes runs of plain bytes in one
 * piece; which bytes are plain is a table or one comparison.
 */
#include "server/base/encode.h"

#include <limits.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct text
hex_encode(struct arena *arena, struct text bytes)
{
	char *out = arena_array(arena, bytes.len, 2);

	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char byte = (unsigned char)bytes.ptr[i];

		out[2 * i] = hex_digits[byte >> 4];
		out[2 * i + 1] = hex_digits[byte & 15];
	}
	return (struct text){ out, 2 * bytes.len };
}

bool
hex_decode(struct arena *arena, struct text text, struct text *ret_bytes)
{
	char *out;

	if (text.len % 2 != 0)
		return false;
	out = ARENA_ARRAY(arena, text.len / 2, char);
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = hex_value(text.ptr[2 * i]);
		int low = hex_value(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (char)(high << 4 | low);
	}
	*ret_bytes = (struct text){ out, text.len / 2 };
	return true;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Up to four digits to up to three bytes; 0 when they are not base64. */
static size_t
base64_decode_group(const char *digit, size_t count, char out[3])
{
	unsigned long bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < count ? base64_value(digit[i]) : 0;

		if (value < 0)
			return 0;
		bits = bits << 6 | (unsigned long)value;
	}
	/* Bits that no byte uses are zero (RFC 4648 3.5): one spelling. */
	if ((count == 2 && (bits & 0xffff) != 0) ||
	    (count == 3 && (bits & 0xff) != 0))
		return 0;
	out[0] = (char)(bits >> 16 & 0xff);
	out[1] = (char)(bits >> 8 & 0xff);
	out[2] = (char)(bits & 0xff);
	return count - 1;
}

bool
base64_decode(struct arena *arena, struct text text, struct text *ret_bytes)
{
	size_t digits = text.len, used = 0;
	char *out;

	if (text.len % 4 != 0)
		return false;
	for (int pads = 0; pads < 2 && digits > 0; pads++)
		if (text.ptr[digits - 1] == '=')
			digits--;
	out = arena_array(arena, text.len / 4, 3);
	for (size_t i = 0; i < digits; i += 4) {
		size_t count = digits - i < 4 ? digits - i : 4;
		size_t got = base64_decode_group(text.ptr + i, count,
		    out + used);

		if (got == 0)
			return false;
		used += got;
	}
	*ret_bytes = (struct text){ out, used };
	return true;
}

struct text
base64_encode(struct arena *arena, struct text bytes)
{
	size_t groups = bytes.len / 3 + (bytes.len % 3 != 0);
	char *out = arena_array(arena, groups, 4);

	for (size_t i = 0; i < groups; i++) {
		size_t left = bytes.len - 3 * i;
		unsigned long bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 |
			    (j < left ? (unsigned char)bytes.ptr[3 * i + j] :
					0UL);
		for (size_t j = 0; j < 4; j++)
			out[4 * i + j] = j > left ?
			    '=' :
			    base64_digits[bits >> (18 - 6 * j) & 63];
	}
	return (struct text){ out, 4 * groups };
}

/* A set of ASCII bytes. */
#define BYTE(c) (1ULL << ((c) & 63))
#define DIGITS (0x3ffULL << '0')
#define LETTERS (0x3ffffffULL << ('A' & 63) | 0x3ffffffULL << ('a' & 63))

static bool
byte_in(const uint64_t set[2], char c)
{
	unsigned char byte = (unsigned char)c;

	return byte < 128 && (set[byte >> 6] >> (byte & 63) & 1) != 0;
}

/*
 * A segment keeps unreserved, ':' and '@', and of the sub-delims those that
 * mean nothing anywhere: '&' would need an entity in XML, ';' once began a
 * path parameter, and some clients read '+' as a space.
 */
static const uint64_t segment_plain[2] = {
	DIGITS | BYTE('-') | BYTE('.') | BYTE('!') | BYTE('$') | BYTE('\'') |
	    BYTE('(') | BYTE(')') | BYTE('*') | BYTE(',') | BYTE('=') |
	    BYTE(':'),
	LETTERS | BYTE('_') | BYTE('~') | BYTE('@'),
};

/* Digits of RFC 3986 2.1. */
static const char percent_digits[] = "0123456789ABCDEF";

void
percent_encode_segment(struct buffer *out, struct text segment)
{
	size_t run = 0;

	for (size_t i = 0; i < segment.len; i++) {
		unsigned char byte = (unsigned char)segment.ptr[i];
		char coded[3] = { '%', percent_digits[byte >> 4],
			percent_digits[byte & 15] };

		if (byte_in(segment_plain, segment.ptr[i]))
			continue;
		buffer_append(out, text_slice(segment, run, i));
		buffer_append(out, (struct text){ coded, sizeof(coded) });
		run = i + 1;
	}
	buffer_append(out, text_slice(segment, run, segment.len));
}

char *
percent_put_segment(char *at, struct text segment)
{
	for (size_t i = 0; i < segment.len; i++) {
		unsigned char byte = (unsigned char)segment.ptr[i];

		if (byte_in(segment_plain, segment.ptr[i])) {
			*at++ = segment.ptr[i];
			continue;
		}
		*at++ = '%';
		*at++ = percent_digits[byte >> 4];
		*at++ = percent_digits[byte & 15];
	}
	return at;
}

/*
 * The length of the UTF-8 character at the front of `text` by the table of
 * RFC 3629 4, or 0 when there is none. The narrow ranges of the second byte
 * are what excludes overlongs, surrogates and what lies past U+10FFFF.
 */
static size_t
utf8_length(struct text text)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *byte = (const unsigned char *)text.ptr;
	size_t row = 0;

	while (row < sizeof(rows) / sizeof(rows[0]) &&
	    (byte[0] < rows[row].first || byte[0] > rows[row].last))
		row++;
	if (row == sizeof(rows) / sizeof(rows[0]) || rows[row].len > text.len)
		return 0;
	for (size_t i = 1; i < rows[row].len; i++) {
		unsigned char low = i == 1 ? rows[row].low : 0x80;
		unsigned char high = i == 1 ? rows[row].high : 0xbf;

		if (byte[i] < low || byte[i] > high)
			return 0;
	}
	return rows[row].len;
}

size_t
utf8_next(struct text text, uint32_t *ret_code)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t len = text.len > 0 ? utf8_length(text) : 0;
	uint32_t code;

	if (len == 0)
		return 0;
	code = (unsigned char)text.ptr[0] & mask[len];
	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text.ptr[i] & 0x3fU);
	*ret_code = code;
	return len;
}

bool
utf8_valid(struct text text)
{
	size_t at = 0;

	while (at < text.len) {
		size_t len;

		if ((unsigned char)text.ptr[at] < 0x80) {
			at++;
			continue;
		}
		len = utf8_length(text_slice(text, at, text.len));
		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

/* Most bytes: ASCII that neither XML nor JSON ever escapes. */
static bool
ascii_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '&' && c != '<' && c != '>' &&
	    c != '"' && c != '\\';
}

/* ASCII that stands for itself in XML. */
static const uint64_t xml_plain[2] = {
	~0xffffffffULL & ~(BYTE('"') | BYTE('&') | BYTE('<') | BYTE('>')),
	~0ULL,
};

/* A character that XML 1.0 2.2 has no way to write, not even escaped. */
static bool
xml_unwritable(uint32_t code)
{
	return (code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
	    code == 0xfffe || code == 0xffff;
}

/* What stands for a character, NULL when it stands for itself. */
static const char *
xml_entity(uint32_t code)
{
	switch (code) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	/* A parser turns these to spaces and newlines unless referenced. */
	case '\t':
		return "&#9;";
	case '\n':
		return "&#10;";
	case '\r':
		return "&#13;";
	default:
		return xml_unwritable(code) ? "\xef\xbf\xbd" : NULL;
	}
}

/* What stands for the first character of `text`; *ret_len: its bytes. */
static struct text
xml_character(struct text text, size_t *ret_len)
{
	uint32_t code = 0;
	size_t len = utf8_next(text, &code);
	const char *entity = len > 0 ? xml_entity(code) : "\xef\xbf\xbd";

	*ret_len = len > 0 ? len : 1;
	return entity != NULL ? text_from(entity) : text_slice(text, 0, len);
}

/*
 * Writes what stands for the character at `at`, after the plain run before
 * it; nothing when it stands for itself. Returns its length.
 */
static size_t
xml_escape_character(struct buffer *out, struct text text, size_t at,
    size_t *run)
{
	size_t len;
	struct text written = xml_character(text_slice(text, at, text.len),
	    &len);

	if (written.ptr != text.ptr + at) {
		buffer_append(out, text_slice(text, *run, at));
		buffer_append(out, written);
		*run = at + len;
	}
	return len;
}

void
xml_escape(struct buffer *out, struct text text)
{
	size_t at = 0, run = 0;

	while (at < text.len) {
		if (byte_in(xml_plain, text.ptr[at])) {
			at++;
			continue;
		}
		at += xml_escape_character(out, text, at, &run);
	}
	buffer_append(out, text_slice(text, run, text.len));
}

char *
xml_put(char *at, struct text text)
{
	for (size_t i = 0; i < text.len;) {
		struct text written;
		size_t len;

		if (byte_in(xml_plain, text.ptr[i])) {
			*at++ = text.ptr[i++];
			continue;
		}
		written = xml_character(text_slice(text, i, text.len), &len);
		memcpy(at, written.ptr, written.len);
		at += written.len;
		i += len;
	}
	return at;
}

static void
json_escape_code(struct buffer *out, uint32_t code)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char into[] = "\"\\bfnrt";
	size_t index = code <= SCHAR_MAX ? text_find(TEXT(from), (char)code) :
					   sizeof(from) - 1;

	if (index < sizeof(from) - 1) {
		buffer_append_byte(out, '\\');
		buffer_append_byte(out, into[index]);
		return;
	}
	buffer_format(out, "\\u%04x", (unsigned)code);
}

/* U+2028 and U+2029 end a line in JavaScript before ES2019. */
static bool
json_plain(uint32_t code)
{
	return code >= 0x20 && code != '"' && code != '\\' && code != 0x7f &&
	    code != 0x2028 && code != 0x2029;
}

void
json_escape(struct buffer *out, struct text text)
{
	size_t at = 0, run = 0;

	buffer_append_byte(out, '"');
	while (at < text.len) {
		uint32_t code = 0xfffd;
		size_t len;

		if (ascii_plain(text.ptr[at])) {
			at++;
			continue;
		}
		len = utf8_next(text_slice(text, at, text.len), &code);
		if (len == 0 || !json_plain(code)) {
			buffer_append(out, text_slice(text, run, at));
			json_escape_code(out, code);
			run = at + (len > 0 ? len : 1);
		}
		at += len > 0 ? len : 1;
	}
	buffer_append(out, text_slice(text, run, text.len));
	buffer_append_byte(out, '"');
}
