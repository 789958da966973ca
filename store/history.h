#pragma once

#include "store/tree.h"

/* Versions kept on overwrite and the trash kept on delete. */
struct version {
	uint64_t id; /* the etag that content had */
	blob_id blob;
	uint64_t size, modified_ns, replaced_ns;
	user_id author;
	struct text media;
	uint64_t order; /* grows with each version of a file */
};

typedef bool (*version_each_fn)(const struct version *version, void *context);

/* Newest first. */
enum outcome
version_each(struct txn *txn, node_id node, version_each_fn visit,
    void *context) MUST_CHECK;

/*
 * Makes an old version current, as an overwrite does: the present content
 * becomes a version, the old one stays one too. NO_SPACE by a quota.
 */
enum outcome
version_restore(struct txn *txn, struct store *store, const struct trail *trail,
    uint64_t id, const struct tree_actor *actor) MUST_CHECK;

struct trash_item {
	uint64_t sequence;    /* names it on the command line, in hex */
	node_id node, parent; /* where it was */
	struct text path;     /* of the parent when it was deleted, decoded */
	struct text name;
	uint64_t deleted_ns, size, count;
	user_id by;
	bool moved_out; /* a copy of what was moved to another tree */
};

typedef bool (*trash_each_fn)(const struct trash_item *item, void *context);

/* Newest first. */
enum outcome
trash_each(struct txn *txn, node_id tree, trash_each_fn visit, void *context)
    MUST_CHECK;

/*
 * Back to where it was. CONFLICT: its collection is gone; EXISTS: the name is
 * taken (then `name`, when not empty, is tried instead).
 */
enum outcome
trash_restore(struct txn *txn, struct store *store, node_id tree,
    uint64_t sequence, struct text name, const struct tree_actor *actor)
    MUST_CHECK;

/* Gives items deleted before `before_ns` to the reclaimer; counts them. */
enum outcome
trash_empty(struct txn *txn, struct store *store, node_id tree,
    uint64_t before_ns, size_t *ret_items) MUST_CHECK;

/*
 * The same in steps: at most `budget` items are looked at, from the one with
 * the sequence `from` on. *ret_next: where the next step begins; 0: none.
 */
struct trash_step {
	uint64_t before_ns, from;
	size_t budget;
};

enum outcome
trash_empty_step(struct txn *txn, struct store *store, node_id tree,
    const struct trash_step *step, uint64_t *ret_next) MUST_CHECK;

/* The oldest item was deleted before `before_ns`. */
enum outcome
trash_due(struct txn *txn, node_id tree, uint64_t before_ns, bool *ret_due)
    MUST_CHECK;
