/*
 * Two threads hand one list to and fro. The reader takes it from the store and
 * settles it, and so holds what requests wait for (a transaction, the engine's
 * locks): it has the priority of all others. The thinker has the lowest there
 * is and touches nothing but the list and its cookie, so that nobody ever
 * waits for a thread that gets no processor.
 *
 * Two processors are often two halves of one, so that even idle time costs the
 * others something: while much is being committed a list is put off, but not
 * for ever.
 */
#include "server/typist.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/memory.h"
#include "store/media_later.h"

enum {
	REST_MS = 500,
	REST_FAILED_MS = 30 * 1000,
	LOOK_MS = 100,      /* less says nothing about a rate */
	BUSY_COMMITS = 100, /* a second */
	PUT_OFF_SECONDS = 10
};

enum turn { TURN_READER, TURN_THINKER, TURN_NOBODY };

struct typist {
	struct store *store; /* borrowed */
	pthread_t reader, thinker;
	pthread_mutex_t mutex; /* guards turn */
	pthread_cond_t changed;
	enum turn turn;
	_Atomic bool stopping;
	struct later later; /* of whose turn it is */
	/* The reader's: commits when it last looked, and since when it waits. */
	uint64_t commits, looked_ns, put_off_ns;
};

static void
turn_give(struct typist *typist, enum turn turn)
{
	pthread_mutex_lock(&typist->mutex);
	if (typist->turn != TURN_NOBODY)
		typist->turn = turn;
	pthread_cond_broadcast(&typist->changed);
	pthread_mutex_unlock(&typist->mutex);
}

/* False: it is over. */
static bool
turn_await(struct typist *typist, enum turn turn)
{
	bool mine;

	pthread_mutex_lock(&typist->mutex);
	while (typist->turn != turn && typist->turn != TURN_NOBODY)
		pthread_cond_wait(&typist->changed, &typist->mutex);
	mine = typist->turn == turn;
	pthread_mutex_unlock(&typist->mutex);
	return mine;
}

static bool
typist_rest(struct typist *typist, uint64_t rest_ns)
{
	uint64_t until = clock_monotonic_ns() + rest_ns;
	struct timespec time = { .tv_sec = (time_t)(until / NS_PER_SECOND),
		.tv_nsec = (long)(until % NS_PER_SECOND) };
	int failed = 0;
	bool go;

	pthread_mutex_lock(&typist->mutex);
	while (typist->turn != TURN_NOBODY && failed != ETIMEDOUT)
		failed = pthread_cond_timedwait(&typist->changed,
		    &typist->mutex, &time);
	go = typist->turn != TURN_NOBODY;
	pthread_mutex_unlock(&typist->mutex);
	return go;
}

/* Where the kernel refuses it, it thinks like any other thread. */
static void
idle_only(void)
{
	const struct sched_param none = { 0 };

	(void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
}

static void *
thinker_thread(void *context)
{
	struct typist *typist = context;
	struct media_cookie *cookie = media_cookie_new();

	idle_only();
	while (turn_await(typist, TURN_THINKER)) {
		struct later *later = &typist->later;

		for (size_t i = 0;
		    i < later->count && !atomic_load(&typist->stopping); i++)
			later_decide(cookie, &later->item[i]);
		turn_give(typist, TURN_READER);
	}
	media_cookie_free(cookie);
	return NULL;
}

static uint64_t
commits_now(struct typist *typist)
{
	struct txn *txn;
	uint64_t number;

	if (txn_begin_read(typist->store->engine, &txn) != OK)
		return 0;
	number = txn_snapshot(txn).number;
	txn_abort(txn);
	return number;
}

/* So much is being committed that this had better wait. */
static bool
others_first(struct typist *typist)
{
	uint64_t now = clock_monotonic_ns(), span = now - typist->looked_ns;
	uint64_t commits, before = typist->commits;

	if (span >= LOOK_MS * (NS_PER_SECOND / 1000)) {
		commits = commits_now(typist);
		typist->commits = commits;
		typist->looked_ns = now;
		if ((commits - before) * (NS_PER_SECOND / 1000) <
		    span / 1000 * BUSY_COMMITS)
			typist->put_off_ns = 0;
		else if (typist->put_off_ns == 0)
			typist->put_off_ns = now;
	}
	return typist->put_off_ns != 0 &&
	    now - typist->put_off_ns < PUT_OFF_SECONDS * NS_PER_SECOND;
}

/* One list; *ret_any: there was something, and there may be more. */
static enum outcome
reader_round(struct typist *typist, bool *ret_any) ON_WORKER
{
	struct later *later = &typist->later;
	enum outcome outcome;

	*ret_any = false;
	if (others_first(typist))
		return OK;
	outcome = later_take(typist->store, later);
	*ret_any = outcome == OK && later->count > 0;
	if (!*ret_any)
		return outcome;
	turn_give(typist, TURN_THINKER);
	if (!turn_await(typist, TURN_READER))
		return OK;
	return later_settle(typist->store, later);
}

static void *
reader_thread(void *context)
{
	struct typist *typist = context;
	uint64_t rest = 0;

	thread_enter_worker();
	while (typist_rest(typist, rest * (NS_PER_SECOND / 1000))) {
		bool any;
		enum outcome outcome = reader_round(typist, &any);

		if (outcome != OK && outcome != BUSY)
			log_message(LOG_LEVEL_WARNING, "typist", "outcome=%s",
			    outcome_name(outcome));
		rest = outcome != OK ? REST_FAILED_MS : any ? 0 : REST_MS;
	}
	return NULL;
}

static void
typist_free(struct typist *typist)
{
	(void)pthread_cond_destroy(&typist->changed);
	(void)pthread_mutex_destroy(&typist->mutex);
	free(typist);
}

static void
typist_end(struct typist *typist)
{
	atomic_store(&typist->stopping, true);
	turn_give(typist, TURN_NOBODY);
}

enum outcome
typist_start(struct server *server, struct typist **ret_typist)
{
	struct typist *typist = memory_alloc(sizeof(*typist));
	pthread_condattr_t attribute;

	typist->store = server->store;
	(void)pthread_mutex_init(&typist->mutex, NULL);
	(void)pthread_condattr_init(&attribute);
	(void)pthread_condattr_setclock(&attribute, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&typist->changed, &attribute);
	(void)pthread_condattr_destroy(&attribute);
	if (pthread_create(&typist->thinker, NULL, thinker_thread, typist) !=
	    0) {
		typist_free(typist);
		return IO;
	}
	if (pthread_create(&typist->reader, NULL, reader_thread, typist) != 0) {
		typist_end(typist);
		(void)pthread_join(typist->thinker, NULL);
		typist_free(typist);
		return IO;
	}
	*ret_typist = typist;
	return OK;
}

void
typist_stop(struct typist *typist)
{
	if (typist == NULL)
		return;
	typist_end(typist);
	(void)pthread_join(typist->reader, NULL);
	(void)pthread_join(typist->thinker, NULL);
	typist_free(typist);
}
