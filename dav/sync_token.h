#pragma once

#include "dav/exchange.h"

/*
 * DAV:sync-token (RFC 6578): which state of a collection a client has seen. It
 * is bound to the collection, to who asked, and to what they were allowed on
 * it. Grants that come or go below it are entries of the log; groups that they
 * join or leave are none, nor is a period that begins or ends, nor what a
 * granter does not hold any more, and they may change the sight of anything.
 */
struct sync_token {
	node_id tree, node;
	uint64_t sequence;
	user_id principal;
	uint64_t rights;
	uint64_t groups; /* a hash of their ids */
	uint64_t given;  /* sync_given() */
};

/* Of a collection as it is now. */
enum outcome
sync_token_now(struct exchange *exchange, const struct place *place,
    struct sync_token *ret_token) MUST_CHECK;

struct text
sync_token_format(struct arena *arena, const struct sync_token *token);

/* False: none of ours. */
bool
sync_token_parse(struct text text, struct sync_token *ret_token);

/* All but the sequence are the same. */
bool
sync_token_fits(const struct sync_token *a, const struct sync_token *b);

/* The text is the token that the place has now; for If (RFC 6578 5). */
enum outcome
sync_token_is_current(struct exchange *exchange, const struct place *place,
    struct text text, bool *ret_current) MUST_CHECK;
