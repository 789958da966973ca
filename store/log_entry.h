#pragma once

#include "store/tree.h"

/*
 * The change log of a tree (RFC 6578): for each node its newest sequence, and
 * a tombstone for what left a place, and
 * one entry for each change of a grant. Replaying from a sequence gives every
 * member that changed after it, once.
 */
enum log_kind {
	LOG_CHANGED = 1,
	LOG_ARRIVED = 2, /* a whole subtree is new here */
	LOG_REMOVED = 3,
	LOG_RIGHTS = 4 /* a grant of the node came, changed or went */
};

struct log_entry {
	uint64_t sequence;
	enum log_kind kind;
	node_id node;
	node_id parent;   /* REMOVED, RIGHTS: the collection that it was in */
	struct text name; /* REMOVED, RIGHTS: listed name it had there */
	bool collection;
	bool granted; /* REMOVED: it had grants, which may be gone by now */
	uint64_t at_ns;
	user_id subject; /* RIGHTS: the user or group that it is about */
	/* RIGHTS: nothing was, or is, allowed to it there; older entries say
	 * neither. */
	bool was_refused, is_refused;
};

/*
 * A live entry may name a node that has no trail now (it lies in the trash
 * with an ancestor): it is passed over. A tombstone tells of a place: what
 * stands there now, if anything, has a later entry of its own. RIGHTS stands
 * beside the entry of its node and does not follow it; only those whom the
 * subject names may hear of it, for others never knew the name.
 */
typedef bool (*log_each_fn)(const struct log_entry *entry, void *context);

/*
 * Entries with sequence > `after`, in order. CONFLICT when something after
 * `after` was pruned, or `after` lies in the future: the token is not valid.
 */
enum outcome
log_each(struct txn *txn, node_id tree, uint64_t after, log_each_fn visit,
    void *context) MUST_CHECK;

/* All that is kept, whatever was pruned: for a check of the store. */
enum outcome
log_each_kept(struct txn *txn, node_id tree, log_each_fn visit, void *context)
    MUST_CHECK;

/*
 * Rights have changed in a way that no entry can tell: what was told of the
 * tree up to now counts for nothing, and everybody looks anew.
 */
enum outcome
log_break(struct txn *txn, node_id tree) MUST_CHECK;

/* log_prune() would do something. */
enum outcome
log_prune_due(struct txn *txn, node_id tree, uint64_t before_ns, bool *ret_due)
    MUST_CHECK;

/* Drops up to `budget` tombstones and RIGHTS older than `before_ns`. */
enum outcome
log_prune(struct txn *txn, node_id tree, uint64_t before_ns, size_t budget,
    bool *ret_more) MUST_CHECK;
