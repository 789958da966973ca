#include "server/base/clock.h"
#include "store/blobs.h"
#include "store/history.h"
#include "store/keys.h"
#include "store/lock.h"
#include "store/lock_record.h"
#include "store/log_entry.h"
#include "store/maintain.h"
#include "store/maintain_report.h"
#include "store/scopes.h"

/*
 * The background care. A look in a read transaction finds what there is to
 * do; each step is then a short change of its own, so that no request waits
 * long behind it, and each can stop and go on at the next call. How much is
 * freed in one change follows the time that it takes: others wait for it.
 */
enum {
	TIDY_TREES = 1024, /* looked at in one call */
	TIDY_DUE = 64,     /* of which so many are tended */
	TIDY_LOCKS = 256,
	TIDY_TOMBSTONES = 256,
	TIDY_ITEMS = 64,
	TIDY_NODES_LEAST = 16,
	TIDY_NODES_MOST = 2048
};

#define LOOK_SECONDS 5
#define HOLD_BUSY_NS (NS_PER_SECOND / 4000)
#define HOLD_IDLE_NS (NS_PER_SECOND / 250)

struct tidy {
	struct store *store;
	struct tidy_pace *pace;
	uint64_t now_ns;
	node_id tree;
	struct id_list trash, logs; /* trees that are due */
	bool locks, reclaims;       /* are due */
	bool more;                  /* of one step */
	bool damaged;               /* something was met that cannot be read */
	uint64_t held_ns;           /* how long a step held the others up */
};

static uint64_t
before(uint64_t now_ns, uint64_t seconds)
{
	if (seconds > now_ns / NS_PER_SECOND)
		return 0;
	return now_ns - seconds * NS_PER_SECOND;
}

/* One damaged record is told of, and keeps nothing else from being done. */
static enum outcome
pass_damage(struct tidy *tidy, enum outcome outcome)
{
	if (outcome != DAMAGED)
		return outcome;
	tidy->damaged = true;
	return OK;
}

static uint64_t
trash_before(const struct tidy *tidy)
{
	return before(tidy->now_ns, tidy->store->conf->store.trash_seconds);
}

static uint64_t
log_before(const struct tidy *tidy)
{
	return before(tidy->now_ns, tidy->store->conf->store.tombstone_seconds);
}

/* ---- Steps ---------------------------------------------------------------- */

static enum outcome
tidy_reclaim(struct txn *txn, void *context)
{
	struct tidy *tidy = context;
	uint64_t begun_ns = clock_monotonic_ns();
	enum outcome outcome = tree_reclaim(txn, tidy->store, tidy->pace->nodes,
	    &tidy->more);

	tidy->held_ns = clock_monotonic_ns() - begun_ns;
	return outcome;
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
	struct trash_step step = { .before_ns = trash_before(tidy),
		.budget = TIDY_ITEMS };
	uint64_t next = 0;
	enum outcome outcome = trash_empty_step(txn, tidy->store, tidy->tree,
	    &step, &next);

	tidy->more = next != 0;
	/* The tree may have gone since its id was read. */
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
tidy_log(struct txn *txn, void *context)
{
	struct tidy *tidy = context;
	enum outcome outcome = log_prune(txn, tidy->tree, log_before(tidy),
	    TIDY_TOMBSTONES, &tidy->more);

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
	outcome = pass_damage(tidy, store_change(tidy->store, run, tidy));
	*more = *more || (outcome == OK && tidy->more);
	return outcome;
}

static enum outcome
step_each(struct tidy *tidy, const struct id_list *trees, tidy_fn run,
    bool *more) ON_WORKER;

static enum outcome
step_each(struct tidy *tidy, const struct id_list *trees, tidy_fn run,
    bool *more)
{
	enum outcome outcome = OK;

	for (size_t i = 0; outcome == OK && i < trees->count; i++) {
		tidy->tree = trees->id[i];
		outcome = step(tidy, run, more);
	}
	return outcome;
}

/* ---- The look ------------------------------------------------------------- */

static enum outcome
look_at_tree(struct tidy *tidy, struct txn *txn, node_id tree)
{
	bool trash = false, log = false;
	enum outcome outcome = trash_due(txn, tree, trash_before(tidy), &trash);

	if (outcome == OK)
		outcome = log_prune_due(txn, tree, log_before(tidy), &log);
	if (outcome == OK && trash)
		id_list_add(&tidy->trash, tree);
	if (outcome == OK && log)
		id_list_add(&tidy->logs, tree);
	return outcome;
}

/* Some trees, from where the last call ended. */
static enum outcome
look_at_trees(struct tidy *tidy, struct txn *txn)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	size_t looked = 0;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome == OK)
		outcome = cursor_seek(cursor,
		    key_id(&key, KEY_TREE, tidy->pace->tree));
	while (outcome == OK && cursor->key.ptr[0] == KEY_TREE) {
		tidy->pace->tree = key_id_of(cursor->key, 0);
		if (looked++ == TIDY_TREES || tidy->trash.count == TIDY_DUE ||
		    tidy->logs.count == TIDY_DUE)
			return OK;
		outcome = pass_damage(tidy,
		    look_at_tree(tidy, txn, tidy->pace->tree));
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	tidy->pace->tree = 0;
	tidy->pace->looked_ns = tidy->now_ns;
	return OK;
}

