#include "store/lmdb.h"

/*
 * LMDB numbers its commits, of all processes, and the number of a reader is
 * that of the last commit that it sees.
 */
extern const struct engine_row engine_lmdb;

struct snapshot
txn_snapshot(const struct txn *txn)
{
	struct snapshot snapshot = { 0 };

	if (txn == NULL || txn->writable || txn->engine->row != &engine_lmdb)
		return snapshot;
	snapshot.reopened = atomic_load(&txn->engine->reopened);
	snapshot.number = mdb_txn_id(((const struct lmdb_txn *)txn)->handle);
	return snapshot;
}
