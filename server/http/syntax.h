#pragma once

#include <stdbool.h>

#include "server/base/text.h"

/* Character classes of RFC 9110 5.5 and 5.6.2, by table. */
enum syntax_class {
	SYNTAX_TOKEN = 1,  /* tchar */
	SYNTAX_VALUE = 2,  /* field value: VCHAR, obs-text, SP, HTAB */
	SYNTAX_TARGET = 4, /* request target: VCHAR without '#' */
	SYNTAX_HEX = 8
};

extern const unsigned char syntax_classes[128];

static inline bool
syntax_is(char byte, enum syntax_class class)
{
	unsigned char index = (unsigned char)byte;

	if (index >= sizeof(syntax_classes))
		return class == SYNTAX_VALUE;
	return (syntax_classes[index] & (unsigned)class) != 0;
}

/* At least one byte, all of the class. */
static inline bool
syntax_all(struct text text, enum syntax_class class)
{
	for (size_t i = 0; i < text.len; i++)
		if (!syntax_is(text.ptr[i], class))
			return false;
	return text.len > 0;
}
