#pragma once

#include "server/http/request.h"

/*
 * What went wrong, for a client: set once, where it is known. The one table
 * from outcome to status is problem.c. The body is a DAV:error element (RFC
 * 4918 16) with the condition, and a sentence in s:message that sync clients
 * show; HEAD and 304 have none. A sentence never holds what the subject may
 * not know.
 */
struct problem {
	unsigned status;       /* 0: from the outcome */
	const char *space;     /* namespace of condition, NULL: DAV: */
	const char *condition; /* element local name, NULL: none */
	struct text href;      /* inside the condition, as the client sees it */
	const char *privilege_space, *privilege; /* need-privileges */
	const char *message;    /* static sentence, NULL: of the status */
	unsigned retry_seconds; /* Retry-After, 0: none */
	uint64_t size;          /* of the content, for 416 (RFC 9110 15.5.17) */
};

unsigned
problem_status(enum outcome outcome, const struct problem *problem);

/* Describes the answer for a failure; problem may be NULL. */
void
problem_respond(struct request *request, enum outcome outcome,
    const struct problem *problem);

/* The DAV:error element alone, for a multistatus. */
void
problem_write(struct buffer *out, enum outcome outcome,
    const struct problem *problem);
