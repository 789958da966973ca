#pragma once

#include <stdbool.h>

#include "server/base/outcome.h"
#include "server/base/text.h"

/*
 * The media type of a content: decided by libmagic on its first bytes
 * together with the extension of its name, never by the client alone.
 */
enum { MEDIA_SNIFF_BYTES = 4096, MEDIA_TYPE_MAX = 127 };

/*
 * The cheap half: the extension names a type and the bytes carry that type's
 * signature (or are the text that it promises). Any thread, also a loop.
 * False: ask media_detect().
 */
bool
media_quick(struct text name, struct text head, struct text *ret_type);

/* One cookie per worker thread; loading takes a millisecond. */
struct media_cookie;

struct media_cookie *
media_cookie_new(void);

void
media_cookie_free(struct media_cookie *cookie);

/* Static text or text of the cookie, valid until its next call. */
struct text
media_detect(struct media_cookie *cookie, struct text name, struct text head);

/* Types that a browser could run: served as attachment (reliability.md 8). */
bool
media_is_active(struct text type);
