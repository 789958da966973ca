#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A counted string: bytes and their number, never owned, not ended by NUL.
 * `ptr` may be NULL when `len` is 0. All functions are pure and may be called
 * from any thread. The smallest are inline: decoders are made of them.
 */
struct text {
	const char *ptr;
	size_t len;
};

#define TEXT(literal) ((struct text){ (literal), sizeof(literal) - 1 })
#define TEXT_NONE ((struct text){ NULL, 0 })
/* For printf: printf("%.*s", TEXT_ARGS(t)). */
#define TEXT_ARGS(t) (int)(t).len, ((t).ptr != NULL ? (t).ptr : "")

/* The bytes of a C string up to its NUL; NULL gives the empty text. */
static inline struct text
text_from(const char *string)
{
	if (string == NULL)
		return TEXT_NONE;
	return (struct text){ string, strlen(string) };
}

static inline bool
text_equal(struct text a, struct text b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The same as text_equal_nocase() for `len` bytes of both. */
bool
bytes_equal_nocase(const char *a, const char *b, size_t len);

/* ASCII letters compare without case, all other bytes exactly. */
static inline bool
text_equal_nocase(struct text a, struct text b)
{
	return a.len == b.len && bytes_equal_nocase(a.ptr, b.ptr, a.len);
}

/* Order of memcmp, a prefix before the longer text. */
int
text_compare(struct text a, struct text b);

/* Equality whose time does not depend on where the texts differ. */
bool
text_equal_secret(struct text a, struct text b);

/* Bytes [from, to) with both clipped to the text. */
static inline struct text
text_slice(struct text text, size_t from, size_t to)
{
	if (to > text.len)
		to = text.len;
	if (from > to)
		from = to;
	if (text.ptr == NULL)
		return TEXT_NONE;
	return (struct text){ text.ptr + from, to - from };
}

static inline bool
text_starts(struct text text, struct text prefix)
{
	return text.len >= prefix.len &&
	    text_equal(text_slice(text, 0, prefix.len), prefix);
}

bool
text_starts_nocase(struct text text, struct text prefix);

bool
text_ends(struct text text, struct text suffix);

/* Index of the first `byte`, or text.len when there is none. */
size_t
text_find(struct text text, char byte);

/* Index of the first occurrence of `needle`, or text.len. */
size_t
text_find_text(struct text text, struct text needle);

/* A byte below 0x20 other than the tab, or 0x7f: ends or garbles a line. */
bool
text_has_control(struct text text);

/* Without leading and trailing spaces and tabs (OWS of RFC 9110 5.6.3). */
struct text
text_trim(struct text text);

/*
 * The piece before the first `separator`; `*rest` becomes what follows it, or
 * the empty text with ptr NULL when there was none. Loop while rest.ptr.
 */
struct text
text_split(struct text *rest, char separator);

/*
 * Digits only, no sign, no space, at least one digit, no overflow. Base 10 or
 * 16. False leaves *ret_value alone.
 */
bool
text_parse_u64(struct text text, unsigned base, uint64_t *ret_value);
