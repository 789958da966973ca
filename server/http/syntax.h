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

bool
syntax_is(char byte, enum syntax_class class);

/* At least one byte, all of the class. */
bool
syntax_all(struct text text, enum syntax_class class);
