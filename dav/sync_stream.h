#pragma once

#include "auth/record.h"
#include "dav/property.h"
#include "dav/sync_token.h"

/*
 * A sync answer on its way. It goes through the change log from `log` to
 * `until`; where a whole subtree is new (the first answer, or a collection
 * that was moved in) it walks below `walk`, in the order of names, and
 * remembers the node that it told last. The same state, as text behind the
 * token, is what a client that was cut off by the limit comes back with.
 */
struct sync_position {
	uint64_t log; /* entries up to here are told */
	node_id walk; /* root of the walk under way; 0: none */
	node_id told; /* last node told in it; 0: none */
};

struct sync_stream {
	struct body_source source; /* first */
	struct exchange *exchange;
	struct property_query query;
	struct path path; /* of the collection */
	node_id node;
	bool infinite;                 /* sync-level */
	uint64_t left;                 /* responses before the limit */
	struct sync_token token;       /* until: its sequence */
	uint64_t from;                 /* where this answer begins in the log */
	struct account_list regranted; /* told for a change of grants */
	struct account_list concerned; /* nodes whose grants named the asker */
	struct sync_position position;
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
