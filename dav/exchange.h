#pragma once

#include "auth/authenticate.h"
#include "auth/authorise.h"
#include "server/http/problem.h"
#include "server/http/request.h"
#include "store/blob.h"
#include "store/store.h"

/*
 * One request seen by a method: what was asked, who asks, what it is about,
 * and the transaction it runs in. server/serve.c makes it; a method reads it
 * and describes request->response or sets `problem` and returns an outcome.
 */
enum scope {
	SCOPE_ROOT,  /* "/dav/" itself: the list of cells */
	SCOPE_CELL   /* inside a cell (my-files too) */
};

/*
 * Where a path leads: mount prefix, cell, and the trail below its root. Made
 * again in every transaction, because only that one is true.
 */
struct place {
	enum scope scope;
	struct path path;      /* whole, with "dav" and the slug */
	struct path inside;    /* below the cell's root */
	struct cell cell;      /* texts borrowed from the transaction */
	struct trail trail;
	struct rights rights;  /* of the last node of the trail */
	const struct node *node; /* trail's last when missing is 0, else NULL */
	struct text name;      /* last segment as sent; empty for a root */
};

struct staged {             /* the body of a PUT, when it is complete */
	struct blob_ref ref;
	struct blob_writer *writer; /* NULL: inline */
	struct text media;
	bool taken;             /* a committed change names it */
};

struct exchange {
	struct request *request;     /* owned by the connection */
	struct arena *arena;         /* the request's */
	struct store *store;         /* borrowed from the server */
	const struct conf *conf;     /* borrowed from the request */
	const struct method *method;
	struct principal principal;
	struct txn *txn;             /* of this visit; NULL between visits */
	uint64_t now_ns;             /* wall clock of this visit */
	struct problem problem;
	struct text body;            /* METHOD_BODY_XML: all of it */
	struct staged staged;        /* METHOD_BODY_CONTENT */
	struct text head_bytes;      /* first bytes of the content, for media */
	void *state;                 /* a method's own, in the arena */
};

/*
 * Follows a path (of the target or of Destination) to its place and the
 * principal's rights there. NOT_FOUND: the cell is unknown, or nothing of it
 * may be known. A place that is unmapped is OK, with node NULL.
 */
enum outcome
place_resolve(struct exchange *exchange, const struct path *path,
    struct place *ret_place) MUST_CHECK;

/* The URL path of a place as the client sees it; a slash ends collections. */
struct text
place_href(struct exchange *exchange, const struct place *place);

/*
 * Step 7 to 9 of rights.md 3 for a mapped place; for an unmapped one the
 * parent is asked. NOT_FOUND, FORBIDDEN (problem set), CONFLICT (missing > 1
 * below a visible parent's parent).
 */
enum outcome
place_demand(struct exchange *exchange, const struct place *place,
    atom_set needed) MUST_CHECK;

/* Strong entity-tag of a node, with quotes: file etag, or tree etag. */
struct text
node_etag(struct arena *arena, const struct node *node);
