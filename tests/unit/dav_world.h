#pragma once

#include "tests/unit/auth_world.h"

#include "dav/method.h"

/*
 * The store of auth_world.h with requests put to methods: each runs as the
 * process would run it, ADMIT in a read transaction, RUN in the lane that was
 * chosen, and is committed or undone.
 */
struct ask {
	const char *user; /* NULL: nobody */
	const char *method, *target;
	const char *headers; /* "Name: value\n...", NULL: none */
	const char *body;    /* NULL: none */
};

struct reply {
	unsigned status;
	struct text body; /* all of it; arena of the world */
	struct response response;
};

struct reply
dav_ask(struct world *world, const struct ask *ask);

/* Its status alone. */
unsigned
dav_status(struct world *world, const char *user, const char *method,
    const char *target, const char *headers, const char *body);

/* Value of a field of the reply; empty when there is none. */
struct text
reply_field(const struct reply *reply, const char *name);

bool
reply_has(const struct reply *reply, const char *part);

/* The token that a LOCK gave, as "(<urn:uuid:...>)", for If. */
const char *
reply_token(struct world *world, const struct reply *reply);

/* "alice" owns the cell "docs" with "/dav/docs/dir/" in it; "bob" is there. */
int
dav_setup(void **state);

void
dav_grant(struct world *world, const char *path, const char *user,
    const char *what);
