#pragma once

#include "dav/exchange.h"

/*
 * A method is a row: dav/<name>.c with `const struct method method_<name>`,
 * and a line in dav/methods.c. Allow, OPTIONS, metrics and the 405 answer
 * follow from the row. `run` is one plain function in straight-line code that
 * never sees a connection, a loop or a callback.
 */
enum method_body {
	METHOD_BODY_NONE,   /* a body is 415 (RFC 4918 8.4) */
	METHOD_BODY_XML,    /* gathered in memory, limits.xml_body */
	METHOD_BODY_CONTENT /* streamed into a staged blob */
};

enum method_flag {
	METHOD_SAFE = 1 << 0,       /* RFC 9110 9.2.1 */
	METHOD_ANONYMOUS = 1 << 1,  /* answers without a principal */
	METHOD_LARGE_SLOW = 1 << 2, /* a body over 16 KiB is parsed in `slow` */
	METHOD_FREES = 1 << 3,      /* makes room: works on a full disk */
	METHOD_LONG = 1 << 4        /* a change as long as a tree is large */
};

struct method {
	const char *name;
	enum method_body body;
	enum lane lane;
	unsigned flags;
	/*
	 * ADMIT, ON_LOOP, exchange->txn is a read transaction, before any byte
	 * of the body: rights, state and cheap preconditions, so that a refusal
	 * costs nothing. The same checks run again in `run`. May choose another
	 * lane by *lane (a COPY of a large tree, a small PUT). NULL: nothing to
	 * check.
	 */
	enum outcome (*admit)(struct exchange *exchange, enum lane *lane);
	/*
	 * RUN: looks up, checks, changes, describes the answer. A failure is
	 * answered from `exchange->problem` and the outcome. Starts from
	 * nothing each time: response and problem were reset by the caller.
	 */
	enum outcome (*run)(struct exchange *exchange);
	/* Once, before LANE_COMMIT, with all of the body and no transaction:
	   of a content on a worker (PUT sniffs a type), of XML where its
	   length allows it (it is parsed). NULL: none. */
	enum outcome (*prepare)(struct exchange *exchange);
};

extern const struct method *const methods[];
extern const size_t method_count;

/* NULL: not a method of ours. Names compare exactly (RFC 9110 9.1). */
const struct method *
method_find(struct text name);

/* "OPTIONS, GET, ..." of all rows. */
struct text
method_allow(void);
