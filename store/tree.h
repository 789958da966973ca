#pragma once

#include "store/blob.h"
#include "store/node.h"

/*
 * What changes a tree. Every function runs inside a write transaction, and
 * keeps in the same transaction: tree size, count, etag, grants and locks of
 * all ancestors; the change log with tombstones; KEY_PLACE; references of
 * blobs; versions, trash; the usage of the tree and of its owner. They check
 * everything before their first write. They know no rights and no locks: the
 * caller has asked (auth/authorise.h, store/lock.h).
 *
 * A tree is what hangs below one root that has no parent: the storage of one
 * cell. A cell on a folder of another cell shares that tree.
 */
struct tree { /* value of KEY_TREE */
	node_id root;
	user_id owner;     /* whose quota it counts against */
	uint64_t sequence; /* of the newest change */
	uint64_t pruned;   /* tombstones up to here are gone */
	uint64_t version_bytes, trash_bytes;
	node_id trash;      /* parent of trashed nodes */
	uint64_t swept;     /* the next log_prune() begins behind it */
	uint64_t tombstone; /* of the newest, or more: nothing left behind it */
};

enum outcome
tree_get(struct txn *txn, node_id tree, struct tree *ret_tree) MUST_CHECK;

/* A new empty tree, root and trash; the root's name is its id in hex. */
enum outcome
tree_create(struct txn *txn, struct store *store, user_id owner,
    struct node *ret_root) MUST_CHECK;

struct tree_actor { /* who does it, for records */
	user_id user;
	uint64_t now_ns;
};

/*
 * Puts a content at a place: a new file below trail's last node when
 * trail->missing is 1, else a new version of the file it names. The new file's
 * listed name is `name`. `modified_ns` 0 means now. `pending` is the reference
 * that the staged blob carries; it passes to the node. CONFLICT: a parent is
 * missing or is a file. EXISTS: it is a collection. NO_SPACE: quota.
 * TOO_LARGE: levels.
 */
struct tree_content {
	struct blob_ref blob; /* from blob_finish(), or an inline one */
	struct text name;
	struct text media; /* empty: to be decided later */
	uint64_t modified_ns;
};

enum outcome
tree_put(struct txn *txn, struct store *store, const struct trail *trail,
    const struct tree_content *content, const struct tree_actor *actor,
    struct node *ret_node) MUST_CHECK;

/* A new empty collection; EXISTS, CONFLICT, TOO_LARGE. */
enum outcome
tree_mkcol(struct txn *txn, struct store *store, const struct trail *trail,
    struct text name, const struct tree_actor *actor, struct node *ret_node)
    MUST_CHECK;

/*
 * To the trash with everything below. Locks and grants on it go; grants are
 * kept with the item, inactive, until it is restored or emptied.
 */
enum outcome
tree_delete(struct txn *txn, struct store *store, const struct trail *trail,
    const struct tree_actor *actor) MUST_CHECK;

/*
 * Re-parents the last node of `source` to (last of `target`, name). What
 * stands at the target was deleted by the caller before, or `fold` says that
 * the source's content becomes a new version of the target, which keeps its
 * id (safe-save fold of rights.md 6). Id, etag, properties and history stay;
 * locks do not travel (RFC 4918 7.5, 9.9). Between trees: the usage moves too,
 * and a tombstone stays. CONFLICT: the target lies below the source.
 */
enum tree_move_how { TREE_MOVE_PLACE, TREE_MOVE_FOLD };

enum outcome
tree_move(struct txn *txn, struct store *store, const struct trail *source,
    const struct trail *target, struct text name, enum tree_move_how how,
    const struct tree_actor *actor) MUST_CHECK;

/*
 * Copies nodes, sharing blobs, into a hidden parent in slices, then publishes
 * by one key, so that a large copy holds no transaction for long and shows
 * nothing half. `filter` is asked for every node below the source, may be
 * NULL, and answers COPY_SKIP for what the subject may not read. One file, or
 * a collection of up to COPY_SLICE nodes, is done by one call.
 */
enum { COPY_SLICE = 4096 };

enum copy_answer { COPY_TAKE, COPY_SKIP };

struct tree_copy {
	const struct node *source;
	bool shallow; /* Depth: 0 */
	enum copy_answer (*filter)(struct txn *txn, const struct node *node,
	    void *context);
	void *context;
	struct tree_actor actor;
	/* State of the copy, zero at the beginning. */
	node_id hidden, staged; /* hidden parent, root of the copy */
	struct text resume;     /* arena of the caller */
	struct arena *arena;    /* borrowed */
	uint64_t nodes, bytes, nodes_max;
	uint64_t slice; /* nodes of the next slice; 0: COPY_SLICE */
	bool complete;
	void *state;  /* tree_copy.c */
	node_id tree; /* where it will be published; 0: source's tree */
};

/* The next slice; call until complete. NO_SPACE, TOO_LARGE. */
enum outcome
tree_copy_slice(struct txn *txn, struct store *store, struct tree_copy *copy)
    MUST_CHECK;

/* Shows the finished copy at (last of target, name). */
enum outcome
tree_copy_publish(struct txn *txn, struct store *store, struct tree_copy *copy,
    const struct trail *target, struct text name, struct node *ret_node)
    MUST_CHECK;

/* Gives a copy that will not be published to the reclaimer. */
enum outcome
tree_copy_discard(struct txn *txn, struct store *store, struct tree_copy *copy)
    MUST_CHECK;

/*
 * Rewrites node->created_ns, modified_ns (Win32 times, X-OC-Mtime); 0 leaves
 * one as it is. No effect when nothing changes.
 */
enum outcome
tree_set_times(struct txn *txn, const struct trail *trail,
    const struct tree_actor *actor, uint64_t created_ns, uint64_t modified_ns)
    MUST_CHECK;

/*
 * A grant of a user or group on the last node came, changed or went: an entry
 * of the log that tells only them, new tree etags of the node and above. The
 * entry knows whether all was refused to them there, always, before and since.
 */
struct regrant {
	user_id subject;
	bool was_refused, is_refused;
};

enum outcome
tree_regrant(struct txn *txn, const struct trail *trail,
    const struct regrant *regrant, const struct tree_actor *actor) MUST_CHECK;

/*
 * A change that is seen but is not content (dead properties): new sequence,
 * new tree etags of the ancestors.
 */
enum outcome
tree_touch(struct txn *txn, const struct trail *trail,
    const struct tree_actor *actor) MUST_CHECK;

/*
 * Sets or clears NODE_HAS_GRANTS, NODE_HAS_LOCKS or NODE_HAS_PROPERTIES of the
 * last node and keeps the counters of its ancestors. No effect when unchanged.
 */
enum outcome
tree_set_flag(struct txn *txn, const struct trail *trail, enum node_flag flag,
    bool on) MUST_CHECK;

/* tree_reclaim() would do something. */
enum outcome
tree_reclaim_due(struct txn *txn, bool *ret_due) MUST_CHECK;

/*
 * Frees up to `budget` nodes of trashed, discarded or replaced trees and
 * their blobs' references; *ret_more when work is left. The caller repeats it
 * at leisure, between other changes.
 */
enum outcome
tree_reclaim(struct txn *txn, struct store *store, size_t budget,
    bool *ret_more) MUST_CHECK;
