#include "store/engine.h"

#include <assert.h>

/*
 * The checked wrappers over an engine's row. What an engine may rely on is
 * asserted here once: keys of legal length, writes only in write
 * transactions. Attempted writes are counted before they run: one that fails
 * may have left its transaction unusable, so the committer must take it for a
 * write (change.h).
 */
static void
assert_key(struct text key)
{
	assert(key.len >= 1 && key.len <= ENGINE_KEY_MAX);
}

static enum outcome
begin(struct engine *engine, bool writable, struct txn **ret_txn)
{
	struct txn *txn;
	enum outcome outcome = engine->row->begin(engine, writable, &txn);

	if (outcome != OK)
		return outcome;
	txn->engine = engine;
	txn->writable = writable;
	txn->writes = 0;
	*ret_txn = txn;
	return OK;
}

enum outcome
txn_begin_read(struct engine *engine, struct txn **ret_txn)
{
	return begin(engine, false, ret_txn);
}

enum outcome
txn_begin_write(struct engine *engine, struct txn **ret_txn)
{
	return begin(engine, true, ret_txn);
}

enum outcome
txn_commit(struct txn *txn)
{
	assert(txn->writable);
	return txn->engine->row->commit(txn);
}

void
txn_abort(struct txn *txn)
{
	if (txn != NULL)
		txn->engine->row->abort(txn);
}

enum outcome
txn_get(struct txn *txn, struct text key, struct text *ret_value)
{
	assert_key(key);
	return txn->engine->row->get(txn, key, ret_value);
}

enum outcome
txn_put(struct txn *txn, struct text key, struct text value)
{
	assert(txn->writable);
	assert_key(key);
	txn->writes++;
	return txn->engine->row->put(txn, key, value);
}

enum outcome
txn_remove(struct txn *txn, struct text key)
{
	enum outcome outcome;

	assert(txn->writable);
	assert_key(key);
	outcome = txn->engine->row->remove(txn, key);
	if (outcome != NOT_FOUND)
		txn->writes++;
	return outcome;
}

enum outcome
cursor_open(struct txn *txn, struct cursor **ret_cursor)
{
	struct cursor *cursor;
	enum outcome outcome = txn->engine->row->cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	cursor->txn = txn;
	cursor->key = TEXT_NONE;
	cursor->value = TEXT_NONE;
	*ret_cursor = cursor;
	return OK;
}

enum outcome
cursor_seek(struct cursor *cursor, struct text key)
{
	assert(key.len <= ENGINE_KEY_MAX);
	return cursor->txn->engine->row->cursor_seek(cursor, key);
}

enum outcome
cursor_next(struct cursor *cursor)
{
	return cursor->txn->engine->row->cursor_next(cursor);
}

enum outcome
cursor_before(struct cursor *cursor, struct text key)
{
	assert_key(key);
	return cursor->txn->engine->row->cursor_before(cursor, key);
}

void
cursor_close(struct cursor *cursor)
{
	if (cursor != NULL)
		cursor->txn->engine->row->cursor_close(cursor);
}

enum outcome
engine_make_room(struct engine *engine)
{
	return engine->row->make_room(engine);
}

/*
 * What was not on the disk may be gone afterwards, and its numbers be given
 * out again: no snapshot from before is equal to one from behind.
 */
enum outcome
engine_reopen(struct engine *engine)
{
	enum outcome outcome;

	atomic_fetch_add(&engine->reopened, 1);
	outcome = engine->row->reopen(engine);
	atomic_fetch_add(&engine->reopened, 1);
	return outcome;
}
