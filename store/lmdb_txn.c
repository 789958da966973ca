#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/memory.h"
#include "store/disk.h"
#include "store/lmdb.h"

/*
 * Transactions and cursors of the LMDB engine. A read transaction that ends
 * is reset (it pins no page then) and kept, so that the next begin is a
 * renewal: no allocation, no search for a reader slot. With MDB_NOTLS the
 * slot belongs to the transaction, so any thread may take a spare one.
 */
enum { SHORT_BYTES = 1 << 20 };

struct lmdb_cursor {
	struct cursor cursor;
	MDB_cursor *handle;
	bool ended; /* the last move found nothing */
	/*
	 * In a write transaction: the key it stands on, because a write ends
	 * the life of borrowed bytes, and the writes there were then.
	 */
	uint64_t writes;
	size_t key_len;
	char key[ENGINE_KEY_MAX];
};

static struct lmdb *
db_of(const struct txn *txn)
{
	return (struct lmdb *)txn->engine;
}

/* A begin of either kind, on a transaction that may be a spare one. */
static int
begin_handle(struct lmdb *db, bool writable, struct lmdb_txn *txn)
{
	int rc, dead;

	if (db->env == NULL)
		return MDB_PANIC; /* a reopen failed */
	if (txn->handle != NULL)
		return mdb_txn_renew(txn->handle);
	rc = mdb_txn_begin(db->env, NULL, writable ? 0 : MDB_RDONLY,
	    &txn->handle);
	if (rc == MDB_READERS_FULL &&
	    mdb_reader_check(db->env, &dead) == MDB_SUCCESS && dead > 0)
		rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn->handle);
	if (rc != MDB_SUCCESS)
		txn->handle = NULL;
	return rc;
}

static enum outcome
begin_write(struct lmdb *db, struct lmdb_txn *txn)
{
	enum outcome outcome = lmdb_writer_ready(db, txn->handle);

	if (outcome == OK)
		journal_begin(&db->journal);
	return outcome;
}

static void
discard(struct lmdb *db, struct lmdb_txn *txn)
{
	if (txn->handle != NULL)
		mdb_txn_abort(txn->handle);
	free(txn);
	lmdb_leave(db, NULL);
}

enum outcome
lmdb_begin(struct engine *engine, bool writable, struct txn **ret_txn)
{
	struct lmdb *db = (struct lmdb *)engine;

	for (int attempt = 0;; attempt++) {
		struct lmdb_txn *txn = NULL;
		enum outcome outcome;
		int rc;

		outcome = lmdb_enter(db, writable ? NULL : &txn);
		if (outcome != OK)
			return outcome;
		if (txn == NULL)
			txn = memory_alloc(sizeof(*txn));
		txn->failed = OK;
		rc = begin_handle(db, writable, txn);
		if (rc == MDB_SUCCESS && writable)
			outcome = begin_write(db, txn);
		if (rc == MDB_SUCCESS && outcome == OK) {
			*ret_txn = &txn->txn;
			return OK;
		}
		discard(db, txn);
		if (outcome != OK)
			return outcome;
		if (rc != MDB_MAP_RESIZED || attempt > 2)
			return lmdb_outcome(rc);
		outcome = lmdb_remap(db);
		if (outcome != OK)
			return outcome;
	}
}

/* What the pin holds may be what was wanting; called as the writer. */
static void
note_want(struct lmdb *db, const struct lmdb_txn *txn)
{
	if (txn->failed == NO_SPACE && atomic_load(&db->dirty))
		db->cramped = true;
}

/*
 * LMDB refused what the journal has, and the tail tells of it: the checkpoint
 * that follows makes that record one that no recovery runs, and gives back the
 * pages that were pinned, of which there may have been too few.
 */
static void
disown(struct lmdb *db)
{
	MDB_txn *txn;

	if (mdb_txn_begin(db->env, NULL, 0, &txn) != MDB_SUCCESS)
		return;
	(void)(lmdb_writer_ready(db, txn) == OK);
	mdb_txn_abort(txn);
}

