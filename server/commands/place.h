#pragma once

#include "server/commands/tool.h"
#include "store/cell.h"

/*
 * A place as the command line has it: CELL, CELL/PATH, or ~USER/PATH in a
 * user's own cell (interface.md 2). Texts live in the arena of the
 * invocation.
 */
struct place {
	struct cell cell;
	struct trail trail; /* from the tree's root; missing may be > 0 */
	struct path path;   /* below the cell's root */
};

/* NOT_FOUND: no such cell, user or own cell. BAD_INPUT: the path. */
enum outcome
place_find(struct txn *txn, struct arena *arena, const char *word,
    struct place *ret_place) MUST_CHECK;

/* The same, but every segment must exist. */
enum outcome
place_get(struct txn *txn, struct arena *arena, const char *word,
    struct place *ret_place) MUST_CHECK;

/* "SLUG/a/b" or "~NAME/a/b", as the command line takes it. */
struct text
place_name(struct txn *txn, struct arena *arena, const struct cell *cell,
    const struct trail *trail);

/* Changes are made in the name of the cell's owner. */
struct tree_actor
place_actor(const struct place *place);

/* Folders of a path, made where they are missing. */
enum outcome
place_make(struct txn *txn, struct store *store, struct arena *arena,
    const char *word, struct place *ret_place) MUST_CHECK;
