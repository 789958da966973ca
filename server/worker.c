/*
 * One queue per lane: a list, a mutex, a condition. A worker takes one job at
 * a time; jobs are long compared with taking them.
 */
#include "server/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/metrics.h"
#include "store/media.h"

enum { QUEUES = 2, SLOW_MIN = 4 };

struct queue {
	enum lane lane;
	pthread_mutex_t mutex; /* guards first, last, count, stopping */
	pthread_cond_t filled;
	struct job *first, *last;
	size_t count, max;
	bool stopping;
	pthread_t *thread; /* owned */
	size_t thread_count;
};

struct workers {
	struct queue queue[QUEUES];
};

static struct queue *
queue_of(struct workers *workers, enum lane lane)
{
	return &workers->queue[lane == LANE_HASH ? 1 : 0];
}

static void
job_home(struct letter *letter) ON_LOOP
{
	struct job *job = (struct job *)((char *)letter -
	    offsetof(struct job, letter));

	job->home(job);
}

static struct job *
queue_take(struct queue *queue)
{
	struct job *job;

	pthread_mutex_lock(&queue->mutex);
	while (queue->first == NULL && !queue->stopping)
		pthread_cond_wait(&queue->filled, &queue->mutex);
	job = queue->first;
	if (job != NULL) {
		queue->first = job->next;
		queue->count--;
	}
	pthread_mutex_unlock(&queue->mutex);
	return job;
}

static void
job_perform(struct queue *queue, struct job *job) ON_WORKER
{
	struct loop *loop = job->loop;
	bool returns = job->home != NULL;

	metric_lane_wait(queue->lane, clock_monotonic_ns() - job->posted_ns);
	metric_lane_queued(queue->lane, -1);
	job->letter.open = job_home;
	job->run(job);
	if (returns)
		loop_post(loop, &job->letter);
}

static _Thread_local struct media_cookie *cookie;

struct media_cookie *
worker_cookie(void)
{
	if (cookie == NULL)
		cookie = media_cookie_new();
	return cookie;
}

static void *
queue_thread(void *context)
{
	struct queue *queue = context;
	struct job *job;

	thread_enter_worker();
	while ((job = queue_take(queue)) != NULL)
		job_perform(queue, job);
	media_cookie_free(cookie);
	return NULL;
}

enum outcome
job_post(struct workers *workers, enum lane lane, enum job_kind kind,
    struct job *job)
{
	struct queue *queue = queue_of(workers, lane);

	job->next = NULL;
	job->posted_ns = clock_monotonic_ns();
	pthread_mutex_lock(&queue->mutex);
	if (kind == JOB_BEGINS && queue->count >= queue->max) {
		pthread_mutex_unlock(&queue->mutex);
		return BUSY;
	}
	if (queue->first == NULL)
		queue->first = job;
	else
		queue->last->next = job;
	queue->last = job;
	queue->count++;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->mutex);
	metric_lane_queued(lane, 1);
	return OK;
}

static bool
queue_start(struct queue *queue, enum lane lane, size_t threads, size_t max)
{
	queue->lane = lane;
	queue->max = max;
	queue->thread = memory_array(threads, sizeof(*queue->thread));
	(void)pthread_mutex_init(&queue->mutex, NULL);
	(void)pthread_cond_init(&queue->filled, NULL);
	for (; queue->thread_count < threads; queue->thread_count++)
		if (pthread_create(&queue->thread[queue->thread_count], NULL,
			queue_thread, queue) != 0)
			return false;
	return true;
}

static void
queue_stop(struct queue *queue)
{
	if (queue->thread == NULL)
		return;
	pthread_mutex_lock(&queue->mutex);
	queue->stopping = true;
	pthread_cond_broadcast(&queue->filled);
	pthread_mutex_unlock(&queue->mutex);
	for (size_t i = 0; i < queue->thread_count; i++)
		(void)pthread_join(queue->thread[i], NULL);
	(void)pthread_cond_destroy(&queue->filled);
	(void)pthread_mutex_destroy(&queue->mutex);
	free(queue->thread);
}

/* A worker mostly waits for the disk, a hash keeps its processor. */
enum outcome
workers_start(const struct conf *conf, struct workers **ret_workers)
{
	struct workers *workers = memory_alloc(sizeof(*workers));
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = processors > 0 ? (size_t)processors : 1;
	size_t slow = conf->threads.workers != 0 ? conf->threads.workers :
	    count * 2 > SLOW_MIN                 ? count * 2 :
						   SLOW_MIN;

	if (!queue_start(&workers->queue[0], LANE_SLOW, slow,
		conf->limits.queue_slow) ||
	    !queue_start(&workers->queue[1], LANE_HASH, count,
		conf->limits.queue_hash)) {
		workers_stop(workers);
		return IO;
	}
	*ret_workers = workers;
	return OK;
}

void
workers_stop(struct workers *workers)
{
	if (workers == NULL)
		return;
	for (size_t i = 0; i < QUEUES; i++)
		queue_stop(&workers->queue[i]);
	free(workers);
}
