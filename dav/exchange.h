#pragma once

#include "auth/authenticate.h"
#include "auth/authorise.h"
#include "server/base/clock.h"
#include "server/http/problem.h"
#include "server/http/request.h"
#include "store/blob.h"
#include "store/store.h"

/* Where a method runs (design.md 2); method.h says what it finds there. */
enum lane {
	LANE_INLINE, /* on the loop, exchange->txn is a read transaction */
	LANE_COMMIT, /* on the committer's thread, in the shared write
	                transaction; keys only, no file, no socket; may run
	                more than once; its answer leaves after the commit */
	LANE_SLOW,   /* on a worker, exchange->txn is NULL: the method opens
	                what it needs, and may block */
	LANE_HASH,
	LANE_COUNT
};

/*
 * One request seen by a method: what was asked, who asks, what it is about,
 * and the transaction it runs in. server/serve.c makes it; a method reads it
 * and describes request->response or sets `problem` and returns an outcome.
 */
enum scope {
	SCOPE_ROOT, /* "/dav/" itself: the list of cells */
	SCOPE_CELL  /* inside a cell (my-files too) */
};

/*
 * Where a path leads: mount prefix, cell, and the trail below its root. Made
 * again in every transaction, because only that one is true.
 */
struct place {
	enum scope scope;
	struct path path;   /* whole, with "dav" and the slug */
	struct path inside; /* below the cell's root */
	struct cell cell;   /* texts borrowed from the transaction */
	struct trail trail;
	struct rights rights;    /* of the last node of the trail */
	const struct node *node; /* trail's last when missing is 0, else NULL */
	struct text name;        /* last segment as sent; empty for a root */
	/*
	 * Something that the principal may not see stands on the way. The
	 * trail ends above it, so that it looks like nothing at all; only what
	 * would make something in its place must refuse the name.
	 */
	bool hidden;
	bool slash_on_file; /* "/file.txt/": no such resource */
};

struct staged { /* the body of a PUT, when it is complete */
	struct blob_ref ref;
	struct blob_writer *writer; /* NULL: inline */
	struct text media;
	bool taken; /* a committed change names it */
};

/*
 * Work that a response needs done by a worker while it is being sent. `home`
 * comes back on the loop of the exchange, also when the response is long gone:
 * the errand lives on the heap and ends itself there.
 */
struct errand {
	void (*run)(struct errand *errand);  /* on a worker */
	void (*home)(struct errand *errand); /* on the loop */
};

struct exchange;

/* What the process does for methods. */
struct lanes {
	/*
	 * On the loop. Gives the errand to the slow lane until `home`. BUSY:
	 * refused, and nothing of it will be called.
	 */
	enum outcome (*post)(struct exchange *exchange, struct errand *errand);
};

struct media_cookie;
struct recall;

struct exchange {
	struct request *request; /* owned by the connection */
	struct arena *arena;     /* the request's */
	struct store *store;     /* borrowed from the server */
	const struct conf *conf; /* borrowed from the request */
	const struct method *method;
	struct principal principal;
	struct txn *txn; /* of this visit; NULL between visits */
	uint64_t now_ns; /* of this visit, for what ends: clock_ends_ns() */
	struct problem problem;
	struct text body;       /* METHOD_BODY_XML: all of it */
	struct staged staged;   /* METHOD_BODY_CONTENT */
	struct text head_bytes; /* first bytes of the content, for media */
	void *state;            /* a method's own, in the arena */
	/*
	 * What a body in or out stands on while it is under way; node 0: it
	 * may always end. The process cuts it when it falls (rights.md 8).
	 */
	struct {
		node_id node;
		atom_set needed;
	} standing;
	/* What sync_given() found for a tree at a time. */
	struct {
		node_id tree;
		uint64_t now_ns, hash;
	} given;
	const struct lanes *lanes;   /* borrowed from the server */
	struct recall *recall;       /* the loop's; NULL on other threads */
	struct media_cookie *cookie; /* of the worker, in `prepare`; or NULL */
	bool makes_own;              /* see place_admit() */
};

/*
 * Follows a path (of the target or of Destination) to its place and the
 * principal's rights there. NOT_FOUND: the cell is unknown, or nothing of it
 * may be known. A place that is unmapped is OK, with node NULL.
 */
enum outcome
place_resolve(struct exchange *exchange, const struct path *path,
    struct place *ret_place) MUST_CHECK;

/*
 * What ADMIT says about a look-up. A user's own cell is made on first use,
 * which needs a write transaction: while it is missing, place_resolve() in a
 * read transaction says NOT_FOUND and sets exchange->makes_own, and the method
 * is let in to run in LANE_COMMIT, where place_resolve() makes the cell.
 */
enum outcome
place_admit(struct exchange *exchange, enum outcome outcome, enum lane *lane)
    MUST_CHECK;

/*
 * The whole `admit` of a method that only reads on the loop: it is let in, to
 * LANE_COMMIT when its path needs an own cell that is not made yet.
 */
enum outcome
own_admit(struct exchange *exchange, enum lane *lane) MUST_CHECK;

/*
 * The place after a node was made there: by its id, since who may only put
 * something in would not find it by name (upload-only).
 */
enum outcome
place_made(struct exchange *exchange, node_id id, struct place *place)
    MUST_CHECK;

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

enum { ETAG_SIZE = 18 }; /* 16 digits in quotes */

/* The same, in bytes of the caller's. */
struct text
node_etag_write(const struct node *node, char bytes[ETAG_SIZE]);

/*
 * Rules for a name that is to be made (reliability.md V17): FORBIDDEN with
 * `problem` set. The same answer hides what the principal may not see.
 */
enum outcome
place_name_check(struct exchange *exchange, const struct place *place)
    MUST_CHECK;

/* Bytes in the arena of what a buffer holds; empties the buffer. */
struct text
exchange_keep(struct exchange *exchange, struct buffer *buffer);

/* Who does it and when by the wall clock, for the records of a change. */
static inline struct tree_actor
exchange_actor(const struct exchange *exchange)
{
	return (struct tree_actor){ .user = exchange->principal.id,
		.now_ns = clock_wall_ns() };
}

/* What a change of a tree says, with the condition that NO_SPACE has. */
static inline enum outcome
exchange_space(struct exchange *exchange, enum outcome outcome)
{
	if (outcome == NO_SPACE)
		exchange->problem = (struct problem){
			.condition = "quota-not-exceeded"
		};
	return outcome;
}

/* A method that makes no sense for the resource: 405. */
static inline enum outcome
exchange_not_allowed(struct exchange *exchange)
{
	exchange->problem = (struct problem){ .status = 405 };
	return UNSUPPORTED;
}
