#pragma once

#include <stdbool.h>
#include <stddef.h>

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
};

/* The value of the only field of that name; ptr NULL when there is none. */
struct text
header_get(const struct header_list *list, const char *name);

size_t
header_count(const struct header_list *list, const char *name);

/* How many there are, and the value of the first of them, if any. */
size_t
header_find(const struct header_list *list, struct text name,
    struct text *ret_value);

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