static enum outcome
look_at_locks(struct tidy *tidy, struct txn *txn)
{
	struct arena *arena = arena_new();
	struct lock_list list = { .arena = arena, .max = 1 };
	enum outcome outcome = lock_list_ended(txn, &list, tidy->now_ns);

	tidy->locks = list.count > 0;
	arena_free(arena);
	return outcome;
}

/* While there is much to free, trees and locks are looked at now and then. */
static enum outcome
look(struct tidy *tidy)
{
	SCOPED(txn) struct txn *txn = NULL;
	const struct tidy_pace *pace = tidy->pace;
	bool all = !pace->reclaims || pace->tree != 0 ||
	    pace->looked_ns + LOOK_SECONDS * NS_PER_SECOND < tidy->now_ns;
	enum outcome outcome = txn_begin_read(tidy->store->engine, &txn);

	if (outcome == OK && all)
		outcome = look_at_trees(tidy, txn);
	if (outcome == OK && all)
		outcome = pass_damage(tidy, look_at_locks(tidy, txn));
	if (outcome == OK)
		outcome = pass_damage(tidy,
		    tree_reclaim_due(txn, &tidy->reclaims));
	return outcome;
}

/* ---- Pace ----------------------------------------------------------------- */

static uint64_t
changes_so_far(const struct store *store)
{
	struct committer_stats stats;

	committer_get_stats(store->committer, &stats);
	return stats.changes;
}

/* Others wait as long as the last step took: less of it, or more. */
static void
pace_adapt(struct tidy *tidy)
{
	struct tidy_pace *pace = tidy->pace;
	uint64_t hold_ns = pace->busy ? HOLD_BUSY_NS : HOLD_IDLE_NS;

	if (tidy->held_ns > hold_ns && pace->nodes > TIDY_NODES_LEAST)
		pace->nodes /= 2;
	else if (tidy->held_ns < hold_ns / 2 && tidy->more &&
	    pace->nodes < TIDY_NODES_MOST)
		pace->nodes *= 2;
}

static enum outcome
free_some(struct tidy *tidy, bool *more) ON_WORKER;

static enum outcome
free_some(struct tidy *tidy, bool *more)
{
	enum outcome outcome = step(tidy, tidy_reclaim, more);

	tidy->pace->reclaims = outcome == OK && tidy->more;
	if (outcome == OK)
		pace_adapt(tidy);
	return outcome;
}

static enum outcome
tidy_work(struct tidy *tidy, bool *more) ON_WORKER;

static enum outcome
tidy_work(struct tidy *tidy, bool *more)
{
	enum outcome outcome = look(tidy);

	*more = tidy->pace->tree != 0;
	if (outcome == OK)
		outcome = step_each(tidy, &tidy->trash, tidy_trash, more);
	if (outcome == OK)
		outcome = step_each(tidy, &tidy->logs, tidy_log, more);
	if (outcome == OK && tidy->locks)
		outcome = step(tidy, tidy_locks, more);
	if (outcome == OK && (tidy->reclaims || tidy->trash.count > 0))
		outcome = free_some(tidy, more);
	return outcome;
}

enum outcome
store_tidy(struct store *store, uint64_t now_ns, struct tidy_pace *pace,
    bool *ret_more)
{
	struct tidy tidy = { .store = store, .pace = pace, .now_ns = now_ns };
	bool more = false;
	enum outcome outcome;

	if (pace->nodes == 0)
		pace->nodes = TIDY_NODES_LEAST;
	pace->busy = changes_so_far(store) != pace->changes;
	outcome = tidy_work(&tidy, &more);
	pace->changes = changes_so_far(store);
	id_list_done(&tidy.trash);
	id_list_done(&tidy.logs);
	if (outcome != OK)
		return outcome;
	if (blob_sweep_released(store) > 0)
		more = true;
	if (tidy.damaged)
		return DAMAGED;
	*ret_more = more;
	return OK;
}
