#include "store/lmdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/memory.h"
#include "store/scopes.h"

/*
 * The LMDB engine: its environment. Invariants: one environment per folder
 * and process (LMDB's locks demand it); the map is never moved while a
 * transaction of this process lives, so whoever moves it pauses the others
 * and waits for them, for a bounded time; an environment is never used after
 * fork. lmdb.h says how a commit comes to the disk.
 */
enum {
	READERS_MAX = 1024,
	RAISES_MAX = 16,
	PAUSE_SECONDS = 1,
	FILE_MODE = 0600
};

static const uint64_t raise_min = UINT64_C(16) << 20;

enum outcome
lmdb_outcome(int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return OK;
	case MDB_NOTFOUND:
		return NOT_FOUND;
	case MDB_MAP_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* RLIMIT_FSIZE */
		return NO_SPACE;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CURSOR_FULL:
		return DAMAGED;
	case MDB_READERS_FULL:
	case MDB_MAP_RESIZED:
	case EAGAIN:
	case ENOMEM:
		return BUSY;
	case MDB_TXN_FULL:
		return TOO_LARGE;
	case ENOENT:
		return NOT_FOUND;
	default:
		return IO;
	}
}

static struct timespec
deadline_after(uint64_t seconds)
{
	uint64_t at = clock_monotonic_ns() + seconds * NS_PER_SECOND;

	return (struct timespec){ .tv_sec = (time_t)(at / NS_PER_SECOND),
		.tv_nsec = (long)(at % NS_PER_SECOND) };
}

enum outcome
lmdb_enter(struct lmdb *db, struct lmdb_txn **ret_spare)
{
	struct lmdb_txn *spare;

	pthread_mutex_lock(&db->mutex);
	if (db->paused) {
		struct timespec until = deadline_after(2 * PAUSE_SECONDS);

		while (db->paused)
			if (pthread_cond_timedwait(&db->changed, &db->mutex,
				&until) != 0)
				break;
		if (db->paused) {
			pthread_mutex_unlock(&db->mutex);
			return BUSY;
		}
	}
	db->active++;
	spare = db->spare;
	if (ret_spare != NULL) {
		if (spare != NULL) {
			db->spare = spare->next;
			db->spares--;
		}
		*ret_spare = spare;
	}
	pthread_mutex_unlock(&db->mutex);
	return OK;
}

void
lmdb_leave(struct lmdb *db, struct lmdb_txn *spare)
{
	pthread_mutex_lock(&db->mutex);
	db->active--;
	/* Half of the reader slots stay for other processes. */
	if (spare != NULL && db->spares < READERS_MAX / 2) {
		spare->next = db->spare;
		db->spare = spare;
		db->spares++;
		spare = NULL;
	}
	if (db->paused && db->active == 0)
		pthread_cond_broadcast(&db->changed);
	pthread_mutex_unlock(&db->mutex);
	if (spare != NULL) {
		mdb_txn_abort(spare->handle);
		free(spare);
	}
}

void
lmdb_drop_spares(struct lmdb *db)
{
	while (db->spare != NULL) {
		struct lmdb_txn *spare = db->spare;

		db->spare = spare->next;
		mdb_txn_abort(spare->handle);
		free(spare);
	}
	db->spares = 0;
}

/* OK: alone, with the mutex held, until lmdb_resume(). BUSY: not. */
static enum outcome
lmdb_pause(struct lmdb *db)
{
	struct timespec until = deadline_after(PAUSE_SECONDS);
	int rc = 0;

	pthread_mutex_lock(&db->mutex);
	while (db->paused && rc == 0)
		rc = pthread_cond_timedwait(&db->changed, &db->mutex, &until);
	if (db->paused) {
		pthread_mutex_unlock(&db->mutex);
		return BUSY;
	}
	db->paused = true;
	while (db->active > 0 && rc == 0)
		rc = pthread_cond_timedwait(&db->changed, &db->mutex, &until);
	if (db->active == 0)
		return OK;
	db->paused = false;
	pthread_cond_broadcast(&db->changed);
	pthread_mutex_unlock(&db->mutex);
	return BUSY;
}

static void
lmdb_resume(struct lmdb *db)
{
	db->paused = false;
	pthread_cond_broadcast(&db->changed);
	pthread_mutex_unlock(&db->mutex);
}

enum outcome
lmdb_remap(struct lmdb *db)
{
	enum outcome outcome = lmdb_pause(db);

	if (outcome != OK)
		return outcome;
	outcome = lmdb_outcome(mdb_env_set_mapsize(db->env, 0));
	lmdb_resume(db);
	return outcome;
}

static enum outcome
lmdb_make_room(struct engine *engine)
{
	struct lmdb *db = (struct lmdb *)engine;
	uint64_t step = db->map_size / 64;
	MDB_envinfo info;
	enum outcome outcome = lmdb_pause(db);

	if (outcome != OK)
		return outcome;
	outcome = NO_SPACE;
	if (db->raised < RAISES_MAX &&
	    mdb_env_info(db->env, &info) == MDB_SUCCESS) {
		step = step < raise_min ? raise_min : step;
		db->raised++;
		outcome = lmdb_outcome(mdb_env_set_mapsize(db->env,
		    info.me_mapsize + (size_t)step));
	}
	lmdb_resume(db);
	return outcome;
}

