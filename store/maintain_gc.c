#include "store/blobs.h"
#include "store/keys.h"
#include "store/maintain_report.h"
#include "store/scopes.h"
#include "store/tree.h"

/*
 * What a crash or a slow reclaimer left: the reclaim queue, released files,
 * staged files without a writer, and files that no record names. Works while
 * a server runs: each file is locked and asked for anew before it goes.
 */
enum { GC_NODES = 256 };

struct reclaim_step {
	struct store *store;
	bool more;
};

static enum outcome
reclaim_some(struct txn *txn, void *context)
{
	struct reclaim_step *step = context;

	return tree_reclaim(txn, step->store, GC_NODES, &step->more);
}

static enum outcome
reclaim_all(struct store *store) ON_WORKER;

static enum outcome
reclaim_all(struct store *store)
{
	struct reclaim_step step = { .store = store, .more = true };
	enum outcome outcome = OK;

	while (outcome == OK && step.more)
		outcome = store_change(store, reclaim_some, &step);
	return outcome;
}

struct sweep {
	struct store *store;
	struct maintain *maintain;
	struct id_list unknown; /* files without a record */
	uint64_t looked;
};

static enum outcome
has_record(struct store *store, blob_id id)
{
	SCOPED(txn) struct txn *txn = NULL;
	struct blob_record record;
	enum outcome outcome = txn_begin_read(store->engine, &txn);

	return outcome == OK ? blob_get(txn, id, &record) : outcome;
}

static enum outcome
look_at(blob_id id, const char *name, void *context)
{
	struct sweep *sweep = context;
	enum outcome outcome;

	if (++sweep->looked % 1000 == 0)
		maintain_progress(sweep->maintain, sweep->looked, 0);
	if (id == 0) {
		maintain_finding(sweep->maintain,
		    "blobs/%s is no content of this store: left alone", name);
		return OK;
	}
	outcome = has_record(sweep->store, id);
	if (outcome == NOT_FOUND)
		id_list_add(&sweep->unknown, id);
	return outcome == NOT_FOUND ? OK : outcome;
}

/* What a writer or a backup holds stays for the next time. */
static enum outcome
remove_unknown(struct sweep *sweep, uint64_t *ret_removed) ON_WORKER;

static enum outcome
remove_unknown(struct sweep *sweep, uint64_t *ret_removed)
{
	uint64_t removed = 0;

	for (size_t i = 0; i < sweep->unknown.count; i++) {
		enum outcome outcome = blob_remove_orphan(sweep->store,
		    sweep->unknown.id[i]);

		if (outcome == OK)
			removed++;
		else if (outcome != BUSY && outcome != CONFLICT &&
		    outcome != NOT_FOUND)
			return outcome;
	}
	*ret_removed = removed;
	return OK;
}

enum outcome
store_gc(struct store *store, struct maintain *maintain)
{
	struct sweep sweep = { .store = store, .maintain = maintain };
	uint64_t released = 0, orphans = 0, staged;
	size_t went;
	enum outcome outcome = reclaim_all(store);

	if (outcome != OK)
		return outcome;
	do {
		went = blob_sweep_before(store, UINT64_MAX);
		released += went;
	} while (went > 0);
	staged = blob_sweep_staging(store->blobs);
	outcome = blob_each_file(store->blobs, look_at, &sweep);
	if (outcome == OK)
		outcome = remove_unknown(&sweep, &orphans);
	maintain_count(maintain, "files", sweep.looked);
	maintain_count(maintain, "released", released);
	maintain_count(maintain, "staged", staged);
	maintain_count(maintain, "orphans", orphans);
	id_list_done(&sweep.unknown);
	return outcome;
}
