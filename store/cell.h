#pragma once

#include "server/base/arena.h"
#include "store/tree.h"

/*
 * A cell: a shared workspace by its slug, standing on the root of a tree of
 * its own, or on a folder of another cell. `~USER` cells (my-files) have the
 * slug "~" + user id in hex, which no URL can spell.
 */
enum { CELL_SLUG_MAX = 63 };

struct cell {
	struct text slug;
	uint64_t id;
	node_id root;
	user_id owner;
	struct text title;
	uint64_t quota; /* bytes; 0: none of its own */
	uint64_t created_ns;
	bool own_tree;        /* made with it, removed with it */
	uint64_t trash_bytes; /* on a folder: deleted below it, still kept */
};

/* [a-z0-9][a-z0-9-]{0,62}, not "my-files" (interface.md 2). */
bool
cell_slug_valid(struct text slug);

enum outcome
cell_find(struct txn *txn, struct text slug, struct cell *ret_cell) MUST_CHECK;

/* By the node it stands on. NOT_FOUND. */
enum outcome
cell_find_root(struct txn *txn, node_id root, struct cell *ret_cell) MUST_CHECK;

/* A user's own cell; made on first use by `cell_make_own`. */
enum outcome
cell_find_own(struct txn *txn, user_id user, struct cell *ret_cell) MUST_CHECK;

enum outcome
cell_make_own(struct txn *txn, struct store *store, user_id user,
    struct cell *ret_cell) MUST_CHECK;

/*
 * A new cell; with root 0 on a new tree, else on that collection. EXISTS,
 * BAD_INPUT (slug), CONFLICT (root is no collection, or is a cell already).
 */
enum outcome
cell_create(struct txn *txn, struct store *store, const struct cell *cell)
    MUST_CHECK;

/* Title, quota, owner. */
enum outcome
cell_update(struct txn *txn, const struct cell *cell) MUST_CHECK;

/* The cell; its own tree goes to the reclaimer. */
enum outcome
cell_remove(struct txn *txn, struct store *store, struct text slug) MUST_CHECK;

/* In order of slugs; own cells are left out. False stops. */
typedef bool (*cell_each_fn)(const struct cell *cell, void *context);

enum outcome
cell_each(struct txn *txn, cell_each_fn visit, void *context) MUST_CHECK;
