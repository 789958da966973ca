#include "store/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/random.h"
#include "store/disk.h"
#include "store/scopes.h"

/*
 * Checkpoints. A writer begins one when enough has come together: it takes the
 * pin and the first pages, turns to the other journal file, and goes on; the
 * keeper syncs data.mdb and writes the checkpoint meanwhile. Where a process
 * has no pin (it never committed) or nobody knows where the journal ends, the
 * checkpoint is made at once, before the commit.
 *
 * The old pin goes when the new checkpoint is on the disk, not earlier. When
 * that fails, the old checkpoint holds, and its chain of records goes on in
 * the file that the tail is in.
 */
static const uint64_t unkept_max = UINT64_C(32) << 20;
static const uint64_t growth_max = UINT64_C(64) << 20;
static const uint64_t age_max_ns = 30 * NS_PER_SECOND;

enum { TRIM_KEEP = 64 << 20, META_PAGES = 2 };

enum {
	/* LMDB 0.9: behind a page's head of 16 bytes, struct MDB_meta. */
	META_MAGIC_AT = 16,
	META_TXN_AT = 16 + 24 + 2 * 48 + 8
};

static const uint32_t meta_magic = 0xBEEFC0DE;

uint64_t
lmdb_pages_txn(struct text pages)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < META_PAGES; i++) {
		const char *page = pages.ptr + i * pages.len / META_PAGES;
		uint32_t found;
		uint64_t txn;

		memcpy(&found, page + META_MAGIC_AT, sizeof(found));
		memcpy(&txn, page + META_TXN_AT, sizeof(txn));
		if (found == meta_magic && txn > newest)
			newest = txn;
	}
	return newest;
}

static int
data_fd(struct lmdb *db)
{
	mdb_filehandle_t fd = -1;

	(void)mdb_env_get_fd(db->env, &fd);
	return fd;
}

static enum outcome
sync_data(struct lmdb *db)
{
	enum outcome outcome = disk_sync(data_fd(db));

	if (outcome == IO)
		lmdb_suspect(db);
	return outcome;
}

/*
 * Between checkpoints no page is written twice, so nothing is lost by writing
 * early; and the sync of a checkpoint, beside which commits have to sync the
 * journal, is short. Where a file system knows no such call it has no effect.
 */
void
lmdb_flow(struct lmdb *db)
{
	(void)sync_file_range(data_fd(db), 0, 0, SYNC_FILE_RANGE_WRITE);
}

/* The state before `txn`: a reader of it, and the pages that lead to it. */
static enum outcome
take_state(struct lmdb *db, MDB_txn *txn, struct checkpoint *next,
    MDB_txn **ret_pin)
{
	MDB_stat stat;
	MDB_txn *pin;
	char *pages;
	size_t len;
	enum outcome outcome;
	int rc = mdb_env_stat(db->env, &stat);

	if (rc == MDB_SUCCESS)
		rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &pin);
	if (rc != MDB_SUCCESS)
		return lmdb_outcome(rc);
	len = (size_t)stat.ms_psize * META_PAGES;
	pages = buffer_room(&next->pages, len);
	outcome = disk_read(data_fd(db), pages, len, 0);
	buffer_added(&next->pages, outcome == OK ? len : 0);
	/* A checkpoint that does not lead to its state would be the end. */
	if (outcome == OK &&
	    (mdb_txn_id(pin) + 1 != mdb_txn_id(txn) ||
		lmdb_pages_txn(buffer_text(&next->pages)) != mdb_txn_id(pin)))
		outcome = DAMAGED;
	if (outcome != OK) {
		mdb_txn_abort(pin);
		return outcome;
	}
	next->txn = mdb_txn_id(pin);
	next->relaxed = db->relaxed;
	*ret_pin = pin;
	return OK;
}

/* What data.mdb has in use, or 0. */
static uint64_t
data_bytes(const struct lmdb *db)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (mdb_env_info(db->env, &info) != MDB_SUCCESS ||
	    mdb_env_stat(db->env, &stat) != MDB_SUCCESS)
		return 0;
	return (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
}

/* From here on the growth that makes the next one due is counted. */
static void
count_anew(struct lmdb *db)
{
	db->unkept = db->flown = 0;
	db->cramped = false;
	db->kept_ns = clock_monotonic_ns();
	db->kept_bytes = data_bytes(db);
	atomic_store(&db->dirty, false);
	atomic_store(&db->due, false);
}

static void
pin_replace(struct lmdb *db, MDB_txn *pin)
{
	MDB_txn *old;

	pthread_mutex_lock(&db->mutex);
	old = db->pin;
	db->pin = pin;
	atomic_store(&db->pinned, pin != NULL ? mdb_txn_id(pin) : 0);
	pthread_mutex_unlock(&db->mutex);
	if (old != NULL)
		mdb_txn_abort(old);
}

void
lmdb_pins_drop(struct lmdb *db)
{
	pin_replace(db, NULL);
}

/* Everything is on the disk before the checkpoint says so. */
static enum outcome
keep(struct lmdb *db, const struct checkpoint *next)
{
	enum outcome outcome = sync_data(db);

	/* The first one makes the names of the files durable as well. */
	if (outcome == OK && next->generation == 1 &&
	    TEMP_FAILURE_RETRY(fsync(db->folder)) != 0)
		outcome = disk_outcome(errno);
	return outcome == OK ? checkpoint_write(db->checkpoint, next) : outcome;
}

