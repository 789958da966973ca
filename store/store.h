#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "server/base/buffer.h"
#include "server/base/outcome.h"
#include "store/change.h"
#include "store/engine.h"

/*
 * The store of one state folder: an engine, its committer, the blob files, and
 * the format. Layout of the folder:
 *
 *   state/engine/      the engine's own files
 *   state/blobs/ab/ID  large contents, named by their id
 *   state/staging/     contents on their way in, swept at start
 *   state/reserve      space given back so that DELETE works on a full disk
 *   state/lock         held by the process that serves
 *   state/secret/      keys of the server, mode 0600
 *
 * Keys of the engine begin with one byte that names their kind (keys.h).
 * Every value begins with a version byte and is read by a bounded reader.
 */
enum { STORE_FORMAT = 2 };

/* Ids are never 0, never given twice, and grow within a process. */
typedef uint64_t node_id;
typedef uint64_t blob_id;
typedef uint64_t user_id; /* of a user or a group */

struct store {
	struct engine *engine;       /* owned */
	struct committer *committer; /* owned */
	struct blob_store *blobs;    /* owned */
	const struct conf *conf;     /* shared, counted */
	uint64_t identity;        /* random, made once: part of resource-id */
	_Atomic uint64_t next_id; /* of a block reserved at open */
	_Atomic uint64_t disk_available, disk_looked_ns; /* see quota.c */
	char *path; /* owned: the state folder */
};

enum store_open { STORE_CREATE, STORE_USE, STORE_READ_ONLY };

/*
 * Opens the state that conf names. A newer format, a damaged or a missing
 * store is refused: `message` holds one clear line that says what to do. An
 * older format is migrated. Reserves a block of ids (not when read only).
 */
enum outcome
store_open(struct conf *conf, enum store_open how, struct buffer *message,
    struct store **ret_store) MUST_CHECK;

/* Waits for the committer; NULL is allowed. */
void
store_close(struct store *store);

/* A fresh id for a node, blob, user, grant or content version. */
uint64_t
store_next_id(struct store *store);

/*
 * Runs a function in a write transaction of its own and waits for its durable
 * commit: the command line and workers.
 */
enum outcome
store_change(struct store *store,
    enum outcome (*run)(struct txn *txn, void *context), void *context)
    ON_WORKER MUST_CHECK;
