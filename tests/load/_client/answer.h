/* An HTTP/1.1 answer as it comes in, in pieces of any size. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_place {
	IN_HEAD,
	IN_LENGTH, /* a body whose length was told */
	IN_SIZE,   /* the line before a chunk */
	IN_CHUNK,
	IN_TRAILER,
	IN_DONE,
	IN_ERROR
};

struct answer {
	enum answer_place place;
	int status;
	bool closes;    /* Connection: close */
	bool retry;     /* Retry-After is there */
	uint64_t left;  /* of the body or chunk, with its line end */
	uint64_t bytes; /* of bodies */
	size_t len;     /* of head or line */
	char text[8192];
};

void
answer_begin(struct answer *answer);

/* Takes bytes; place says where it stands then. Surplus is an error. */
void
answer_take(struct answer *answer, const char *bytes, size_t len);
