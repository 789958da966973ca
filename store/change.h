#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/outcome.h"
#include "server/base/thread.h"
#include "store/engine.h"

/*
 * Group commit. A change is a function that runs inside a write transaction
 * which it may share with other changes. One committer thread takes all
 * changes that wait, runs them in one transaction, commits once, then answers
 * all: durable, and as fast as the batch is large, with no added wait when
 * alone. No thread waits for a commit.
 *
 * `run` may run more than once (another change of the batch failed after it
 * had written, or the commit failed and is tried alone), so it must start from
 * nothing each time and have no effect outside the transaction and its own
 * struct. It checks everything before its first write, so that a refusal
 * costs nothing; a change that fails after a write is undone by running the
 * rest of the batch again without it.
 */
struct change {
	/* Committer's thread. */
	enum outcome (*run)(struct txn *txn, struct change *change);
	/*
	 * Committer's thread, once, after the commit is durable or has failed:
	 * `outcome` is that of run, or of the commit when run said OK. Expected
	 * to be quick: it hands the answer to its owner.
	 */
	void (*done)(struct change *change, enum outcome outcome);
	/* Frees space: may use the reserve when the disk is full. */
	bool frees;
	struct change *next;  /* the committer's */
	enum outcome outcome; /* the committer's */
	uint64_t posted_ns;   /* the committer's */
};

struct committer;

struct committer_stats {
	uint64_t batches, changes, reruns, failed_commits;
	uint64_t largest_batch;
};

/*
 * `queue_max`: waiting changes before change_post() refuses. `reserve`: path
 * of a file that is shrunk to make room for changes with `frees`, or NULL.
 */
enum outcome
committer_start(struct engine *engine, size_t queue_max, const char *reserve,
    struct committer **ret_committer) MUST_CHECK;

/* Runs what waits, then ends the thread. NULL is allowed. */
void
committer_stop(struct committer *committer);

/* Gives the change away until `done`. BUSY when the queue is full. */
enum outcome
change_post(struct committer *committer, struct change *change) MUST_CHECK;

/* Posts and waits: for worker threads and the command line only. */
enum outcome
change_run(struct committer *committer, struct change *change) ON_WORKER
MUST_CHECK;

/*
 * A commit failed with IO or DAMAGED: what the kernel holds may differ from
 * what the disk holds, so every later change is answered with BUSY,
 * unrun, while reads go on. The way back is a new process, which opens the engine on
 * the last state that reached the disk (SIGHUP of a server). Any thread.
 */
bool
committer_is_degraded(struct committer *committer);

void
committer_get_stats(struct committer *committer,
    struct committer_stats *ret_stats);
