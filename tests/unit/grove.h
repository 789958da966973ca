#pragma once

#include "server/base/clock.h"
#include "store/blob.h"
#include "store/cell.h"
#include "store/history.h"
#include "store/lock.h"
#include "store/log_entry.h"
#include "store/property.h"
#include "store/quota.h"
#include "store/tree.h"
#include "tests/unit/state.h"

/*
 * One tree and one write transaction, for tests of what changes trees. Paths
 * are C strings below the root, "" is the root. Time stands at grove->actor
 * and is moved on by the test.
 */
struct grove {
	struct state state;
	struct store *store;
	struct txn *txn; /* open from begin to end */
	struct arena *arena;
	node_id root;
	struct tree_actor actor;
};

void
grove_begin(struct grove *grove, const char *engine);

/* Checks all invariants first. */
void
grove_end(struct grove *grove);

/* Commits, and begins anew. */
void
grove_commit(struct grove *grove);

/* Drops everything since the last commit. */
void
grove_rollback(struct grove *grove);

struct trail
grove_trail(struct grove *grove, const char *path);

/* In another tree. */
struct trail
grove_trail_in(struct grove *grove, node_id root, const char *path);

/* The node, which must be there. */
struct node
grove_node(struct grove *grove, const char *path);

bool
grove_has(struct grove *grove, const char *path);

enum outcome
grove_put(struct grove *grove, const char *path, const char *bytes);

enum outcome
grove_put_in(struct grove *grove, node_id root, const char *path,
    const char *bytes);

enum outcome
grove_mkcol(struct grove *grove, const char *path);

enum outcome
grove_delete(struct grove *grove, const char *path);

enum outcome
grove_move(struct grove *grove, const char *from, const char *onto);

/* All slices and publish. */
enum outcome
grove_copy(struct grove *grove, const char *from, const char *onto);

/* The content is these bytes. */
void
grove_expect(struct grove *grove, const char *path, const char *bytes);

/* The newest item of the trash. */
struct trash_item
grove_trash(struct grove *grove);

/*
 * Recomputes from all keys of the engine: sizes, counts, versions, flags and
 * levels of every collection; places both ways; references of blobs; bytes of
 * versions and trash; use of owners; entries of the log.
 */
void
grove_check(struct grove *grove);

/* Reclaims until nothing is left. */
void
grove_reclaim(struct grove *grove);

#define assert_ok(call) assert_int_equal((call), OK)

#define GROVE_TEST_ON(function, engine) \
	{ #function "/" engine, function, NULL, NULL, \
		(void *)(uintptr_t)(engine) }

/* A test for each engine. */
#define GROVE_TEST(function) \
	GROVE_TEST_ON(function, "memory"), GROVE_TEST_ON(function, "lmdb")