static enum outcome
checkpoint_alone(struct lmdb *db, MDB_txn *txn)
{
	struct checkpoint last = { 0 }, next = { 0 };
	enum outcome outcome = checkpoint_read(db->checkpoint, &last);
	MDB_txn *pin = NULL;

	if (outcome == OK || outcome == NOT_FOUND)
		outcome = take_state(db, txn, &next, &pin);
	if (outcome == OK) {
		next.generation = last.generation + 1;
		next.place.file = 1 - last.place.file;
		random_fill(&next.nonce, sizeof(next.nonce));
		/* Who dies in between leaves no tail of the old chain. */
		lmdb_tail_forget(db);
		outcome = keep(db, &next);
	}
	if (outcome == OK) {
		pin_replace(db, pin);
		journal_stand(&db->journal, next.place, next.txn, next.nonce);
		outcome = lmdb_tail_write(db);
		count_anew(db);
	} else if (pin != NULL) {
		mdb_txn_abort(pin);
	}
	checkpoint_done(&last);
	checkpoint_done(&next);
	return outcome;
}

enum outcome
lmdb_checkpoint_now(struct lmdb *db, MDB_txn *txn)
{
	enum outcome outcome;

	lmdb_keeper_wait(db);
	outcome = lmdb_guard_take(db, GUARD_CHECKPOINT, true);
	if (outcome != OK)
		return outcome;
	outcome = checkpoint_alone(db, txn);
	lmdb_guard_drop(db, GUARD_CHECKPOINT);
	return outcome;
}

/*
 * The records after `next` go to the other file, unless the last checkpoint
 * never came to be: then its chain may still need what is there.
 */
static enum outcome
prepare(struct lmdb *db, MDB_txn *txn, struct checkpoint *next,
    MDB_txn **ret_pin)
{
	struct checkpoint last = { 0 };
	struct journal_place tail = db->journal.tail;
	enum outcome outcome = checkpoint_read(db->checkpoint, &last);

	if (outcome == OK && last.nonce != db->journal.nonce)
		outcome = CONFLICT;
	if (outcome == OK)
		outcome = take_state(db, txn, next, ret_pin);
	if (outcome == OK) {
		next->generation = last.generation + 1;
		next->nonce = last.nonce;
		next->place = tail;
		if (tail.file == last.place.file) {
			next->place.file = 1 - tail.file;
			next->place.offset = 0;
			journal_trim(&db->journal, next->place.file, TRIM_KEEP);
		}
	}
	checkpoint_done(&last);
	return outcome;
}

void
lmdb_checkpoint_begin(struct lmdb *db, MDB_txn *txn)
{
	struct checkpoint next = { 0 };
	MDB_txn *pin;
	bool busy;

	pthread_mutex_lock(&db->mutex);
	busy = db->job_waits || !db->keeping;
	pthread_mutex_unlock(&db->mutex);
	if (busy || lmdb_guard_take(db, GUARD_CHECKPOINT, false) != OK)
		return;
	if (prepare(db, txn, &next, &pin) != OK) {
		checkpoint_done(&next);
		lmdb_guard_drop(db, GUARD_CHECKPOINT);
		return;
	}
	journal_stand(&db->journal, next.place, next.txn, next.nonce);
	if (lmdb_tail_write(db) != OK)
		lmdb_tail_forget(db);
	count_anew(db);
	pthread_mutex_lock(&db->mutex);
	db->job = next;
	db->job_pin = pin;
	db->job_waits = true;
	pthread_cond_signal(&db->wake);
	pthread_mutex_unlock(&db->mutex);
}

/* Keeper's thread; nobody else touches the job meanwhile. */
void
lmdb_checkpoint_finish(struct lmdb *db)
{
	enum outcome outcome = keep(db, &db->job);

	if (outcome == OK) {
		pin_replace(db, db->job_pin);
	} else {
		log_message(LOG_LEVEL_WARNING, "checkpoint",
		    "%s: %s; the one before it holds", db->path,
		    outcome_name(outcome));
		mdb_txn_abort(db->job_pin);
		atomic_store(&db->dirty, true);
	}
	checkpoint_done(&db->job);
	lmdb_guard_drop(db, GUARD_CHECKPOINT);
}

static bool
is_due(struct lmdb *db)
{
	if (atomic_load(&db->due) || db->unkept > unkept_max ||
	    clock_monotonic_ns() - db->kept_ns > age_max_ns)
		return true;
	return data_bytes(db) > db->kept_bytes + growth_max;
}

enum outcome
lmdb_writer_ready(struct lmdb *db, MDB_txn *txn)
{
	uint64_t before = mdb_txn_id(txn) - 1;

	if (atomic_load(&db->suspect) || atomic_load(&db->relaxed_failed))
		return IO;
	if (atomic_load(&db->pinned) == 0 || db->cramped ||
	    lmdb_tail_read(db, before) != OK)
		return lmdb_checkpoint_now(db, txn);
	if (is_due(db))
		lmdb_checkpoint_begin(db, txn);
	return OK;
}

void
lmdb_pin_latest(struct lmdb *db)
{
	struct checkpoint last = { 0 };
	MDB_txn *pin;

	if (mdb_txn_begin(db->env, NULL, MDB_RDONLY, &pin) != MDB_SUCCESS)
		return;
	if (checkpoint_read(db->checkpoint, &last) == OK &&
	    last.txn == mdb_txn_id(pin)) {
		pin_replace(db, pin);
		count_anew(db);
	} else {
		mdb_txn_abort(pin);
	}
	checkpoint_done(&last);
}
