#include "store/lmdb.h"

#include <time.h>

#include "server/base/clock.h"

/*
 * The keeper: a thread that brings begun checkpoints to the disk, syncs the
 * journal once a second when commits do not (relaxed), and sees to it that a
 * store at rest has a checkpoint of its latest state and pins nothing older.
 */
enum { TICK_SECONDS = 1, FLOW_BYTES = 2 << 20 };

/* Set in the keeper's own thread. */
static _Thread_local struct lmdb *keeper_of;

static struct timespec
next_tick(void)
{
	uint64_t at = clock_monotonic_ns() + TICK_SECONDS * NS_PER_SECOND;

	return (struct timespec){ .tv_sec = (time_t)(at / NS_PER_SECOND),
		.tv_nsec = (long)(at % NS_PER_SECOND) };
}

/* However much else there is to do, a tick comes when it is its time. */
static bool
is_past(const struct timespec *until)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > until->tv_sec ||
	    (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
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

/* The environment stays open while somebody is counted in. */
static void
flow(struct lmdb *db)
{
	if (lmdb_enter(db, NULL) != OK)
		return;
	if (db->env != NULL)
		lmdb_flow(db);
	lmdb_leave(db, NULL);
}

void
lmdb_keeper_feed(struct lmdb *db, uint64_t bytes)
{
	db->unkept += bytes;
	/* Relaxed, no answer waits for the sync that this makes short. */
	if (db->relaxed || db->unkept - db->flown < FLOW_BYTES)
		return;
	db->flown = db->unkept;
	pthread_mutex_lock(&db->mutex);
	db->flow_waits = true;
	pthread_mutex_unlock(&db->mutex);
	pthread_cond_signal(&db->wake);
}

enum work { WORK_NONE, WORK_TICK, WORK_FLOW, WORK_JOB };

/* Waits with the mutex held; none: asked to stop. */
static enum work
work_wait(struct lmdb *db, const struct timespec *until)
{
	int rc = 0;

	while (!db->job_waits && !db->stopping && rc == 0 &&
	    (!db->flow_waits || is_past(until)))
		rc = pthread_cond_timedwait(&db->wake, &db->mutex, until);
	if (db->job_waits)
		return WORK_JOB;
	if (db->stopping)
		return WORK_NONE;
	if (rc != 0)
		return WORK_TICK;
	db->flow_waits = false;
	return WORK_FLOW;
}

static void *
keeper_main(void *context)
{
	struct lmdb *db = context;
	struct timespec until = next_tick();
	uint64_t seen = 0;
	enum work work;

	keeper_of = db;
	pthread_mutex_lock(&db->mutex);
	while ((work = work_wait(db, &until)) != WORK_NONE) {
		pthread_mutex_unlock(&db->mutex);
		if (work == WORK_JOB)
			finish_job(db);
		else if (work == WORK_FLOW)
			flow(db);
		else {
			tick(db, &seen);
			until = next_tick();
		}
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
