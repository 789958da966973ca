#pragma once

#include "dav/property.h"
#include "dav/sync_token.h"
#include "dav/sync_walk.h"
#include "dav/sync_window.h"

/*
 * A sync answer on its way. It goes through the change log from `log` to
 * `until`; where a whole subtree is new (the first answer, or a collection
 * that was moved in) it walks below `walk`, in the order of names, and
 * remembers where it stopped. The same state, as text behind the token, is
 * what a client that was cut off by the limit comes back with: there the spot
 * is a node, and a hash of the way to it, for a token must stay short.
 */
struct sync_position {
	uint64_t log;  /* entries up to here are told */
	node_id walk;  /* root of the walk under way; 0: none */
	node_id told;  /* last node of it; 0: none */
	uint64_t hash; /* of the way from walk to told */
};

struct sync_stream {
	struct body_source source; /* first */
	struct exchange *exchange;
	struct property_query query;
	struct path path; /* of the collection */
	node_id node;
	bool infinite;             /* sync-level */
	uint64_t left;             /* responses before the limit */
	struct sync_token token;   /* until: its sequence */
	struct sync_window window; /* what the log knows of the asker */
	struct sync_names told;    /* in this answer */
	struct sync_marks walked;  /* roots of walks of this answer */
	struct sync_position position;
	struct sync_spot spot; /* of the walk */
	bool begun, full;
};

/* The token with a position, and back; no position: walk 0. */
struct text
sync_state_format(struct arena *arena, const struct sync_token *token,
    const struct sync_position *position);

bool
sync_state_parse(struct text text, struct sync_token *ret_token,
    struct sync_position *ret_position);

/* Makes the stream the body of the response. */
void
sync_stream_respond(struct sync_stream *stream);
