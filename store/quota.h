#pragma once

#include "store/cell.h"

/*
 * Quota counts everything that is kept: contents, versions and trash. Limits
 * are those of the cells that the place lies in and of the user who owns the
 * tree. The numbers stand in the records that every change keeps anyway.
 */
struct quota {
	uint64_t used;
	uint64_t available; /* UINT64_MAX: no limit but the disk */
};

/* Of the place: the tightest of its limits and the disk. */
enum outcome
quota_of(struct txn *txn, struct store *store, const struct trail *trail,
    struct quota *ret_quota) MUST_CHECK;

/* NO_SPACE when `bytes` more do not fit below the trail. */
enum outcome
quota_check(struct txn *txn, struct store *store, const struct trail *trail,
    uint64_t bytes) MUST_CHECK;

/* The user's limit and what all trees of the user hold. */
enum outcome
quota_of_user(struct txn *txn, user_id user, struct quota *ret_quota)
    MUST_CHECK;

/* Sets the user's limit; 0: none. The use is kept. */
enum outcome
quota_set_user(struct txn *txn, user_id user, uint64_t limit) MUST_CHECK;
