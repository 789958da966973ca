#include "store/change.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/memory.h"
#include "store/change_metric.h"
#include "store/reserve.h"

/*
 * The committer: one thread, one queue. A batch is all that waits:
 *
 *   run each in one transaction
 *     one failed after a write: abort, answer it, run the others again
 *     one met a full disk or map after a write: each alone
 *   commit
 *     NO_SPACE: each alone, those that free first, with the reserve
 *     IO, DAMAGED: answer all; from now on all are BUSY (degraded)
 *   answer all
 *
 * Invariants: a change is in exactly one list, and answered exactly once; OK
 * is said only after a commit that held it. While the reserve is lent only
 * changes that free run, so that nobody else eats what was kept for them.
 */
enum { RERUNS_MAX = 8 };

static const uint64_t reserve_retry_ns = NS_PER_SECOND / 10;

struct committer {
	struct engine *engine; /* borrowed */
	size_t queue_max;
	pthread_t thread;

	/* Guards the queue. */
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* there is work */
	struct change *first, **last;
	size_t waiting;
	bool stopping;

	_Atomic bool degraded;
	_Atomic uint64_t batches, changes, reruns, failed_commits;
	_Atomic uint64_t largest_batch;

	struct reserve reserve; /* the committer's thread only */
	uint64_t reserve_tried_ns;
};

static void
set_degraded(struct committer *committer)
{
	if (!atomic_exchange(&committer->degraded, true))
		log_message(LOG_LEVEL_ERROR, "degraded",
		    "a commit failed on the disk: changes are refused, reads "
		    "go on; when the disk is well again, SIGHUP or a restart "
		    "opens the store anew");
	metric_set(&metric_degraded, 0, 1);
}

static void
answer(struct committer *committer, struct change *change, enum outcome outcome)
{
	uint64_t waited = clock_monotonic_ns() - change->posted_ns;

	metric_observe(&metric_wait, 0, waited);
	metric_add(&metric_changes, 0, 1);
	atomic_fetch_add(&committer->changes, 1);
	change->next = NULL;
	change->done(change, outcome); /* may free it */
}

static void
answer_all(struct committer *committer, struct change *list,
    enum outcome outcome)
{
	while (list != NULL) {
		struct change *change = list;

		list = change->next;
		answer(committer, change, outcome);
	}
}

/*
 * A commit that fails at its very end (LMDB's meta page) leaves an engine that
 * refuses readers as well: it is opened again, on the last state that was
 * committed, so that reads go on. Whether writes do is another question.
 */
static void
revive(struct committer *committer)
{
	struct txn *probe;

	if (txn_begin_read(committer->engine, &probe) == OK)
		txn_abort(probe);
	else if (engine_reopen(committer->engine) != OK)
		set_degraded(committer);
}

/* Ends the transaction; one that wrote nothing has nothing to commit. */
static enum outcome
commit(struct committer *committer, struct txn *txn, size_t count)
{
	uint64_t began = clock_monotonic_ns();
	enum outcome outcome;

	if (txn->writes == 0) {
		txn_abort(txn);
		return OK;
	}
	outcome = txn_commit(txn);
	metric_observe(&metric_commit, 0, clock_monotonic_ns() - began);
	metric_observe(&metric_batch, 0, count);
	atomic_fetch_add(&committer->batches, 1);
	if (count > atomic_load(&committer->largest_batch))
		atomic_store(&committer->largest_batch, count);
	if (outcome == OK)
		return OK;
	metric_add(&metric_failures, 0, 1);
	atomic_fetch_add(&committer->failed_commits, 1);
	if (outcome == IO || outcome == DAMAGED)
		set_degraded(committer);
	revive(committer);
	return outcome;
}

static enum outcome
begin(struct committer *committer, struct txn **ret_txn)
{
	enum outcome outcome = txn_begin_write(committer->engine, ret_txn);

	if (outcome == IO || outcome == DAMAGED)
		set_degraded(committer);
	return outcome;
}

/*
 * A change that failed with nothing written is a refusal and may share the
 * transaction. The engine's own errors count as writes: after them the
 * transaction may be unusable.
 */
static bool
spoils(const struct txn *txn, uint64_t writes, enum outcome outcome)
{
	return outcome != OK &&
	    (txn->writes != writes || outcome == IO || outcome == DAMAGED);
}

/* Runs a list in one transaction; the first that spoils it, or NULL. */
static struct change *
run_list(struct txn *txn, struct change *list)
{
	for (struct change *change = list; change != NULL;
	    change = change->next) {
		uint64_t writes = txn->writes;

		change->outcome = change->run(txn, change);
		if (spoils(txn, writes, change->outcome))
			return change;
	}
	return NULL;
}

