#pragma once

#include "store/lock.h"

/* Records of locks, for lock.c alone. */

/* What is taken into a list: live ones of a depth, or those that ended. */
struct lock_filter {
	uint64_t now_ns;
	bool infinite; /* only of depth infinity */
	bool ended;    /* those that ended, instead of those that live */
};

struct lock_list { /* locks, their texts copied */
	struct arena *arena;
	struct lock *lock;
	size_t count, room, max;
	uint64_t now_ns;
};

/* The locks of one node that pass the filter, up to list->max. */
enum outcome
lock_list_add(struct txn *txn, struct lock_list *list, node_id node,
    const struct lock_filter *filter) MUST_CHECK;

/* Those of all nodes that have ended. */
enum outcome
lock_list_ended(struct txn *txn, struct lock_list *list, uint64_t now_ns)
    MUST_CHECK;

enum outcome
lock_record_find(struct txn *txn, const unsigned char *token,
    struct lock *ret_lock) MUST_CHECK;

enum outcome
lock_record_store(struct txn *txn, const struct lock *lock) MUST_CHECK;

enum outcome
lock_token_store(struct txn *txn, const struct lock *lock) MUST_CHECK;

/* The record and the token's entry. */
enum outcome
lock_record_remove(struct txn *txn, const struct lock *lock) MUST_CHECK;

enum outcome
lock_count_get(struct txn *txn, uint64_t principal, uint64_t *ret_count)
    MUST_CHECK;

enum outcome
lock_count_add(struct txn *txn, uint64_t principal, int64_t delta) MUST_CHECK;