static enum outcome
commit_handle(struct lmdb *db, struct lmdb_txn *txn)
{
	uint64_t length = db->journal.record.len;
	enum outcome outcome;

	/* LMDB does not count a transaction that wrote nothing. */
	if (txn->failed != OK || length == JOURNAL_HEAD) {
		note_want(db, txn);
		mdb_txn_abort(txn->handle);
		return txn->failed;
	}
	outcome = journal_append(&db->journal, !db->relaxed);
	if (outcome == OK)
		outcome = lmdb_tail_write(db);
	if (outcome != OK) {
		lmdb_tail_forget(db);
		mdb_txn_abort(txn->handle);
		return outcome;
	}
	outcome = lmdb_outcome(mdb_txn_commit(txn->handle));
	/* LMDB says EIO of a write that a full disk cut short. */
	if (outcome == IO && disk_is_short(db->guard, length + SHORT_BYTES))
		outcome = NO_SPACE;
	if (outcome != OK) {
		disown(db);
		return outcome;
	}
	lmdb_keeper_feed(db, length);
	atomic_fetch_add(&db->commits, 1);
	atomic_store(&db->dirty, true);
	return OK;
}

enum outcome
lmdb_commit(struct txn *base)
{
	struct lmdb_txn *txn = (struct lmdb_txn *)base;
	struct lmdb *db = db_of(base);
	enum outcome outcome = commit_handle(db, txn);

	free(txn);
	lmdb_leave(db, NULL);
	return outcome;
}

void
lmdb_abort(struct txn *base)
{
	struct lmdb_txn *txn = (struct lmdb_txn *)base;
	struct lmdb *db = db_of(base);

	if (base->writable) {
		note_want(db, txn);
		discard(db, txn);
		return;
	}
	mdb_txn_reset(txn->handle);
	lmdb_leave(db, txn);
}

/*
 * LMDB marks a write transaction dead after most errors and then says only
 * MDB_BAD_TXN: the first reason is kept, so that a full disk is not told as
 * a broken one.
 */
static enum outcome
settle(struct txn *base, int rc)
{
	struct lmdb_txn *txn = (struct lmdb_txn *)base;
	enum outcome outcome = lmdb_outcome(rc);

	if (outcome == OK || outcome == NOT_FOUND)
		return outcome;
	if (rc == MDB_BAD_TXN && txn->failed != OK)
		return txn->failed;
	if (txn->failed == OK)
		txn->failed = outcome;
	return outcome;
}

MDB_val
lmdb_value(struct text text)
{
	union {
		const char *in;
		void *out;
	} ptr = { .in = text.ptr != NULL ? text.ptr : "" };

	return (MDB_val){ .mv_size = text.len, .mv_data = ptr.out };
}

static struct text
text_of(MDB_val value)
{
	return (struct text){ value.mv_data, value.mv_size };
}

enum outcome
lmdb_get(struct txn *base, struct text key, struct text *ret_value)
{
	struct lmdb_txn *txn = (struct lmdb_txn *)base;
	MDB_val at = lmdb_value(key), value;
	int rc = mdb_get(txn->handle, db_of(base)->table, &at, &value);

	if (rc == MDB_SUCCESS)
		*ret_value = text_of(value);
	return settle(base, rc);
}

enum outcome
lmdb_put(struct txn *base, struct text key, struct text value)
{
	struct lmdb_txn *txn = (struct lmdb_txn *)base;
	MDB_val at = lmdb_value(key), bytes = lmdb_value(value);
	enum outcome outcome = settle(base,
	    mdb_put(txn->handle, db_of(base)->table, &at, &bytes, 0));

	if (outcome == OK)
		journal_note_put(&db_of(base)->journal, key, value);
	return outcome;
}