/* Lends the reserve, then raises the engine's limit; false: nothing left. */
static bool
find_room(struct committer *committer)
{
	if (reserve_give(&committer->reserve)) {
		committer->reserve_tried_ns = clock_monotonic_ns();
		return true;
	}
	return engine_make_room(committer->engine) == OK;
}

static enum outcome
try_alone(struct committer *committer, struct change *change)
{
	struct txn *txn;
	enum outcome outcome = begin(committer, &txn);

	if (outcome != OK)
		return outcome;
	change->next = NULL;
	if (run_list(txn, change) == NULL) {
		outcome = commit(committer, txn, 1);
		return outcome != OK ? outcome : change->outcome;
	}
	txn_abort(txn);
	return change->outcome;
}

/* As many tries as there is room to find, each with more of it. */
static void
run_alone(struct committer *committer, struct change *change)
{
	enum { TRIES_MAX = 4 };
	enum outcome outcome = try_alone(committer, change);

	for (int i = 0; i < TRIES_MAX && change->frees && outcome == NO_SPACE &&
	    find_room(committer);
	    i++)
		outcome = try_alone(committer, change);
	answer(committer, change, outcome);
}

static void
run_each_alone(struct committer *committer, struct change *list)
{
	struct change *others = NULL, **last = &others;

	while (list != NULL) {
		struct change *change = list;

		list = change->next;
		if (change->frees) {
			run_alone(committer, change);
		} else {
			change->next = NULL;
			*last = change;
			last = &change->next;
		}
	}
	while (others != NULL) {
		struct change *change = others;

		others = change->next;
		if (atomic_load(&committer->degraded))
			answer(committer, change, BUSY);
		else if (committer->reserve.given)
			answer(committer, change, NO_SPACE);
		else
			run_alone(committer, change);
	}
}

static struct change *
without(struct change *list, const struct change *gone)
{
	struct change **at = &list;

	while (*at != gone)
		at = &(*at)->next;
	*at = (*at)->next;
	return list;
}

static size_t
list_count(const struct change *list)
{
	size_t count = 0;

	for (; list != NULL; list = list->next)
		count++;
	return count;
}

/* The commit failed: who had said OK is told, refusals stay what they are. */
static void
fail_list(struct committer *committer, struct change *list,
    enum outcome outcome)
{
	while (list != NULL) {
		struct change *change = list;

		list = change->next;
		answer(committer, change,
		    change->outcome == OK ? outcome : change->outcome);
	}
}

static void
commit_list(struct committer *committer, struct txn *txn, struct change *list)
{
	enum outcome outcome = commit(committer, txn, list_count(list));

	if (outcome == NO_SPACE || outcome == TOO_LARGE)
		run_each_alone(committer, list);
	else
		fail_list(committer, list, outcome);
}

static void
run_batch(struct committer *committer, struct change *list)
{
	for (int reruns = 0; list != NULL; reruns++) {
		struct change *culprit;
		struct txn *txn;
		enum outcome outcome = begin(committer, &txn);

		if (outcome != OK) {
			answer_all(committer, list, outcome);
			return;
		}
		culprit = run_list(txn, list);
		if (culprit == NULL) {
			commit_list(committer, txn, list);
			return;
		}
		txn_abort(txn);
		metric_add(&metric_reruns, 0, 1);
		atomic_fetch_add(&committer->reruns, 1);
		if (reruns >= RERUNS_MAX || culprit->outcome == NO_SPACE ||
		    culprit->outcome == TOO_LARGE) {
			run_each_alone(committer, list);
			return;
		}
		list = without(list, culprit);
		answer(committer, culprit, culprit->outcome);
	}
}

/* While the reserve is lent: who frees goes on, the others are refused. */
static struct change *
refuse_while_lent(struct committer *committer, struct change *list)
{
	struct change *frees = NULL, **last = &frees;
	uint64_t now = clock_monotonic_ns();

	if (now - committer->reserve_tried_ns >= reserve_retry_ns) {
		committer->reserve_tried_ns = now;
		if (reserve_take(&committer->reserve))
			return list;
	}
	while (list != NULL) {
		struct change *change = list;

		list = change->next;
		if (!change->frees) {
			answer(committer, change, NO_SPACE);
			continue;
		}
		change->next = NULL;
		*last = change;
		last = &change->next;
	}
	return frees;
}

static void
work(struct committer *committer, struct change *list)
{
	if (atomic_load(&committer->degraded)) {
		answer_all(committer, list, BUSY);
		return;
	}
	if (committer->reserve.given)
		list = refuse_while_lent(committer, list);
	run_batch(committer, list);
	if (committer->reserve.given)
		(void)reserve_take(&committer->reserve); /* tried again later */
}

