#pragma once

#include <libxml/tree.h>

#include "dav/exchange.h"
#include "server/base/buffer.h"
#include "store/property.h"

/*
 * A live property is a row: named, with a writer of its value, in a family
 * file, and a line in dav/properties.c.
 */
struct property_target { /* the resource that a property is asked of */
	struct exchange *exchange;
	const struct node *node;   /* NULL: the collection of cells, "/dav/" */
	const struct trail *trail; /* to the node, or to its parent (member) */
	const struct rights *rights;
	const struct cell *cell; /* NULL at "/dav/" */
	struct text href;        /* encoded, as in the response */
	bool is_mount_root;      /* the root of a cell as mounted */
	bool is_principal;       /* the own principal resource */
};

struct property_patch { /* what PROPPATCH does beside dead properties */
	uint64_t created_ns, modified_ns; /* 0: unchanged */
};

enum property_flag {
	PROPERTY_ALLPROP = 1 << 0,    /* part of DAV:allprop (RFC 4918 9.1) */
	PROPERTY_COLLECTION = 1 << 1, /* only collections have it */
	PROPERTY_FILE = 1 << 2,       /* only files have it */
	PROPERTY_WRITABLE = 1 << 3,   /* PROPPATCH may set it: `set`, or
	                                 a dead one of the same name that
	                                 is shown instead */
	PROPERTY_FIXED = 1 << 4       /* what write() says of a member depends
	                                 on its kind and the rights on it
	                                 alone, while nothing is locked */
};

/* Days that a listing has met: a date costs more than all else of a member. */
enum { PROPERTY_DAYS = 4, DAY_HTTP = 17, DAY_RFC3339 = 11 };

struct property_dates {
	struct property_day {
		uint64_t next;             /* the day after it; 0: none */
		char http[DAY_HTTP];       /* "Sun, 06 Nov 1994 " */
		char rfc3339[DAY_RFC3339]; /* "1994-11-06T" */
	} day[PROPERTY_DAYS];
};

struct live_property {
	const char *space, *name;
	unsigned flags;
	/*
	 * Appends the content of the element, escaped, in which the prefix d:
	 * is DAV:. NOT_FOUND: this resource does not have it (404 propstat).
	 * FORBIDDEN: it may not be read (403 propstat).
	 */
	enum outcome (*write)(const struct property_target *target,
	    struct buffer *out);
	/*
	 * The same for members of a listing, which has asked write() whether
	 * one of this kind with these rights has it, and does not ask again:
	 * writes at most `put_most` bytes and gives their end. NULL: none.
	 */
	char *(*put)(const struct property_target *target,
	    struct property_dates *dates, char *at);
	size_t put_most;
	/* Remembers a new value in the patch; NULL: kept as a dead one. */
	enum outcome (*set)(struct text value, struct property_patch *patch);
};

extern const struct live_property *const live_properties[];
extern const size_t live_property_count;

const struct live_property *
live_property_find(struct text space, struct text name);

/* What a PROPFIND or REPORT asks for. */
enum property_ask { ASK_ALLPROP, ASK_PROPNAME, ASK_NAMED };

struct property_name {
	struct text space, name;
	const struct live_property *live; /* NULL: look among dead ones */
	struct text open, close;          /* its tags */
	unsigned answer;                  /* status for the present resource */
};

struct property_query {
	enum property_ask ask;
	struct property_name *name; /* arena: prop or include */
	size_t count;
	bool minimal; /* Prefer: return=minimal, Brief: t */
};

/*
 * From a DAV:propfind element, or a DAV:prop element of a report; NULL: no
 * body, which is allprop (RFC 4918 9.1). BAD_INPUT, TOO_LARGE.
 */
enum outcome
property_query_parse(struct exchange *exchange, const xmlNode *propfind,
    struct property_query *ret_query) MUST_CHECK;

/* A name with its row and its tags, copied into the arena. */
void
property_name_make(struct exchange *exchange, struct text space,
    struct text local, struct property_name *ret_name);

/* Adds the children of DAV:prop or DAV:include. */
enum outcome
property_query_names(struct exchange *exchange, const xmlNode *prop,
    struct property_query *query) MUST_CHECK;

/* One DAV:response element with its propstats. */
enum outcome
property_respond(const struct property_target *target,
    const struct property_query *query, struct buffer *out) MUST_CHECK;
