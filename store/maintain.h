#pragma once

#include <jansson.h>

#include "store/store.h"

/*
 * Care of a store by the command line, while a server runs or not. Each fills
 * a report; `progress` may be NULL and is called now and then with done and
 * all (0: unknown). Findings of verify and scrub are lines for people.
 */
struct maintain {
	void (*progress)(void *context, uint64_t done, uint64_t all);
	void (*finding)(void *context, const char *line);
	void *context;
	uint64_t rate; /* bytes a second that scrub reads; 0: what it can */
	uint64_t findings;
	json_t *report; /* owned by the caller: counts by name */
};

/* Invariants I4 to I8 of the store; reads in a child process, so that a
 * damaged page ends in a finding and not in a crash. */
enum outcome
store_verify(struct conf *conf, struct maintain *maintain) ON_WORKER MUST_CHECK;

/* Reads every blob and compares its checksum, at `rate` in the mean. */
enum outcome
store_scrub(struct store *store, struct maintain *maintain) ON_WORKER
MUST_CHECK;

/* Blob files that no record names, staged leftovers, the reclaim queue. */
enum outcome
store_gc(struct store *store, struct maintain *maintain) ON_WORKER MUST_CHECK;

enum outcome
store_stats(struct store *store, struct maintain *maintain) ON_WORKER
MUST_CHECK;

/* One file (tar) with a consistent engine copy and every blob it names. */
enum outcome
store_backup(struct store *store, const char *file, struct maintain *maintain)
    ON_WORKER MUST_CHECK;

/* Into a new folder `dir`/state; verifies checksums on the way. */
enum outcome
store_restore(const char *file, const char *dir, struct maintain *maintain)
    ON_WORKER MUST_CHECK;

struct transfer_options {
	const char *folder; /* on this machine */
	node_id root;       /* collection in the store */
	struct tree_actor *actor;
};

/*
 * A directory tree in: regular files and folders, times kept, many nodes per
 * commit; resumable (what is already there with the same size and time is
 * passed over); symbolic links, special files and refused names are skipped,
 * counted, and named by `finding`. Opens beneath the folder only (openat2).
 */
enum outcome
store_import(struct store *store, const struct transfer_options *options,
    struct maintain *maintain) ON_WORKER MUST_CHECK;

enum outcome
store_export(struct store *store, const struct transfer_options *options,
    struct maintain *maintain) ON_WORKER MUST_CHECK;

/*
 * The background care of a serving process: reclaim, expiry of locks, trash
 * and tombstones by age, released blob files. Called by a worker now and then;
 * bounded work per call, and no change where there is nothing to do. `pace`,
 * zero at first, is what it remembers between calls; `busy` then says whether
 * others have changed something meanwhile, so that the caller rests longer.
 * DAMAGED: a record could not be read; what does not need it was done.
 */
struct tidy_pace {
	node_id tree;        /* where to look next; 0: at the first */
	uint64_t looked_ns;  /* when the trees were looked at last */
	uint64_t changes;    /* of the committer, after the last call */
	size_t nodes;        /* freed in one change */
	bool busy, reclaims; /* there is more to free */
};

enum outcome
store_tidy(struct store *store, uint64_t now_ns, struct tidy_pace *pace,
    bool *ret_more) ON_WORKER MUST_CHECK;
