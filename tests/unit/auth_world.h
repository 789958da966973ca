#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/authorise.h"
#include "store/store.h"

/*
 * A store in memory with accounts, cells and folders, for the tests of auth/.
 * One write transaction is open from set-up to the end of the test, so every
 * step sees the ones before it.
 */
struct world {
	struct conf *conf;
	struct store *store;
	struct txn *txn;
	struct arena *arena;
	char folder[64];
};

int
world_setup(void **state);

int
world_teardown(void **state);

/* Commits what was done and begins anew. */
void
world_commit(struct world *world);

user_id
world_user(struct world *world, const char *name);

user_id
world_group(struct world *world, const char *name, const char *member);

struct principal
world_principal(struct world *world, const char *name);

/* A cell on a tree of its own. */
struct cell
world_cell(struct world *world, const char *slug, user_id owner);

/* Below the cell's root; the last segment is made, if it is missing. */
struct trail
world_folder(struct world *world, const struct cell *cell, const char *path);

/* `what`: a preset, or "atoms:..."; granter 0: the owner. */
struct grant
world_grant(struct world *world, const struct trail *trail, user_id subject,
    const char *what, user_id granter);

/* One with a period, and perhaps for a group. */
void
world_grant_set(struct world *world, const struct trail *trail,
    struct grant *grant, const char *what);

/* Of the account on a place of a cell, at a time. */
struct rights
world_rights(struct world *world, const char *user, const struct cell *cell,
    const char *path, uint64_t now_ns);
