#pragma once

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/checkpoint.h"
#include "store/engine.h"
#include "store/journal.h"

/*
 * What the files of the LMDB engine share: lmdb.c has the environment,
 * lmdb_txn.c transactions and cursors, lmdb_guard.c the files beside it and
 * who may do what with them, lmdb_checkpoint.c how its state comes to the
 * disk, lmdb_recover.c how it comes back from there. Nothing else includes
 * this.
 *
 * How a commit is durable. LMDB runs without syncs of its own. A commit
 * appends what it wrote to the journal, syncs that, and only then commits to
 * LMDB, whose pages reach the disk when they may. At a checkpoint all of them
 * do, and the pages of that state are pinned by a read transaction, so that
 * LMDB, which never writes to a page that a reader can see, leaves them alone
 * until the next one. After a failure of power the first two pages of data.mdb
 * (the only ones written in place) are put back to what they were at the
 * checkpoint, and the journal is run again.
 *
 * Several processes may write (LMDB's own mutex takes turns). Each holds a pin
 * of its own before its first commit, taken at a checkpoint of its own, so
 * that the pages of the latest checkpoint are pinned by every process that may
 * still commit.
 */
enum lmdb_guard { GUARD_USERS, GUARD_CHECKPOINT };

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

	/* Files beside data.mdb; -1 when they are not open. */
	int folder, guard, checkpoint;

	/* Who holds LMDB's write transaction. */
	struct journal journal;
	uint64_t unkept;     /* bytes in the journal since a checkpoint */
	uint64_t flown;      /* of them, those before the last flow */
	uint64_t kept_bytes; /* of data.mdb at the last checkpoint */
	uint64_t kept_ns;    /* when that was begun */
	bool cramped;        /* pages were too few: a checkpoint frees some */
	bool anew;           /* a checkpoint must come before a commit */

	/* The thread that brings checkpoints to the disk; with mutex. */
	pthread_t keeper;
	pthread_cond_t wake, kept;
	bool keeping, stopping;
	bool job_waits; /* from its begin to its end */
	bool flow_waits;
	struct checkpoint job;
	MDB_txn *pin, *job_pin;

	_Atomic uint64_t commits; /* of this process */
	_Atomic uint64_t pinned;  /* transaction of the pin; 0: no pin */
	_Atomic bool dirty;       /* commits since a checkpoint was begun */
	_Atomic bool due;         /* the next writer begins a checkpoint */
	_Atomic bool suspect;     /* a sync of data.mdb failed */
	_Atomic bool relaxed_failed;
};

/* From an LMDB or errno value. */
enum outcome
lmdb_outcome(int rc);

/* LMDB takes no const; it does not write to keys and values. */
MDB_val
lmdb_value(struct text text);

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

/* Opens it, without syncs of its own; an LMDB or errno value. */
int
lmdb_environment(struct lmdb *db, bool read_only);

void
lmdb_environment_close(struct lmdb *db);

/* One sentence that says what to do about an LMDB or errno value. */
void
lmdb_explain(const struct lmdb *db, int rc, struct buffer *message);

enum outcome
lmdb_files_open(struct lmdb *db) MUST_CHECK;

void
lmdb_files_close(struct lmdb *db);

/* Alone in this sense; BUSY: others are. Waits only if `wait`. */
enum outcome
lmdb_guard_take(struct lmdb *db, enum lmdb_guard guard, bool wait) MUST_CHECK;

/* Others may be in this sense as well. Waits for one who is alone. */
enum outcome
lmdb_guard_share(struct lmdb *db, enum lmdb_guard guard) MUST_CHECK;

void
lmdb_guard_drop(struct lmdb *db, enum lmdb_guard guard);

/*
 * Where the journal's tail is, told from process to process; called inside a
 * write transaction of LMDB, or alone. Read: the journal stands there if the
 * last record is `number`, else NOT_FOUND: then only a checkpoint knows, a new
 * one.
 */
enum outcome
lmdb_tail_read(struct lmdb *db, uint64_t number) MUST_CHECK;

enum outcome
lmdb_tail_write(struct lmdb *db) MUST_CHECK;

void
lmdb_tail_forget(struct lmdb *db);

/* The mark of a file whose sync failed; it outlives the process. */
void
lmdb_suspect(struct lmdb *db);

/*
 * Called by the only user, before the environment is open: the last state that
 * was answered for. OK as well when there is nothing to do.
 */
enum outcome
lmdb_recover(struct lmdb *db, struct buffer *message) MUST_CHECK;

/* The newest transaction that two first pages know of; 0: they are none. */
uint64_t
lmdb_pages_txn(struct text pages);

/* Takes the pin of the latest checkpoint, if nothing was committed since. */
void
lmdb_pin_latest(struct lmdb *db);

void
lmdb_pins_drop(struct lmdb *db);

/*
 * The next three are called inside a write transaction of LMDB that has not
 * written. Ready: this process may commit in it.
 */
enum outcome
lmdb_writer_ready(struct lmdb *db, MDB_txn *txn) MUST_CHECK;

/* The state before `txn` is on the disk, and the journal begins behind it. */
enum outcome
lmdb_checkpoint_now(struct lmdb *db, MDB_txn *txn) MUST_CHECK;

/* Leaves the work to the keeper, if it and other processes are at rest. */
void
lmdb_checkpoint_begin(struct lmdb *db, MDB_txn *txn);

/* The keeper's part of a checkpoint that was begun. */
void
lmdb_checkpoint_finish(struct lmdb *db);

/* A commit has added so many bytes: now and then the keeper has work to do. */
void
lmdb_keeper_feed(struct lmdb *db, uint64_t bytes);

/* Begins to write what data.mdb has to, and waits for none of it. */
void
lmdb_flow(struct lmdb *db);

enum outcome
lmdb_keeper_start(struct lmdb *db) MUST_CHECK;

/* Ends the thread, after the checkpoint that it is at. */
void
lmdb_keeper_stop(struct lmdb *db);

/* Waits until the keeper has nothing in hand. */
void
lmdb_keeper_wait(struct lmdb *db);

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
