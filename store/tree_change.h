#pragma once

#include "store/history.h"
#include "store/log_entry.h"
#include "store/quota.h"
#include "store/tree.h"

/*
 * What the functions of tree.h share; nobody else includes this. A change of
 * one tree is: look and refuse; tree_begin(); write nodes; tree_log(),
 * tree_tombstone(); tree_climb() for the ancestors; tree_end(), which writes
 * the tree's record and the use of its owner. Counters are read anew before
 * they are written, for a caller's trail may be older than a change that the
 * same transaction has made. Deltas are signed and a counter that would fall
 * below zero is DAMAGED.
 */
struct tree_change {
	struct txn *txn;
	const struct tree_actor *actor;
	node_id id;       /* of the tree */
	struct tree tree; /* as tree_end() will write it */
	int64_t charge;   /* bytes more for the owner */
};

struct tree_delta {
	int64_t size, count, versions, grants, locks;
	size_t levels; /* of what arrives, itself included */
	bool members;  /* the last ancestor has other members now */
	bool quiet;    /* counters only: nothing that a client sees */
};

enum outcome
tree_begin(struct txn *txn, node_id id, const struct tree_actor *actor,
    struct tree_change *ret_change) MUST_CHECK;

enum outcome
tree_end(struct tree_change *change) MUST_CHECK;

/* Writes the record of a tree. */
enum outcome
tree_store(struct txn *txn, const struct tree *tree) MUST_CHECK;

/* Applies a delta to node[0] .. node[count - 1] of a trail. */
enum outcome
tree_climb(struct tree_change *change, const struct trail *trail, size_t count,
    const struct tree_delta *delta) MUST_CHECK;

/* What a node with everything below weighs in its ancestors; sign 1 or -1. */
struct tree_delta
tree_delta_of(const struct node *node, int sign);

/* Bytes that it holds: contents and versions. */
uint64_t
node_weight(const struct node *node);

/* A signed sum that may not leave the unsigned range. */
enum outcome
counter_add(uint64_t *counter, int64_t delta) MUST_CHECK;

/* The node of a trail as it is now, held by the arena. */
enum outcome
node_again(struct txn *txn, struct arena *arena, const struct node *old,
    struct node *ret_node) MUST_CHECK;

/* Levels of a tree from its root: may `levels` hang below `trail`? */
bool
tree_levels_fit(const struct trail *trail, size_t levels);

/*
 * Is there room for `name` in the last node of a trail? EXISTS, CONFLICT when
 * it is a file. `ret_key` in the arena.
 */
enum outcome
tree_place_check(struct txn *txn, struct arena *arena,
    const struct trail *trail, struct text name, struct text *ret_key)
    MUST_CHECK;

/*
 * A new entry of the node in the log, instead of its older one; sets
 * node->sequence, which the caller writes.
 */
enum outcome
tree_log(struct tree_change *change, enum log_kind kind, struct node *node)
    MUST_CHECK;

/* What left its place; drops the node's entry and clears its sequence. */
enum outcome
tree_tombstone(struct tree_change *change, struct node *node,
    uint64_t *ret_sequence) MUST_CHECK;

/* The rights of a subject on the node have changed; the node has not. */
enum outcome
tree_log_rights(struct tree_change *change, const struct node *node,
    const struct regrant *regrant) MUST_CHECK;

/* log_entry.c: an entry that no longer names anything. */
enum outcome
log_forget(struct txn *txn, node_id tree, uint64_t sequence) MUST_CHECK;

/* quota.c: do bytes fit below node[from] .. of the trail, and the owner? */
enum outcome
quota_fits(struct txn *txn, const struct trail *trail, size_t from,
    user_id owner, int64_t bytes) MUST_CHECK;

/* quota.c: bytes more or less for an owner. */
enum outcome
quota_charge(struct txn *txn, user_id owner, int64_t bytes) MUST_CHECK;

/* cell.c: bytes in the trash that were deleted below a cell on a folder. */
enum outcome
cell_charge_trash(struct txn *txn, node_id root, int64_t bytes) MUST_CHECK;

/* cell.c: the cell whose root is being freed. */
enum outcome
cell_forget(struct txn *txn, node_id root) MUST_CHECK;

/*
 * history_version.c: what an overwrite of `node` does to its versions. The
 * content that goes is kept unless it is empty or none may be kept; the
 * oldest go beyond conf->store.versions.
 */
struct version_plan {
	bool keep;
	size_t drop;   /* oldest versions that go */
	int64_t delta; /* bytes of versions more */
};

enum outcome
version_plan(struct txn *txn, const struct store *store,
    const struct node *node, struct version_plan *ret_plan) MUST_CHECK;

/* Writes it; node->flags and tree_versions follow, blob is let go. */
enum outcome
version_apply(struct txn *txn, struct store *store,
    const struct version_plan *plan, struct node *node, uint64_t now_ns)
    MUST_CHECK;

/*
 * tree_put.c: a new content for a file that is there. The caller plans, asks
 * quota_fits() for tree_overwrite_bytes(), then writes between tree_begin()
 * and tree_end().
 */
