#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/outcome.h"
#include "server/base/path.h"
#include "store/store.h"

/*
 * A node is a file or a collection. Its whole record is the value of the key
 * (parent id, NFC name), so a Depth 1 listing is one cursor walk and a MOVE is
 * one key. Texts in a decoded node are borrowed from the transaction.
 */
enum { NODE_MEDIA_MAX = 255 }; /* bytes of a media type */

enum node_kind { NODE_FILE = 1, NODE_COLLECTION = 2 };

enum node_flag {
	NODE_HAS_PROPERTIES = 1 << 0,
	NODE_HAS_GRANTS = 1 << 1,
	NODE_HAS_LOCKS = 1 << 2, /* may have expired */
	NODE_HAS_VERSIONS = 1 << 3,
	NODE_IS_CELL_ROOT = 1 << 4
};

struct node {
	node_id id, parent;
	node_id tree; /* id of the root of the tree it lives in */
	enum node_kind kind;
	uint32_t flags;   /* enum node_flag */
	struct text key;  /* NFC name */
	struct text name; /* as first stored; what is listed */
	/* Media type of a file; empty: undecided yet (media_later.h). */
	struct text media;
	blob_id blob;  /* 0: no bytes */
	uint64_t size; /* bytes of the content */
	uint64_t etag; /* a fresh id at every change of content */
	uint64_t created_ns,
	    modified_ns;   /* wall clock; a client may set them */
	uint64_t sequence; /* of its newest entry in the change log */
	user_id creator;
	user_id author;         /* of the present content */
	uint64_t tree_versions; /* bytes of versions: a file's, or all below */
	/* Of everything below, a collection's own; 0 for a file. */
	uint64_t tree_size;   /* bytes of contents */
	uint64_t tree_count;  /* nodes */
	uint64_t tree_etag;   /* a fresh id at every change below */
	uint32_t tree_grants; /* nodes below with NODE_HAS_GRANTS */
	uint32_t tree_locks;  /* nodes below with NODE_HAS_LOCKS */
	uint32_t tree_levels; /* levels below, or more: never shrinks */
};

/* What a file is called for now: bytes until its type is decided. */
static inline struct text
node_media_now(const struct node *node)
{
	return node->media.len > 0 ? node->media :
				     TEXT("application/octet-stream");
}

/* DAMAGED when the stored bytes are no node. */
enum outcome
node_decode(struct text key, struct text value, struct node *ret_node)
    MUST_CHECK;

void
node_encode(const struct node *node, struct buffer *out);

/* Child of `parent` by NFC name. NOT_FOUND. */
enum outcome
node_find(struct txn *txn, node_id parent, struct text key,
    struct node *ret_node) MUST_CHECK;

/* By id alone, wherever it is. NOT_FOUND. */
enum outcome
node_find_id(struct txn *txn, node_id id, struct node *ret_node) MUST_CHECK;

/* Writes the record and its KEY_PLACE. */
enum outcome
node_store(struct txn *txn, const struct node *node) MUST_CHECK;

/* Rewrites the record where it stands; its place has not changed. */
enum outcome
node_update(struct txn *txn, const struct node *node) MUST_CHECK;

/* Removes the record and its KEY_PLACE, and nothing else. */
enum outcome
node_unlink(struct txn *txn, const struct node *node) MUST_CHECK;

/* Copies the texts, so that the node outlives the next write. */
void
node_hold(struct arena *arena, struct node *node);

/* The first member with a name behind `after`; NOT_FOUND past the last. */
enum outcome
node_next(struct txn *txn, node_id parent, struct text after,
    struct node *ret_node) MUST_CHECK;

/*
 * The nodes from the root of the tree down to what a path names. node[0] is
 * the tree's root, node[count - 1] the deepest that exists. `missing` is the
 * number of segments of the path that name nothing: 0 mapped, 1 unmapped
 * below an existing parent, more: the parent is missing too (also when a
 * segment lies below a file). `base` is the index of the node at which the
 * path began (a cell may stand on a folder of another cell). Texts are copied
 * into the arena: a trail outlives writes, but its counters then are old.
 */
struct trail {
	struct node *node; /* arena */
	size_t count, base, missing;
};

/* From `root` along `path`. NOT_FOUND only when root itself is gone. */
enum outcome
trail_find(struct txn *txn, struct arena *arena, node_id root,
    const struct path *path, struct trail *ret_trail) MUST_CHECK;

/* To a node by its id. NOT_FOUND. */
enum outcome
trail_find_id(struct txn *txn, struct arena *arena, node_id id,
    struct trail *ret_trail) MUST_CHECK;

const struct node *
trail_last(const struct trail *trail);

/*
 * Members of a collection in key order. `after`: the NFC name to resume
 * behind, empty for the first. The callback returns false to stop; the node's
 * texts are valid during the call, in which nothing may be written.
 */
typedef bool (*node_each_fn)(const struct node *node, void *context);

enum outcome
node_each(struct txn *txn, node_id parent, struct text after,
    node_each_fn visit, void *context) MUST_CHECK;

/*
 * Everything below a collection, parents first, names in order; `levels` is
 * the depth below it, starting at 1. False stops. The stack is bounded by
 * PATH_LEVELS_MAX.
 */
typedef bool (*node_walk_fn)(const struct node *node, size_t levels,
    void *context);

enum outcome
node_walk(struct txn *txn, node_id parent, node_walk_fn visit, void *context)
    MUST_CHECK;
