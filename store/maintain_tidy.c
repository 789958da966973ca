#include "server/base/clock.h"
#include "store/blobs.h"
#include "store/history.h"
#include "store/keys.h"
#include "store/lock.h"
#include "store/log_entry.h"
#include "store/maintain.h"
#include "store/maintain_report.h"
#include "store/scopes.h"

/*
 * The background care. Each step is a short change of its own, so that no
 * request waits long behind it, and each can stop and go on at the next call.
 */
enum {
	TIDY_NODES = 512, /* freed in one change */
	TIDY_LOCKS = 256,
	TIDY_TOMBSTONES = 1024
};

struct tidy {
	struct store *store;
	uint64_t now_ns;
	node_id tree;
	bool more;
};

static uint64_t
before(uint64_t now_ns, uint64_t seconds)
{
	if (seconds > now_ns / NS_PER_SECOND)
		return 0;
	return now_ns - seconds * NS_PER_SECOND;
}

static enum outcome
tidy_reclaim(struct txn *txn, void *context)
{
	struct tidy *tidy = context;

	return tree_reclaim(txn, tidy->store, TIDY_NODES, &tidy->more);
}

static enum outcome
tidy_locks(struct txn *txn, void *context)
{
	struct tidy *tidy = context;

	return lock_expire(txn, tidy->now_ns, TIDY_LOCKS, &tidy->more);
}

static enum outcome
tidy_trash(struct txn *txn, void *context)
{
	struct tidy *tidy = context;
	size_t items;
	enum outcome outcome = trash_empty(txn, tidy->store, tidy->tree,
	    before(tidy->now_ns, tidy->store->conf->store.trash_seconds),
	    &items);

	/* The tree may have gone since its id was read. */
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
tidy_log(struct txn *txn, void *context)
{
	struct tidy *tidy = context;
	enum outcome outcome = log_prune(txn, tidy->tree,
	    before(tidy->now_ns, tidy->store->conf->store.tombstone_seconds),
	    TIDY_TOMBSTONES, &tidy->more);

	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
collect_trees(struct store *store, struct id_list *trees)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = txn_begin_read(store->engine, &txn);

	if (outcome == OK)
		outcome = cursor_open(txn, &cursor);
	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_TREE, 0));
	while (outcome == OK && cursor->key.ptr[0] == KEY_TREE) {
		id_list_add(trees, key_id_of(cursor->key, 0));
		outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

typedef enum outcome (*tidy_fn)(struct txn *txn, void *context);

/* One step; `more` of all steps is one answer. */
static enum outcome
step(struct tidy *tidy, tidy_fn run, bool *more) ON_WORKER;

static enum outcome
step(struct tidy *tidy, tidy_fn run, bool *more)
{
	enum outcome outcome;

	tidy->more = false;
	outcome = store_change(tidy->store, run, tidy);
	*more = *more || (outcome == OK && tidy->more);
	return outcome;
}

static enum outcome
tidy_trees(struct tidy *tidy, bool *more) ON_WORKER;

static enum outcome
tidy_trees(struct tidy *tidy, bool *more)
{
	struct id_list trees = { 0 };
	enum outcome outcome = collect_trees(tidy->store, &trees);

	for (size_t i = 0; outcome == OK && i < trees.count; i++) {
		tidy->tree = trees.id[i];
		outcome = step(tidy, tidy_trash, more);
		if (outcome == OK)
			outcome = step(tidy, tidy_log, more);
	}
	id_list_done(&trees);
	return outcome;
}

enum outcome
store_tidy(struct store *store, uint64_t now_ns, bool *ret_more)
{
	struct tidy tidy = { .store = store, .now_ns = now_ns };
	bool more = false;
	enum outcome outcome = tidy_trees(&tidy, &more);

	if (outcome == OK)
		outcome = step(&tidy, tidy_locks, &more);
	if (outcome == OK)
		outcome = step(&tidy, tidy_reclaim, &more);
	if (outcome != OK)
		return outcome;
	if (blob_sweep_released(store) > 0)
		more = true;
	*ret_more = more;
	return OK;
}