struct tree_overwrite {
	const struct trail *trail; /* its last node is the file */
	const struct node *node;   /* the same, read anew, held */
	const struct tree_content *content;
	bool shared; /* the blob is another file's too */
	struct version_plan plan;
};

enum outcome
tree_overwrite_plan(struct txn *txn, const struct store *store,
    struct tree_overwrite *over) MUST_CHECK;

int64_t
tree_overwrite_bytes(const struct tree_overwrite *over);

enum outcome
tree_overwrite(struct tree_change *change, struct store *store,
    const struct tree_overwrite *over) MUST_CHECK;

/*
 * tree_delete.c: what DELETE and MOVE share. May the last node leave its
 * place? NOT_FOUND, CONFLICT for a root. `ret_node` read anew, held.
 */
enum outcome
tree_leave_check(struct txn *txn, struct arena *arena,
    const struct trail *trail, struct node *ret_node) MUST_CHECK;

/* Removes all locks on and below; reads the node again. */
enum outcome
tree_unlock(struct txn *txn, struct arena *arena, struct node *node) MUST_CHECK;

/* Takes a node from its place: tombstone, counters; nothing of it is freed. */
enum outcome
tree_detach(struct tree_change *change, const struct trail *trail,
    struct node *node, uint64_t *ret_sequence) MUST_CHECK;

/* A whole deletion; `moved_out` marks the item. */
enum outcome
tree_to_trash(struct txn *txn, const struct trail *trail,
    const struct tree_actor *actor, bool moved_out) MUST_CHECK;

/* All versions of a node go. */
enum outcome
version_remove_all(struct txn *txn, struct store *store, node_id node)
    MUST_CHECK;

/* The same versions for another node, sharing blobs. */
enum outcome
version_copy(struct txn *txn, node_id from, node_id onto) MUST_CHECK;

/* history_trash.c: the record of a node that now hangs in the trash. */
struct trash_entry {
	const struct trail *trail; /* of the place that it left */
	const struct node *node;   /* as it was there */
	node_id kept;              /* id of what lies in the trash */
	uint64_t sequence;
	bool moved_out;
};

enum outcome
trash_add(struct tree_change *change, const struct trash_entry *entry)
    MUST_CHECK;

/* The name of an item's node in the trash: its sequence in hex. */
enum { TRASH_NAME_SIZE = 17 };

struct text
trash_name(char name[TRASH_NAME_SIZE], uint64_t sequence);

/* tree_reclaim.c: work for the reclaimer. */
enum reclaim_what {
	RECLAIM_NODE = 1,  /* a node and what is below */
	RECLAIM_BELOW = 2, /* what is below a parent that is no node */
	RECLAIM_TREE = 3   /* a tree whose root is gone */
};

struct reclaim {
	uint64_t key; /* of KEY_RECLAIM */
	enum reclaim_what what;
	node_id id;
	uint64_t not_before_ns; /* left alone until then: a copy under way */
	uint64_t slice;         /* of that copy, written so far */
};

enum outcome
reclaim_store(struct txn *txn, const struct reclaim *reclaim) MUST_CHECK;

enum outcome
reclaim_find(struct txn *txn, uint64_t key, struct reclaim *ret_reclaim)
    MUST_CHECK;

enum outcome
reclaim_remove(struct txn *txn, uint64_t key) MUST_CHECK;

/* tree_free.c: one node without members goes with all that names it. */
enum outcome
node_free(struct txn *txn, struct store *store, const struct node *node)
    MUST_CHECK;

/* tree_free.c: the grants on one node go; the flag is the caller's. */
enum outcome
node_drop_grants(struct txn *txn, node_id node) MUST_CHECK;

/*
 * tree_duplicate.c: copies what is below `from` node by node; the state is
 * plain, so that it can be saved between slices.
 */
struct copy_level {
	node_id from, onto;
	char resume[PATH_SEGMENT_MAX];
	size_t resume_len;
	uint64_t size, count, versions, levels;
};

/* Members that were read ahead, with their texts, at the deepest level. */
enum { COPY_AHEAD = 32, COPY_AHEAD_BYTES = 8192 };

struct copy_ahead {
	node_id parent;
	size_t at, count, used;
	struct node node[COPY_AHEAD];
	char bytes[COPY_AHEAD_BYTES];
};

struct copy_run {
	struct txn *txn;
	struct store *store;
	const struct tree_actor *actor;
	node_id tree;                 /* of the copies */
	const struct tree_copy *copy; /* NULL: everything, with versions */
	struct copy_level level[PATH_LEVELS_MAX + 1];
	size_t depth;
	struct copy_ahead ahead;
	uint64_t nodes, bytes;
};

/* The first node; its members follow by copy_step() while run->depth. */
enum outcome
copy_root(struct copy_run *run, const struct node *from, node_id parent,
    struct text key, node_id *ret_id) MUST_CHECK;

enum outcome
copy_step(struct copy_run *run) MUST_CHECK;

/*
 * tree_adopt.c: the nodes on and below `node` become those of another tree:
 * their entries in the old log and, when moved out, their grants go.
 */
enum outcome
tree_adopt(struct txn *txn, struct node *node, node_id tree) MUST_CHECK;