/* A size that is a multiple of any page. */
static size_t
map_bytes(uint64_t size)
{
	const uint64_t unit = 65536;

	if (size < unit)
		size = unit;
	if (size > SIZE_MAX - unit)
		size = SIZE_MAX - unit;
	return (size_t)((size + unit - 1) / unit * unit);
}

int
lmdb_environment(struct lmdb *db, bool read_only)
{
	unsigned flags = MDB_NOTLS | MDB_NOSYNC;
	MDB_txn *txn;
	int dead, rc;

	if (read_only)
		flags |= MDB_RDONLY;
	rc = mdb_env_create(&db->env);
	if (rc != MDB_SUCCESS)
		return rc;
	rc = mdb_env_set_mapsize(db->env, map_bytes(db->map_size));
	if (rc == MDB_SUCCESS)
		rc = mdb_env_set_maxreaders(db->env, READERS_MAX);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_open(db->env, db->path, flags, FILE_MODE);
	/* Slots of processes that were killed would pin pages for ever. */
	if (rc == MDB_SUCCESS)
		rc = mdb_reader_check(db->env, &dead);
	if (rc == MDB_SUCCESS)
		rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
	if (rc == MDB_SUCCESS) {
		rc = mdb_dbi_open(txn, NULL, 0, &db->table);
		if (rc == MDB_SUCCESS)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	if (rc != MDB_SUCCESS)
		lmdb_environment_close(db);
	return rc;
}

void
lmdb_environment_close(struct lmdb *db)
{
	if (db->env != NULL)
		mdb_env_close(db->env);
	db->env = NULL;
}

void
lmdb_explain(const struct lmdb *db, int rc, struct buffer *message)
{
	const char *path = db->path;

	if (rc == MDB_VERSION_MISMATCH)
		buffer_format(message,
		    "%s was written by another version of "
		    "LMDB or on another kind of machine: use the program that "
		    "made it, or restore a backup",
		    path);
	else if (lmdb_outcome(rc) == DAMAGED)
		buffer_format(message,
		    "%s/data.mdb is damaged or no LMDB "
		    "file: restore a backup",
		    path);
	else if (rc == EACCES || rc == EPERM)
		buffer_format(message,
		    "%s may not be opened by this user: "
		    "run as its owner or as root",
		    path);
	else
		buffer_format(message, "%s cannot be opened: %s", path,
		    mdb_strerror(rc));
}

/* The last user leaves a checkpoint: the next one has nothing to run again. */
static void
leave_clean(struct lmdb *db)
{
	MDB_txn *txn;

	if (atomic_load(&db->suspect) ||
	    lmdb_guard_take(db, GUARD_USERS, false) != OK ||
	    mdb_txn_begin(db->env, NULL, 0, &txn) != MDB_SUCCESS)
		return;
	if (atomic_load(&db->pinned) != mdb_txn_id(txn) - 1)
		(void)(lmdb_checkpoint_now(db, txn) == OK);
	mdb_txn_abort(txn);
}

static void
lmdb_close(struct engine *engine)
{
	struct lmdb *db = (struct lmdb *)engine;

	lmdb_keeper_stop(db);
	lmdb_drop_spares(db);
	if (db->env != NULL && !db->read_only && atomic_load(&db->commits) > 0)
		leave_clean(db);
	lmdb_pins_drop(db);
	lmdb_environment_close(db);
	lmdb_files_close(db);
	pthread_cond_destroy(&db->kept);
	pthread_cond_destroy(&db->wake);
	pthread_cond_destroy(&db->changed);
	pthread_mutex_destroy(&db->mutex);
	free(db->path);
	free(db);
}

static struct lmdb *
lmdb_new(const struct engine_options *options)
{
	struct lmdb *db = memory_alloc(sizeof(*db));
	pthread_condattr_t monotonic;

	db->engine.row = engine_row_find("lmdb");
	db->path = memory_string(text_from(options->path));
	db->map_size = options->map_size;
	db->relaxed = options->relaxed && !options->read_only;
	db->read_only = options->read_only;
	db->folder = db->guard = db->checkpoint = -1;
	db->journal.fd[0] = db->journal.fd[1] = -1;
	pthread_mutex_init(&db->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&db->changed, &monotonic);
	pthread_cond_init(&db->wake, &monotonic);
	pthread_cond_init(&db->kept, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return db;
}

/* Who comes alone brings the store up to date; who comes later waits. */
static enum outcome
come_in(struct lmdb *db, struct buffer *message)
{
	enum outcome outcome = lmdb_files_open(db);

	if (outcome == OK) {
		outcome = lmdb_guard_take(db, GUARD_USERS, false);
		if (outcome == OK)
			outcome = lmdb_recover(db, message);
		else if (outcome == BUSY)
			outcome = OK;
	}
	if (outcome == OK)
		outcome = lmdb_guard_share(db, GUARD_USERS);
	if (outcome != OK && message->len == 0)
		buffer_format(message,
		    "the files in %s cannot be opened: %s: run as their owner "
		    "or as root",
		    db->path, outcome_name(outcome));
	return outcome;
}

static enum outcome
lmdb_open(const struct engine_options *options, struct buffer *message,
    struct engine **ret_engine)
{
	struct lmdb *db = lmdb_new(options);
	enum outcome outcome = come_in(db, message);

	if (outcome == OK) {
		int rc = lmdb_environment(db, db->read_only);

		outcome = lmdb_outcome(rc);
		if (rc != MDB_SUCCESS)
			lmdb_explain(db, rc, message);
	}
	if (outcome == OK && !db->read_only) {
		lmdb_pin_latest(db);
		outcome = lmdb_keeper_start(db);
	}
	if (outcome != OK) {
		lmdb_close(&db->engine);
		return outcome;
	}
	*ret_engine = &db->engine;
	return OK;
}

static enum outcome
lmdb_reopen(struct engine *engine)
{
	struct lmdb *db = (struct lmdb *)engine;
	enum outcome outcome;

	lmdb_keeper_wait(db);
	outcome = lmdb_pause(db);
	if (outcome != OK)
		return outcome;
	lmdb_drop_spares(db);
	if (db->pin != NULL)
		mdb_txn_abort(db->pin);
	db->pin = NULL;
	atomic_store(&db->pinned, 0);
	lmdb_environment_close(db);
	outcome = lmdb_outcome(lmdb_environment(db, db->read_only));
	lmdb_resume(db);
	return outcome;
}

static enum outcome
lmdb_copy(struct engine *engine, const char *folder)
{
	struct lmdb *db = (struct lmdb *)engine;
	enum outcome outcome = lmdb_enter(db, NULL);

	if (outcome != OK)
		return outcome;
	outcome = db->env == NULL ?
	    IO :
	    lmdb_outcome(mdb_env_copy2(db->env, folder, MDB_CP_COMPACT));
	lmdb_leave(db, NULL);
	return outcome;
}

struct oldest {
	uint64_t readers, txn;
	uint64_t pinned; /* of this process; counted apart, once */
};

/* Lines "PID THREAD TXN", after a heading; "-" is a reader at rest. */
static int
count_reader(const char *line, void *context)
{
	struct oldest *oldest = context;
	char *end;
	unsigned long long id;

	if (strtoul(line, &end, 10) == 0)
		return 0;
	end += strspn(end, " ");
	end += strcspn(end, " ");
	id = strtoull(end, &end, 10);
	if (id == 0)
		return 0;
	if (id == oldest->pinned) {
		oldest->pinned = 0;
		return 0;
	}
	oldest->readers++;
	if (id < oldest->txn)
		oldest->txn = id;
	return 0;
}

static void
lmdb_stats(struct engine *engine, struct engine_stats *ret_stats)
{
	struct lmdb *db = (struct lmdb *)engine;
	struct oldest oldest = { .txn = UINT64_MAX,
		.pinned = atomic_load(&db->pinned) };
	struct engine_stats stats = { 0 };
	SCOPED(buffer) struct buffer file = { .max = 8192 };
	struct stat status;
	MDB_envinfo info;
	MDB_stat table;

	if (lmdb_enter(db, NULL) != OK) {
		*ret_stats = stats;
		return;
	}
	if (db->env != NULL && mdb_env_info(db->env, &info) == MDB_SUCCESS &&
	    mdb_env_stat(db->env, &table) == MDB_SUCCESS) {
		(void)mdb_reader_list(db->env, count_reader, &oldest);
		stats.entries = table.ms_entries;
		stats.used_bytes = (uint64_t)table.ms_psize *
		    (table.ms_branch_pages + table.ms_leaf_pages +
			table.ms_overflow_pages + 2);
		stats.map_bytes = info.me_mapsize;
		stats.readers = oldest.readers;
		if (oldest.txn < info.me_last_txnid)
			stats.oldest_reader_lag = info.me_last_txnid -
			    oldest.txn;
	}
	lmdb_leave(db, NULL);
	buffer_format(&file, "%s/data.mdb%c", db->path, 0);
	if (!file.overflow && stat(file.ptr, &status) == 0)
		stats.file_bytes = (uint64_t)status.st_size;
	*ret_stats = stats;
}

const struct engine_row engine_lmdb = {
	.name = "lmdb",
	.durable = true,
	.open = lmdb_open,
	.close = lmdb_close,
	.begin = lmdb_begin,
	.commit = lmdb_commit,
	.abort = lmdb_abort,
	.get = lmdb_get,
	.put = lmdb_put,
	.remove = lmdb_remove,
	.cursor_open = lmdb_cursor_open,
	.cursor_seek = lmdb_cursor_seek,
	.cursor_next = lmdb_cursor_next,
	.cursor_before = lmdb_cursor_before,
	.cursor_close = lmdb_cursor_close,
	.make_room = lmdb_make_room,
	.reopen = lmdb_reopen,
	.copy = lmdb_copy,
	.stats = lmdb_stats,
};
