#pragma once

/*
 * What a function says when it can fail for a reason. Outcomes are few and
 * about meaning; server/http/problem.c is the one table from an outcome to an
 * HTTP status. Detail that a client may see is put once, where it is known,
 * into a `struct problem`; callers pass the outcome up untouched.
 */
enum outcome {
	OK = 0,
	NOT_FOUND,       /* nothing there, or nothing the subject may know of */
	EXISTS,          /* something is there that must not be */
	CONFLICT,        /* the parent is missing, or the state forbids it */
	FORBIDDEN,       /* a right is missing, or a rule forbids it for all */
	UNAUTHENTICATED, /* who is asking is not known */
	LOCKED,          /* a lock whose token was not submitted */
	PRECONDITION,    /* If-Match, If, Overwrite: F ... is false */
	NOT_MODIFIED,    /* If-None-Match or If-Modified-Since says unchanged */
	TOO_LARGE,       /* a limit on size, count or depth */
	NO_SPACE,        /* quota or disk */
	BUSY,            /* a bounded queue is full, try again later */
	PENDING,     /* nothing yet; who says it will also wake the caller */
	CANCELLED,   /* nobody waits for the answer any more */
	BAD_INPUT,   /* malformed */
	UNSUPPORTED, /* well formed, but not offered */
	RANGE,       /* no byte of the range exists */
	IO,          /* the disk or the engine failed */
	DAMAGED,     /* stored bytes are not what was stored */
	BUG,         /* a state that the code says cannot be */
	OUTCOME_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* The name of an outcome in lower case, for logs: "not_found". */
const char *
outcome_name(enum outcome outcome);
