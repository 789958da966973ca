#pragma once

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/engine.h"

/*
 * What the files of the LMDB engine share: lmdb.c has the environment,
 * lmdb_txn.c transactions and cursors. Nothing else includes this.
 */
struct lmdb_txn {
	struct txn txn;
	MDB_txn *handle;
	struct lmdb_txn *next; /* in the list of spare ones */
	enum outcome failed;   /* why a write transaction is dead, or OK */
};

struct lmdb {
	struct engine engine;
	MDB_env *env;
	MDB_dbi table;
	char *path;
	uint64_t map_size;
	bool relaxed, read_only;

	/* Guards what follows up to `raised`. */
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* paused or active changed */
	struct lmdb_txn *spare; /* reset read transactions: pin no page */
	size_t spares;
	size_t active; /* transactions alive */
	bool paused;   /* nobody may begin: the map is changing */
	size_t raised; /* times that make_room raised the map */

	/* The thread that syncs once a second when relaxed. */
	pthread_t syncer;
	pthread_cond_t wake; /* with mutex */
	bool syncing, stopping;
	_Atomic int sync_error; /* of its last sync; 0 */
};

/* From an LMDB or errno value. */
enum outcome
lmdb_outcome(int rc);

/* Counts the caller in as a user of the map; BUSY while it stays paused. */
enum outcome
lmdb_enter(struct lmdb *db, struct lmdb_txn **ret_spare) MUST_CHECK;

/* Counts out; keeps a spare transaction if it is given one. */
void
lmdb_leave(struct lmdb *db, struct lmdb_txn *spare);

/* Another process has grown the map: maps it anew. */
enum outcome
lmdb_remap(struct lmdb *db) MUST_CHECK;

/* Ends the spare transactions; the caller holds the mutex. */
void
lmdb_drop_spares(struct lmdb *db);

enum outcome
lmdb_begin(struct engine *engine, bool writable, struct txn **ret_txn)
    MUST_CHECK;

enum outcome
lmdb_commit(struct txn *txn) MUST_CHECK;

void
lmdb_abort(struct txn *txn);

enum outcome
lmdb_get(struct txn *txn, struct text key, struct text *ret_value) MUST_CHECK;

enum outcome
lmdb_put(struct txn *txn, struct text key, struct text value) MUST_CHECK;

enum outcome
lmdb_remove(struct txn *txn, struct text key) MUST_CHECK;

enum outcome
lmdb_cursor_open(struct txn *txn, struct cursor **ret_cursor) MUST_CHECK;

enum outcome
lmdb_cursor_seek(struct cursor *cursor, struct text key) MUST_CHECK;

enum outcome
lmdb_cursor_next(struct cursor *cursor) MUST_CHECK;

enum outcome
lmdb_cursor_before(struct cursor *cursor, struct text key) MUST_CHECK;

void
lmdb_cursor_close(struct cursor *cursor);
