/*
 * One table of 128 bytes: sixteen a row, in the order of ASCII. Bytes above
 * are obs-text, which a field value may hold and nothing else.
 */
#include "server/http/syntax.h"

enum {
	V = SYNTAX_VALUE,                 /* white space */
	P = SYNTAX_VALUE | SYNTAX_TARGET, /* delimiters */
	N = SYNTAX_VALUE | SYNTAX_TOKEN,  /* '#': no target holds a fragment */
	A = P | SYNTAX_TOKEN,
	H = A | SYNTAX_HEX
};

static const unsigned char classes[128] = {
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	V,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	V,
	A,
	P,
	N,
	A,
	A,
	A,
	A,
	P,
	P,
	A,
	A,
	P,
	A,
	A,
	P,
	H,
	H,
	H,
	H,
	H,
	H,
	H,
	H,
	H,
	H,
	P,
	P,
	P,
	P,
	P,
	P,
	P,
	H,
	H,
	H,
	H,
	H,
	H,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	P,
	P,
	P,
	A,
	A,
	A,
	H,
	H,
	H,
	H,
	H,
	H,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	A,
	P,
	A,
	P,
	A,
	0,
};

bool
syntax_is(char byte, enum syntax_class class)
{
	unsigned char index = (unsigned char)byte;

	if (index >= sizeof(classes))
		return class == SYNTAX_VALUE;
	return (classes[index] & (unsigned)class) != 0;
}

bool
syntax_all(struct text text, enum syntax_class class)
{
	for (size_t i = 0; i < text.len; i++)
		if (!syntax_is(text.ptr[i], class))
			return false;
	return text.len > 0;
}
