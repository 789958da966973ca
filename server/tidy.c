#include "server/tidy.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/memory.h"
#include "store/ends.h"
#include "store/maintain.h"

enum { AHEAD_SECONDS = 60 }; /* more than a clock that is kept right steps */
enum { REST_SECONDS = 5, REST_BUSY_MS = 20, REST_IDLE_MS = 1 };

struct tidy {
	struct server *server; /* borrowed */
	pthread_t thread;
	pthread_mutex_t mutex; /* guards stopping */
	pthread_cond_t changed;
	bool stopping;
	struct ends_pace ends; /* of the thread */
	bool ahead;            /* the wall clock is behind, and that was told */
};

/* True when the thread is to go on. */
static bool
tidy_rest(struct tidy *tidy, uint64_t rest_ns)
{
	uint64_t until = clock_monotonic_ns() + rest_ns;
	struct timespec time = { .tv_sec = (time_t)(until / NS_PER_SECOND),
		.tv_nsec = (long)(until % NS_PER_SECOND) };
	int failed = 0;
	bool go;

	pthread_mutex_lock(&tidy->mutex);
	while (!tidy->stopping && failed != ETIMEDOUT)
		failed = pthread_cond_timedwait(&tidy->changed, &tidy->mutex,
		    &time);
	go = !tidy->stopping;
	pthread_mutex_unlock(&tidy->mutex);
	return go;
}

/* Warns once, for what is promised until a time now ends early. */
static void
tidy_clock(struct tidy *tidy, bool last) ON_WORKER;

static void
tidy_clock(struct tidy *tidy, bool last)
{
	enum outcome outcome = ends_keep(tidy->server->store, &tidy->ends,
	    last);
	uint64_t wall = clock_wall_ns(), ends = clock_ends_look_ns();
	bool ahead = ends > wall && ends - wall > AHEAD_SECONDS * NS_PER_SECOND;

	if (outcome != OK && outcome != BUSY)
		log_message(LOG_LEVEL_WARNING, "ends", "outcome=%s",
		    outcome_name(outcome));
	if (ahead && !tidy->ahead)
		log_message(LOG_LEVEL_WARNING, "clock",
		    "behind=%llu; it was set back, and what ends goes on as "
		    "before; if it had been wrong: celldav clock --reset",
		    (unsigned long long)((ends - wall) / NS_PER_SECOND));
	tidy->ahead = ahead;
}

static void *
tidy_thread(void *context)
{
	struct tidy *tidy = context;
	struct tidy_pace pace = { 0 };
	uint64_t rest = REST_SECONDS * NS_PER_SECOND;

	thread_enter_worker();
	tidy_clock(tidy, false); /* so that a later reset is seen as one */
	/*
	 * While others change something, what is freed here is so little and
	 * so seldom that one in a hundred of them meets it.
	 */
	while (tidy_rest(tidy, rest)) {
		bool more = false;
		enum outcome outcome;

		tidy_clock(tidy, false);
		outcome = store_tidy(tidy->server->store, clock_wall_ns(),
		    &pace, &more);

		if (outcome != OK && outcome != BUSY)
			log_message(LOG_LEVEL_WARNING, "tidy", "outcome=%s",
			    outcome_name(outcome));
		rest = REST_SECONDS * NS_PER_SECOND;
		if (outcome == OK && more)
			rest = (pace.busy ? REST_BUSY_MS : REST_IDLE_MS) *
			    (NS_PER_SECOND / 1000);
	}
	tidy_clock(tidy, true);
	return NULL;
}

enum outcome
tidy_start(struct server *server, struct tidy **ret_tidy)
{
	struct tidy *tidy = memory_alloc(sizeof(*tidy));
	pthread_condattr_t attribute;

	tidy->server = server;
	(void)pthread_mutex_init(&tidy->mutex, NULL);
	(void)pthread_condattr_init(&attribute);
	(void)pthread_condattr_setclock(&attribute, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&tidy->changed, &attribute);
	(void)pthread_condattr_destroy(&attribute);
	if (pthread_create(&tidy->thread, NULL, tidy_thread, tidy) != 0) {
		free(tidy);
		return IO;
	}
	*ret_tidy = tidy;
	return OK;
}

void
tidy_stop(struct tidy *tidy)
{
	if (tidy == NULL)
		return;
	pthread_mutex_lock(&tidy->mutex);
	tidy->stopping = true;
	pthread_cond_signal(&tidy->changed);
	pthread_mutex_unlock(&tidy->mutex);
	(void)pthread_join(tidy->thread, NULL);
	(void)pthread_cond_destroy(&tidy->changed);
	(void)pthread_mutex_destroy(&tidy->mutex);
	free(tidy);
}
