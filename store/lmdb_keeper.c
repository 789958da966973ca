#include "store/lmdb.h"

#include <time.h>

#include "server/base/clock.h"

/*
 * The keeper: a thread that brings begun checkpoints to the disk, syncs the
 * journal once a second when commits do not (relaxed), and sees to it that a
 * store at rest has a checkpoint of its latest state and pins nothing older.
 */
enum { TICK_SECONDS = 1 };

/* Set in the keeper's own thread. */
static _Thread_local struct lmdb *keeper_of;

static struct timespec
next_tick(void)
{
	uint64_t at = clock_monotonic_ns() + TICK_SECONDS * NS_PER_SECOND;

	return (struct timespec){ .tv_sec = (time_t)(at / NS_PER_SECOND),
		.tv_nsec = (long)(at % NS_PER_SECOND) };
}

/* Somebody has committed since the pin was taken; whoever it was. */
static bool
is_behind(struct lmdb *db)
{
	uint64_t pinned = atomic_load(&db->pinned);
	MDB_envinfo info = { 0 };
	bool behind;

	if (atomic_load(&db->dirty))
		return true;
	if (pinned == 0 || lmdb_enter(db, NULL) != OK)
		return false;
	behind = db->env != NULL &&
	    mdb_env_info(db->env, &info) == MDB_SUCCESS &&
	    info.me_last_txnid != pinned;
	lmdb_leave(db, NULL);
	return behind;
}

/*
 * A pin that is old because others write would keep their pages for ever; who
 * drops it makes a checkpoint before the next commit of its own.
 */
static void
come_to_rest(struct lmdb *db)
{
	struct txn *txn;

	atomic_store(&db->due, atomic_load(&db->dirty));
	if (txn_begin_write(&db->engine, &txn) != OK)
		return;
	if (!atomic_load(&db->dirty) && !atomic_load(&db->due) && is_behind(db))
		lmdb_pins_drop(db);
	txn_abort(txn);
}

static void
tick(struct lmdb *db, uint64_t *seen)
{
	uint64_t commits = atomic_load(&db->commits);

	if (db->relaxed && journal_sync_both(&db->journal) != OK)
		atomic_store(&db->relaxed_failed, true);
	if (commits == *seen && is_behind(db))
		come_to_rest(db);
	*seen = commits;
}

static void
finish_job(struct lmdb *db)
{
	lmdb_checkpoint_finish(db);
	pthread_mutex_lock(&db->mutex);
	db->job_waits = false;
	pthread_cond_broadcast(&db->kept);
	pthread_mutex_unlock(&db->mutex);
}

static void *
keeper_main(void *context)
{
	struct lmdb *db = context;
	uint64_t seen = 0;

	keeper_of = db;
	pthread_mutex_lock(&db->mutex);
	while (!db->stopping || db->job_waits) {
		struct timespec until = next_tick();
		int rc = 0;

		while (!db->job_waits && !db->stopping && rc == 0)
			rc = pthread_cond_timedwait(&db->wake, &db->mutex,
			    &until);
		if (!db->job_waits && rc == 0)
			continue;
		pthread_mutex_unlock(&db->mutex);
		if (rc == 0)
			finish_job(db);
		else
			tick(db, &seen);
		pthread_mutex_lock(&db->mutex);
	}
	pthread_mutex_unlock(&db->mutex);
	return NULL;
}

enum outcome
lmdb_keeper_start(struct lmdb *db)
{
	if (pthread_create(&db->keeper, NULL, keeper_main, db) != 0)
		return BUSY;
	pthread_mutex_lock(&db->mutex);
	db->keeping = true;
	pthread_mutex_unlock(&db->mutex);
	return OK;
}

void
lmdb_keeper_stop(struct lmdb *db)
{
	bool keeping;

	pthread_mutex_lock(&db->mutex);
	keeping = db->keeping;
	db->stopping = true;
	pthread_cond_signal(&db->wake);
	pthread_mutex_unlock(&db->mutex);
	if (!keeping)
		return;
	pthread_join(db->keeper, NULL);
	db->keeping = false;
}

void
lmdb_keeper_wait(struct lmdb *db)
{
	pthread_mutex_lock(&db->mutex);
	if (db->job_waits && keeper_of == db) {
		pthread_mutex_unlock(&db->mutex);
		finish_job(db);
		return;
	}
	while (db->job_waits)
		pthread_cond_wait(&db->kept, &db->mutex);
	pthread_mutex_unlock(&db->mutex);
}
