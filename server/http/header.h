#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/text.h"

/*
 * Header fields in the order received. Names compare without case (RFC 9110
 * 5.1). Values have no surrounding white space, no CR, LF or NUL.
 */
struct header_field {
	struct text name, value;
};

struct header_list {
	struct header_field *field;
	size_t count;
	uint64_t absent; /* bits that no name here has; 0: not known */
};

/*
 * One bit of 64 for a name, the same for each case of its letters. A request
 * is asked for a score of names, and has few of them: most are known to be
 * missing without a walk. What compilers know of a literal they compute.
 */
static inline uint64_t
header_bit(struct text name)
{
	unsigned first, last;

	if (name.len == 0)
		return 0;
	first = (unsigned char)name.ptr[0] | 0x20U;
	last = (unsigned char)name.ptr[name.len - 1] | 0x20U;
	return UINT64_C(1) << ((name.len + 5 * first + 9 * last) % 64);
}

/* The same as header_find(), by a walk. */
size_t
header_search(const struct header_list *list, struct text name,
    struct text *ret_value);

/* How many there are, and the value of the first of them, if any. */
static inline size_t
header_find(const struct header_list *list, struct text name,
    struct text *ret_value)
{
	if ((list->absent & header_bit(name)) != 0)
		return 0;
	return header_search(list, name, ret_value);
}

/* The value of the only field of that name; ptr NULL when there is none. */
static inline struct text
header_get(const struct header_list *list, const char *name)
{
	struct text value = TEXT_NONE;

	(void)header_find(list, text_from(name), &value);
	return value;
}

static inline size_t
header_count(const struct header_list *list, const char *name)
{
	struct text value;

	return header_find(list, text_from(name), &value);
}

/*
 * All fields of a name as one list value, joined by ", " (RFC 9110 5.3); ptr
 * NULL when there is none.
 */
struct text
header_join(struct arena *arena, const struct header_list *list,
    const char *name);

/* A comma-separated list holds this token, without case. */
bool
header_has_token(struct text value, struct text token);