static void *
committer_main(void *context)
{
	struct committer *committer = context;

	pthread_mutex_lock(&committer->mutex);
	for (;;) {
		struct change *list;

		while (committer->first == NULL && !committer->stopping)
			pthread_cond_wait(&committer->wake, &committer->mutex);
		list = committer->first;
		if (list == NULL && committer->stopping)
			break;
		committer->first = NULL;
		committer->last = &committer->first;
		committer->waiting = 0;
		pthread_mutex_unlock(&committer->mutex);
		if (list != NULL)
			work(committer, list);
		pthread_mutex_lock(&committer->mutex);
	}
	pthread_mutex_unlock(&committer->mutex);
	return NULL;
}

static void
committer_free(struct committer *committer)
{
	reserve_done(&committer->reserve);
	pthread_cond_destroy(&committer->wake);
	pthread_mutex_destroy(&committer->mutex);
	free(committer);
}

enum outcome
committer_start(struct engine *engine, size_t queue_max, const char *reserve,
    struct committer **ret_committer)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct committer *committer = memory_alloc(sizeof(*committer));

	pthread_once(&once, change_metrics_register);
	committer->engine = engine;
	committer->queue_max = queue_max;
	committer->last = &committer->first;
	pthread_mutex_init(&committer->mutex, NULL);
	pthread_cond_init(&committer->wake, NULL);
	reserve_open(&committer->reserve, reserve);
	if (pthread_create(&committer->thread, NULL, committer_main,
		committer) != 0) {
		committer_free(committer);
		return BUSY;
	}
	*ret_committer = committer;
	return OK;
}

void
committer_stop(struct committer *committer)
{
	if (committer == NULL)
		return;
	pthread_mutex_lock(&committer->mutex);
	committer->stopping = true;
	pthread_cond_signal(&committer->wake);
	pthread_mutex_unlock(&committer->mutex);
	pthread_join(committer->thread, NULL);
	committer_free(committer);
}

enum outcome
change_post(struct committer *committer, struct change *change)
{
	bool was_empty;

	change->next = NULL;
	change->outcome = OK;
	change->posted_ns = clock_monotonic_ns();
	pthread_mutex_lock(&committer->mutex);
	if (committer->waiting >= committer->queue_max) {
		pthread_mutex_unlock(&committer->mutex);
		return BUSY;
	}
	was_empty = committer->first == NULL;
	*committer->last = change;
	committer->last = &change->next;
	committer->waiting++;
	pthread_mutex_unlock(&committer->mutex);
	/* Not with the mutex, for which the woken thread would wait again. */
	if (was_empty)
		pthread_cond_signal(&committer->wake);
	return OK;
}

/* A change that stands for another one whose owner waits. */
struct waiter {
	struct change change;
	struct change *inner;
	pthread_mutex_t mutex;
	pthread_cond_t ended;
	bool done;
	enum outcome outcome;
};

static enum outcome
waiter_run(struct txn *txn, struct change *change)
{
	struct waiter *waiter = (struct waiter *)change;

	return waiter->inner->run(txn, waiter->inner);
}

static void
waiter_done(struct change *change, enum outcome outcome)
{
	struct waiter *waiter = (struct waiter *)change;

	if (waiter->inner->done != NULL)
		waiter->inner->done(waiter->inner, outcome);
	pthread_mutex_lock(&waiter->mutex);
	waiter->outcome = outcome;
	waiter->done = true;
	pthread_cond_signal(&waiter->ended);
	pthread_mutex_unlock(&waiter->mutex);
}

enum outcome
change_run(struct committer *committer, struct change *change)
{
	struct waiter waiter = { .change = { .run = waiter_run,
				     .done = waiter_done,
				     .frees = change->frees },
		.inner = change,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER };
	enum outcome outcome = change_post(committer, &waiter.change);

	if (outcome != OK)
		return outcome;
	pthread_mutex_lock(&waiter.mutex);
	while (!waiter.done)
		pthread_cond_wait(&waiter.ended, &waiter.mutex);
	pthread_mutex_unlock(&waiter.mutex);
	pthread_cond_destroy(&waiter.ended);
	pthread_mutex_destroy(&waiter.mutex);
	return waiter.outcome;
}

bool
committer_is_degraded(struct committer *committer)
{
	return atomic_load(&committer->degraded);
}

void
committer_get_stats(struct committer *committer,
    struct committer_stats *ret_stats)
{
	*ret_stats = (struct committer_stats){
		.batches = atomic_load(&committer->batches),
		.changes = atomic_load(&committer->changes),
		.reruns = atomic_load(&committer->reruns),
		.failed_commits = atomic_load(&committer->failed_commits),
		.largest_batch = atomic_load(&committer->largest_batch)
	};
}
