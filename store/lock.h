#pragma once

#include "server/base/arena.h"
#include "store/node.h"

/*
 * WebDAV locks (RFC 4918 6, 7). They live in the engine, so they survive a
 * restart and a crash, and end by the wall clock (never revived: an expired
 * lock that was seen expired is removed).
 */
enum { LOCK_TOKEN_BYTES = 16 };

struct lock {
	unsigned char token[LOCK_TOKEN_BYTES];
	node_id node;       /* its lock root */
	uint64_t principal; /* user id, or later a link id */
	bool exclusive;
	bool infinite;            /* Depth: infinity */
	uint64_t expires_ns;      /* wall clock */
	uint64_t timeout_seconds; /* as granted */
	struct text owner;        /* XML of DAV:owner's content, as sent */
	struct text root; /* href of the lock root as its creator saw it */
};

/* "urn:uuid:..." (RFC 4918 6.5, RFC 4122). */
struct text
lock_token_format(struct arena *arena, const unsigned char *token);

/* False for what is no token of ours: it then matches no lock. */
bool
lock_token_parse(struct text text, unsigned char *ret_token);

/*
 * The locks that apply to the last node of a trail: its own, and those of
 * depth infinity on ancestors. With missing > 0: of the deepest existing node
 * if infinite. Only those that live at `now_ns`. Texts borrowed.
 */
enum outcome
lock_covering(struct txn *txn, struct arena *arena, const struct trail *trail,
    uint64_t now_ns, struct lock **ret_lock, size_t *ret_count) MUST_CHECK;

/*
 * The locks whose root lies below a collection; at most `max`. Costs nothing
 * when node.tree_locks is 0.
 */
enum outcome
lock_below(struct txn *txn, struct arena *arena, const struct node *node,
    uint64_t now_ns, size_t max, struct lock **ret_lock, size_t *ret_count)
    MUST_CHECK;

/*
 * Adds a lock on the last node. LOCKED: it conflicts with one that covers it,
 * or, when infinite, with one below (RFC 4918 6.2 table). TOO_LARGE: the
 * principal holds limits.locks_per_principal already.
 */
enum outcome
lock_add(struct txn *txn, const struct conf *conf, const struct trail *trail,
    const struct lock *lock, uint64_t now_ns) MUST_CHECK;

/* NOT_FOUND when no such lock lives. */
enum outcome
lock_find(struct txn *txn, const unsigned char *token, uint64_t now_ns,
    struct lock *ret_lock) MUST_CHECK;

enum outcome
lock_refresh(struct txn *txn, const unsigned char *token,
    uint64_t timeout_seconds, uint64_t now_ns) MUST_CHECK;

enum outcome
lock_remove(struct txn *txn, const unsigned char *token) MUST_CHECK;

/* All locks on a node and below: DELETE, MOVE. */
enum outcome
lock_remove_tree(struct txn *txn, const struct node *node) MUST_CHECK;

/* Removes up to `budget` expired locks. */
enum outcome
lock_expire(struct txn *txn, uint64_t now_ns, size_t budget, bool *ret_more)
    MUST_CHECK;
