#include "store/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/disk.h"
#include "store/scopes.h"

/*
 * What comes back after a crash: the state of the checkpoint, by putting the
 * first pages back, and what was answered since, by running the journal again.
 * It is done after a kill as after a failure of power, so that every restart
 * of a test that kills shows that it works.
 *
 * Two things cannot be mended and are refused: a data.mdb older than its
 * checkpoint (somebody replaced it), and a journal that ends before what
 * data.mdb is known to have seen (its disk lost what it had synced).
 */
struct recovery {
	struct lmdb *db;
	struct checkpoint base;
	uint64_t last; /* number of the last record of the chain */
};

static enum outcome
find_end(struct recovery *recovery)
{
	struct journal *journal = &recovery->db->journal;
	struct journal_place at = recovery->base.place;
	struct text payload;
	enum outcome outcome;

	journal_stand(journal, at, recovery->base.txn, recovery->base.nonce);
	recovery->last = recovery->base.txn;
	do {
		outcome = journal_read(journal, &at, recovery->last + 1,
		    &payload);
		if (outcome == OK)
			recovery->last++;
	} while (outcome == OK);
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
judge(const struct recovery *recovery, uint64_t seen, struct buffer *message)
{
	const char *path = recovery->db->path;

	if (seen < recovery->base.txn) {
		buffer_format(message,
		    "%s/data.mdb is older than the checkpoint beside it: "
		    "restore a backup into an empty folder",
		    path);
		return DAMAGED;
	}
	if (seen > recovery->last && !recovery->base.relaxed) {
		buffer_format(message,
		    "the journal in %s ends %llu changes too early: the disk "
		    "lost what it had written; restore a backup",
		    path, (unsigned long long)(seen - recovery->last));
		return DAMAGED;
	}
	return OK;
}

/* Puts the first pages back where they differ from those of the checkpoint. */
static enum outcome
put_back(struct recovery *recovery, int data, struct buffer *message)
{
	SCOPED(buffer) struct buffer now = { 0 };
	struct text then = buffer_text(&recovery->base.pages);
	char *pages = buffer_room(&now, then.len + 1);
	enum outcome outcome = disk_read(data, pages, then.len, 0);

	if (outcome == NOT_FOUND || then.len == 0 ||
	    lmdb_pages_txn(then) != recovery->base.txn) {
		buffer_format(message,
		    "%s/data.mdb is damaged or no LMDB file: "
		    "restore a backup",
		    recovery->db->path);
		return DAMAGED;
	}
	if (outcome != OK)
		return outcome;
	buffer_added(&now, then.len);
	if (memcmp(pages, then.ptr, then.len) == 0)
		return OK;
	outcome = judge(recovery, lmdb_pages_txn(buffer_text(&now)), message);
	if (outcome == OK)
		outcome = disk_write(data, then, 0);
	return outcome == OK ? disk_sync(data) : outcome;
}

static int
apply(struct lmdb *db, MDB_txn *txn, struct text payload)
{
	struct journal_entry entry;
	enum outcome outcome;
	int rc = MDB_SUCCESS;

	while (rc == MDB_SUCCESS &&
	    (outcome = journal_next(&payload, &entry)) != NOT_FOUND) {
		MDB_val key, value;

		if (outcome != OK)
			return MDB_CORRUPTED;
		key = lmdb_value(entry.key);
		value = lmdb_value(entry.value);
		rc = entry.remove ? mdb_del(txn, db->table, &key, NULL) :
				    mdb_put(txn, db->table, &key, &value, 0);
	}
	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int
replay_one(struct lmdb *db, struct text payload, uint64_t number)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(db->env, NULL, 0, &txn);

	if (rc != MDB_SUCCESS)
		return rc;
	rc = mdb_txn_id(txn) == number ? apply(db, txn, payload) :
					 MDB_CORRUPTED;
	if (rc != MDB_SUCCESS) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* The map may have been larger when the records were made. */
static int
grow_map(struct lmdb *db)
{
	MDB_envinfo info;
	int rc = mdb_env_info(db->env, &info);

	return rc != MDB_SUCCESS ?
	    rc :
	    mdb_env_set_mapsize(db->env,
		info.me_mapsize + info.me_mapsize / 4 + (1 << 24));
}

static int
replay(struct recovery *recovery)
{
	enum { GROWTHS_MAX = 64 };
	struct lmdb *db = recovery->db;
	struct journal_place at = recovery->base.place;
	int growths = 0, rc = MDB_SUCCESS;

	for (uint64_t number = recovery->base.txn + 1;
	    rc == MDB_SUCCESS && number <= recovery->last; number++) {
		struct text payload;

		if (journal_read(&db->journal, &at, number, &payload) != OK)
			return EIO;
		rc = replay_one(db, payload, number);
		while (rc == MDB_MAP_FULL && growths++ < GROWTHS_MAX) {
			rc = grow_map(db);
			if (rc == MDB_SUCCESS)
				rc = replay_one(db, payload, number);
		}
	}
	return rc;
}

/* The pin keeps a second crash, in the middle of this, from doing harm. */
static enum outcome
run_again(struct recovery *recovery, struct buffer *message)
{
	struct lmdb *db = recovery->db;
	MDB_txn *pin = NULL, *txn;
	enum outcome outcome = OK;
	int rc = lmdb_environment(db, false);

	if (rc == MDB_SUCCESS)
		rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &pin);
	if (rc == MDB_SUCCESS)
		rc = replay(recovery);
	if (rc == MDB_SUCCESS)
		rc = mdb_txn_begin(db->env, NULL, 0, &txn);
	if (rc == MDB_SUCCESS) {
		outcome = lmdb_checkpoint_now(db, txn);
		mdb_txn_abort(txn);
	}
	if (rc != MDB_SUCCESS) {
		lmdb_explain(db, rc, message);
		outcome = lmdb_outcome(rc);
	} else if (outcome != OK) {
		buffer_format(message, "%s cannot be brought up to date: %s",
		    db->path, outcome_name(outcome));
	}
	if (pin != NULL)
		mdb_txn_abort(pin);
	lmdb_pins_drop(db);
	lmdb_environment_close(db);
	return outcome;
}

static enum outcome
recover_from(struct recovery *recovery, struct buffer *message)
{
	struct lmdb *db = recovery->db;
	int data = openat(db->folder, "data.mdb", O_RDWR | O_CLOEXEC);
	enum outcome outcome;

	if (data < 0) {
		lmdb_explain(db, errno, message);
		return lmdb_outcome(errno);
	}
	outcome = find_end(recovery);
	if (outcome == OK)
		outcome = put_back(recovery, data, message);
	fd_close(data);
	if (outcome == OK && recovery->last > recovery->base.txn)
		return run_again(recovery, message);
	if (outcome == OK) {
		journal_stand(&db->journal, recovery->base.place,
		    recovery->base.txn, recovery->base.nonce);
		outcome = lmdb_tail_write(db);
	}
	return outcome;
}

/*
 * LMDB's lock file is made anew by who comes first, and tells the latest
 * transaction to who comes later. A process that was killed lets go of its
 * locks one by one, so that the guard may be free while LMDB's is not yet; a
 * program of LMDB's may hold it for longer.
 */
static enum outcome
wait_for_lmdb(const struct lmdb *db, struct buffer *message)
{
	enum { PATIENCE_MS = 10000, STEP_MS = 5 };
	static const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	SCOPED(fd) int fd = openat(db->folder, "lock.mdb", O_RDWR | O_CLOEXEC);

	for (int ms = 0; fd >= 0 && ms < PATIENCE_MS; ms += STEP_MS) {
		struct flock range = {
			.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1
		};

		if (fcntl(fd, F_GETLK, &range) != 0 || range.l_type == F_UNLCK)
			return OK;
		(void)nanosleep(&step, NULL);
	}
	if (fd < 0)
		return OK;
	buffer_format(message,
	    "%s/data.mdb is in use by another program: end it first", db->path);
	return BUSY;
}

enum outcome
lmdb_recover(struct lmdb *db, struct buffer *message)
{
	struct recovery recovery = { .db = db };
	enum outcome outcome = wait_for_lmdb(db, message);

	lmdb_tail_forget(db);
	if (outcome == OK)
		outcome = checkpoint_read(db->checkpoint, &recovery.base);
	if (outcome == OK)
		outcome = recover_from(&recovery, message);
	else if (outcome == NOT_FOUND)
		outcome = OK;
	checkpoint_done(&recovery.base);
	if (outcome == OK && atomic_load(&db->suspect)) {
		/* All that counts was written anew, or is older than it. */
		(void)unlinkat(db->folder, "suspect", 0);
		atomic_store(&db->suspect, false);
	}
	if (outcome != OK && message->len == 0)
		buffer_format(message,
		    "%s/checkpoint cannot be read: %s; restore a backup",
		    db->path, outcome_name(outcome));
	return outcome;
}
