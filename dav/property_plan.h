#pragma once

#include "dav/property.h"

/*
 * A listing writes the same answer for every member but for a few values. So
 * the answer is made once, for members of one kind with the same rights, as
 * text with holes; each further member is copied pieces and filled holes, with
 * one look at the room of the buffer. A member that does not fit any shape
 * (dead properties, locks, a value that is neither fixed nor has a `put`) is
 * left to property_respond(), which is also what makes the shapes.
 */
struct property_hole {
	size_t at;                        /* in the fixed text */
	const struct live_property *live; /* NULL: the href */
};

struct property_shape {
	enum node_kind kind;
	atom_set atoms;
	uint32_t rules;
	bool unfit;        /* some value needs the long way */
	struct text fixed; /* arena of the request */
	struct property_hole *hole;
	size_t count;
	size_t most; /* bytes of a member, but for the folder's href */
};

/* More differing rights than this in one listing go the long way. */
enum { PROPERTY_SHAPES_MAX = 4 };

struct property_plan {
	const struct property_query *query;
	struct property_shape shape[PROPERTY_SHAPES_MAX];
	size_t count;
	struct property_dates dates;
};

/*
 * Appends the DAV:response of a member of the collection with the encoded href
 * `folder`; target->href is not looked at. False: nothing is written, it must
 * go the long way.
 */
bool
property_plan_write(struct property_plan *plan,
    const struct property_target *target, struct text folder,
    struct buffer *out);

/*
 * For the plan: property_respond() that leaves holes and notes them in the
 * shape, whose `hole` has room for all names of the query and the href.
 */
enum outcome
property_record(const struct property_target *target,
    const struct property_query *query, struct property_shape *shape,
    struct buffer *out) MUST_CHECK;