enum outcome
lmdb_remove(struct txn *base, struct text key)
{
	struct lmdb_txn *txn = (struct lmdb_txn *)base;
	MDB_val at = lmdb_value(key);
	enum outcome outcome = settle(base,
	    mdb_del(txn->handle, db_of(base)->table, &at, NULL));

	if (outcome == OK)
		journal_note_remove(&db_of(base)->journal, key);
	return outcome;
}

enum outcome
lmdb_cursor_open(struct txn *base, struct cursor **ret_cursor)
{
	struct lmdb_txn *txn = (struct lmdb_txn *)base;
	struct lmdb_cursor *cursor = memory_alloc(sizeof(*cursor));
	int rc = mdb_cursor_open(txn->handle, db_of(base)->table,
	    &cursor->handle);

	if (rc != MDB_SUCCESS) {
		free(cursor);
		return settle(base, rc);
	}
	*ret_cursor = &cursor->cursor;
	return OK;
}

void
lmdb_cursor_close(struct cursor *base)
{
	struct lmdb_cursor *cursor = (struct lmdb_cursor *)base;

	mdb_cursor_close(cursor->handle);
	free(cursor);
}

/* Takes over where LMDB's cursor came to stand. */
static enum outcome
arrive(struct lmdb_cursor *cursor, int rc, MDB_val key, MDB_val value)
{
	struct txn *txn = cursor->cursor.txn;
	enum outcome outcome = settle(txn, rc);

	cursor->ended = outcome != OK;
	if (outcome != OK)
		return outcome;
	cursor->cursor.key = text_of(key);
	cursor->cursor.value = text_of(value);
	if (txn->writable) {
		assert(key.mv_size <= sizeof(cursor->key));
		memcpy(cursor->key, key.mv_data, key.mv_size);
		cursor->key_len = key.mv_size;
		cursor->writes = txn->writes;
	}
	return OK;
}

enum outcome
lmdb_cursor_seek(struct cursor *base, struct text key)
{
	struct lmdb_cursor *cursor = (struct lmdb_cursor *)base;
	MDB_val at = lmdb_value(key), value = { 0 };
	int rc = mdb_cursor_get(cursor->handle, &at, &value,
	    key.len == 0 ? MDB_FIRST : MDB_SET_RANGE);

	return arrive(cursor, rc, at, value);
}

/* After a write: first the key it stood on or the one behind, then on. */
static enum outcome
next_after_write(struct lmdb_cursor *cursor)
{
	char copy[ENGINE_KEY_MAX];
	struct text old = { copy, cursor->key_len };
	enum outcome outcome;

	memcpy(copy, cursor->key, cursor->key_len);
	outcome = lmdb_cursor_seek(&cursor->cursor, old);
	if (outcome != OK || !text_equal(cursor->cursor.key, old))
		return outcome;
	return lmdb_cursor_next(&cursor->cursor);
}

enum outcome
lmdb_cursor_next(struct cursor *base)
{
	struct lmdb_cursor *cursor = (struct lmdb_cursor *)base;
	MDB_val key = { 0 }, value = { 0 };
	int rc;

	if (cursor->ended)
		return NOT_FOUND;
	if (base->txn->writable && cursor->key_len > 0 &&
	    cursor->writes != base->txn->writes)
		return next_after_write(cursor);
	rc = mdb_cursor_get(cursor->handle, &key, &value, MDB_NEXT);
	return arrive(cursor, rc, key, value);
}

enum outcome
lmdb_cursor_before(struct cursor *base, struct text key)
{
	struct lmdb_cursor *cursor = (struct lmdb_cursor *)base;
	MDB_val at = lmdb_value(key), value = { 0 };
	int rc = mdb_cursor_get(cursor->handle, &at, &value, MDB_SET_RANGE);

	if (rc == MDB_SUCCESS)
		rc = mdb_cursor_get(cursor->handle, &at, &value, MDB_PREV);
	else if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(cursor->handle, &at, &value, MDB_LAST);
	return arrive(cursor, rc, at, value);
}
