#pragma once

#include "dav/property.h"

/*
 * What stands below a collection, with the rights of the principal on each of
 * it: all at once for a demand, or block by block for an answer.
 */

/*
 * Every visible node below the place gives `needed`; nothing that the
 * principal may not see is there. FORBIDDEN with problem set: its href is that
 * of a visible member, or of the collection when something is hidden in it
 * (rights.md 6, DELETE). Costs nothing where nothing below has own grants.
 */
enum outcome
members_demand(struct exchange *exchange, const struct place *place,
    atom_set needed) MUST_CHECK;

/*
 * No cell has its root below the place: it would be removed, or taken along,
 * as a folder. FORBIDDEN with problem set.
 */
enum outcome
cells_below_check(struct exchange *exchange, const struct place *place)
    MUST_CHECK;

/*
 * All nodes below with their rights; `trail` leads to the node's parent.
 * False stops.
 */
typedef bool (*below_fn)(const struct node *node, const struct rights *rights,
    const struct trail *trail, void *context);

enum outcome
members_walk(struct exchange *exchange, const struct place *place,
    below_fn visit, void *context) MUST_CHECK;

/* "/dav/cell/place/x/y" of a node below the place, by the trail to its parent. */
struct text
member_href(struct exchange *exchange, const struct place *place,
    const struct trail *parent, const struct node *node);

/*
 * An answer that is made member by member, in blocks of some 128 KiB, each in a
 * read transaction of its own in which the place and the rights are looked up
 * again. In the arena of the request; `exchange->arena` is one of the block's
 * own while the functions run.
 */
struct member_stream {
	struct body_source source; /* first */
	struct exchange *exchange;
	struct path path; /* of the collection */
	node_id node;     /* of the collection; 0: "/dav/" */
	bool alone;       /* its members are not asked for */
	/* The collection itself, first; members follow. */
	enum outcome (*begin)(struct member_stream *stream,
	    const struct property_target *target, struct buffer *out);
	enum outcome (*member)(struct member_stream *stream,
	    const struct property_target *target, struct buffer *out);
	void (*end)(struct member_stream *stream, struct buffer *out);
	void *context;
	/* What `member` answers, if that is all it does; NULL: something else. */
	const struct property_query *query;
	/* Where it stands. */
	bool begun, own_done;
	char after[PATH_SEGMENT_MAX + 1];
	size_t after_len;
	struct buffer href;         /* owned: the one being made */
	struct property_plan *plan; /* arena; NULL: none */
};

/*
 * Makes the stream the body of the response. `place` was resolved and may be
 * listed.
 */
void
member_stream_respond(struct member_stream *stream, const struct place *place);

/* What a place is to properties. */
void
property_target_of(struct exchange *exchange, const struct place *place,
    struct text href, struct property_target *ret_target);
