/*
 * One queue per lane: a mutex, a condition, and a list of jobs for each flow,
 * which is whoever the jobs are for (subjects whose hashes agree share one). A
 * worker takes one job at a time, from flow after flow in turn; jobs are long
 * compared with taking them.
 *
 * A flow is listed, that is in the ring of turns, while it has a job waiting
 * and may run one more.
 */
#include "server/worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/metrics.h"
#include "store/media.h"

enum {
	QUEUES = 2,
	SLOW_MIN = 4,
	FLOW_BITS = 10,
	FLOWS = 1 << FLOW_BITS,
	FLOW_SHARE = 4
};

struct flow {
	struct job *first, *last; /* waiting */
	size_t count, running;
	struct flow *next; /* in the ring of turns */
	bool listed;
};

struct queue {
	enum lane lane;
	pthread_mutex_t mutex; /* guards flows, turns, count, stopping */
	pthread_cond_t filled;
	struct flow flow[FLOWS];
	struct flow *turn_first, *turn_last;
	size_t count, max;   /* jobs waiting */
	size_t running_most; /* of one flow: a thread is left for the rest */
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

/* Multiplication spreads numbers that follow each other (Knuth 6.4). */
static struct flow *
flow_of(struct queue *queue, uint64_t subject)
{
	uint64_t spread = subject * UINT64_C(0x9e3779b97f4a7c15);

	return &queue->flow[spread >> (64 - FLOW_BITS)];
}

/* With the mutex. */
static void
flow_list(struct queue *queue, struct flow *flow)
{
	if (flow->listed || flow->first == NULL ||
	    flow->running >= queue->running_most)
		return;
	flow->listed = true;
	flow->next = NULL;
	if (queue->turn_first == NULL)
		queue->turn_first = flow;
	else
		queue->turn_last->next = flow;
	queue->turn_last = flow;
	pthread_cond_signal(&queue->filled);
}

/* With the mutex. */
static struct job *
flow_take(struct queue *queue)
{
	struct flow *flow = queue->turn_first;
	struct job *job = flow->first;

	queue->turn_first = flow->next;
	flow->listed = false;
	flow->first = job->next;
	flow->count--;
	flow->running++;
	flow_list(queue, flow);
	queue->count--;
	if (queue->stopping && queue->count == 0)
		pthread_cond_broadcast(&queue->filled);
	return job;
}

static struct job *
queue_take(struct queue *queue)
{
	struct job *job = NULL;

	pthread_mutex_lock(&queue->mutex);
	while (queue->turn_first == NULL &&
	    !(queue->stopping && queue->count == 0))
		pthread_cond_wait(&queue->filled, &queue->mutex);
	if (queue->turn_first != NULL)
		job = flow_take(queue);
	pthread_mutex_unlock(&queue->mutex);
	return job;
}

static void
queue_ran(struct queue *queue, struct flow *flow)
{
	pthread_mutex_lock(&queue->mutex);
	flow->running--;
	flow_list(queue, flow);
	pthread_mutex_unlock(&queue->mutex);
}

static void
job_perform(struct queue *queue, struct job *job) ON_WORKER
{
	struct loop *loop = job->loop;
	struct flow *flow = flow_of(queue, job->subject);
	bool returns = job->home != NULL;

	metric_lane_wait(queue->lane, clock_monotonic_ns() - job->posted_ns);
	metric_lane_queued(queue->lane, -1);
	job->letter.open = job_home;
	job->run(job);
	queue_ran(queue, flow);
	if (returns)
		loop_post(loop, &job->letter);
}

static _Thread_local struct media_cookie *cookie;

struct media_cookie *
worker_cookie(void)
{
	return cookie;
}

static void *
queue_thread(void *context)
{
	struct queue *queue = context;
	struct job *job;

	thread_enter_worker();
	/* libmagic crashes where it loads and gets no memory: in no request. */
	if (queue->lane == LANE_SLOW)
		cookie = media_cookie_new();
	while ((job = queue_take(queue)) != NULL)
		job_perform(queue, job);
	media_cookie_free(cookie);
	return NULL;
}

/*
 * A flow may fill so many times as much of the queue as is left free: one
 * alone four fifths of it, two four ninths each. So whoever comes next finds
 * room, and whoever asks for most is refused first.
 */
static bool
has_room(const struct queue *queue, const struct flow *flow)
{
	return queue->count < queue->max &&
	    flow->count < FLOW_SHARE * (queue->max - queue->count);
}

enum outcome
job_post(struct workers *workers, enum lane lane, enum job_kind kind,
    struct job *job)
{
	struct queue *queue = queue_of(workers, lane);
	struct flow *flow = flow_of(queue, job->subject);

	job->next = NULL;
	job->posted_ns = clock_monotonic_ns();
	pthread_mutex_lock(&queue->mutex);
	if (kind == JOB_BEGINS && !has_room(queue, flow)) {
		pthread_mutex_unlock(&queue->mutex);
		return BUSY;
	}
	if (flow->first == NULL)
		flow->first = job;
	else
		flow->last->next = job;
	flow->last = job;
	flow->count++;
	queue->count++;
	flow_list(queue, flow);
	pthread_mutex_unlock(&queue->mutex);
	metric_lane_queued(lane, 1);
	return OK;
}

static bool
queue_start(struct queue *queue, enum lane lane, size_t threads, size_t max)
{
	queue->lane = lane;
	queue->max = max;
	queue->running_most = threads > 1 ? threads - 1 : 1;
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
