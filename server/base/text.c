/*
 * Counted strings. Empty texts may hold a NULL pointer, and memcmp() and its
 * relatives must not be given one even for no bytes, so each call here is
 * guarded by the length.
 */
#include "server/base/text.h"

#include <string.h>

bool
bytes_equal_nocase(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned difference = (unsigned char)a[i] ^ (unsigned char)b[i];
		char lower = (char)(a[i] | 0x20);

		if (difference != 0 &&
		    (difference != 0x20 || lower < 'a' || lower > 'z'))
			return false;
	}
	return true;
}

int
text_compare(struct text a, struct text b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool
text_equal_secret(struct text a, struct text b)
{
	volatile unsigned char difference = 0;

	/* The length of a secret is not secret: hashes have one length. */
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		difference = (unsigned char)(difference |
		    ((unsigned char)a.ptr[i] ^ (unsigned char)b.ptr[i]));
	return difference == 0;
}

bool
text_starts_nocase(struct text text, struct text prefix)
{
	return text.len >= prefix.len &&
	    text_equal_nocase(text_slice(text, 0, prefix.len), prefix);
}

bool
text_ends(struct text text, struct text suffix)
{
	return text.len >= suffix.len &&
	    text_equal(text_slice(text, text.len - suffix.len, text.len),
		suffix);
}

size_t
text_find(struct text text, char byte)
{
	const char *at;

	if (text.len == 0)
		return 0;
	at = memchr(text.ptr, byte, text.len);
	return at != NULL ? (size_t)(at - text.ptr) : text.len;
}

size_t
text_find_text(struct text text, struct text needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	if (needle.len > text.len)
		return text.len;
	at = memmem(text.ptr, text.len, needle.ptr, needle.len);
	return at != NULL ? (size_t)(at - text.ptr) : text.len;
}

static bool
is_control(char byte)
{
	return ((unsigned char)byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/*
 * Eight bytes at a time: a byte below 0x20 borrows into its highest bit, and so
 * does a 0x7f that was made 0. A borrow from the byte before it can lie, but
 * only behind one that was found. Tabs are found too: the caller looks closer.
 */
static bool
word_may_have_control(const char *bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t word, rubout;

	memcpy(&word, bytes, sizeof(word));
	rubout = word ^ (ones * 0x7f);
	return ((((word - ones * 0x20) & ~word) | ((rubout - ones) & ~rubout)) &
		   high) != 0;
}

bool
text_has_control(struct text text)
{
	size_t at = 0;

	while (at < text.len) {
		size_t end = text.len;

		if (text.len - at >= sizeof(uint64_t)) {
			end = at + sizeof(uint64_t);
			if (!word_may_have_control(text.ptr + at)) {
				at = end;
				continue;
			}
		}
		for (; at < end; at++)
			if (is_control(text.ptr[at]))
				return true;
	}
	return false;
}

struct text
text_trim(struct text text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 &&
	    (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	return text;
}

struct text
text_split(struct text *rest, char separator)
{
	size_t at = text_find(*rest, separator);
	struct text piece = text_slice(*rest, 0, at);

	if (at < rest->len)
		*rest = text_slice(*rest, at + 1, rest->len);
	else
		*rest = TEXT_NONE;
	return piece;
}

static unsigned
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return UINT8_MAX;
}

bool
text_parse_u64(struct text text, unsigned base, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = digit_value(text.ptr[i]);

		if (digit >= base ||
		    __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret_value = value;
	return true;
}
