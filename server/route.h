#pragma once

#include "server/visit.h"

/*
 * The first segment of a path decides who answers. A route is a row of
 * route.c: either WebDAV methods, which pass every phase, or a page that is
 * answered at once, without a principal.
 */
enum route_kind { ROUTE_METHODS, ROUTE_PAGE };

enum route_door { DOOR_PUBLIC = 1, DOOR_ADMIN = 2 };

struct route {
	const char *segment; /* "" is "/" itself */
	const char *second;  /* NULL: any, or none */
	enum route_kind kind;
	unsigned doors; /* listeners on which it exists */
	bool alone;     /* no further segment may follow */
	/* ROUTE_PAGE: GET and HEAD; describes the response. */
	void (*answer)(struct visit *visit);
};

/* NULL: nothing is there (404). */
const struct route *
route_find(const struct path *path, enum route_door door);
