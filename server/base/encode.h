#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/buffer.h"
#include "server/base/text.h"

/* Lower-case hex of `bytes`. */
struct text
hex_encode(struct arena *arena, struct text bytes);

bool
hex_decode(struct arena *arena, struct text text, struct text *ret_bytes);

/* RFC 4648 4 with padding, strict: no space, no line break. */
bool
base64_decode(struct arena *arena, struct text text, struct text *ret_bytes);

struct text
base64_encode(struct arena *arena, struct text bytes);

/*
 * Percent-encodes a path segment: unreserved of RFC 3986 2.3 and the
 * sub-delims that every client leaves alone stay, the rest becomes %XX.
 */
void
percent_encode_segment(struct buffer *out, struct text segment);

/*
 * Escapes & < > " for element content and attribute values (XML 1.0 2.4), and
 * tab and line ends so that a parser gives them back. What XML cannot hold
 * (most controls, bad UTF-8) becomes U+FFFD: the document is always well
 * formed.
 */
void
xml_escape(struct buffer *out, struct text text);

/*
 * The same two at an address, for who writes millions: past the end of what
 * they wrote. There must be room for 3 and for 6 times the bytes.
 */
char *
percent_put_segment(char *at, struct text segment);

char *
xml_put(char *at, struct text text);

/* A JSON string with its quotes (RFC 8259 7); bad UTF-8 becomes U+FFFD. */
void
json_escape(struct buffer *out, struct text text);

/* UTF-8 as RFC 3629 has it: no overlongs, surrogates or past U+10FFFF. */
bool
utf8_valid(struct text text);

/*
 * The character at the front of `text` and the number of its bytes; 0 when
 * there is none or it is not UTF-8.
 */
size_t
utf8_next(struct text text, uint32_t *ret_code);
