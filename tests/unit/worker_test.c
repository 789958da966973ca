/* Turns and room in the queues of the workers. */
#include "server/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "server/metrics.h"

enum { JOBS = 64, ROOM = 10, GREEDY = 7, OTHER = 8 };

static struct job job[JOBS];
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static _Atomic size_t ran, running, running_most;
static _Atomic uint64_t order[JOBS];

/* Waits at the gate; whoever is let through notes its place. */
static void
gate_pass(struct job *one)
{
	size_t now = atomic_fetch_add(&running, 1) + 1;

	if (now > atomic_load(&running_most))
		atomic_store(&running_most, now);
	(void)pthread_mutex_lock(&gate);
	atomic_store(&order[atomic_fetch_add(&ran, 1)], one->subject);
	(void)pthread_mutex_unlock(&gate);
	(void)atomic_fetch_sub(&running, 1);
}

static enum outcome
post(struct workers *workers, size_t number, uint64_t subject,
    enum job_kind kind)
{
	job[number] = (struct job){ .run = gate_pass, .subject = subject };
	return job_post(workers, LANE_SLOW, kind, &job[number]);
}

static struct workers *
workers_new(uint64_t threads)
{
	struct workers *workers;
	struct conf conf = { .threads = { .workers = threads },
		.limits = { .queue_slow = ROOM, .queue_hash = ROOM } };

	atomic_store(&ran, 0);
	atomic_store(&running_most, 0);
	assert_int_equal(workers_start(&conf, &workers), OK);
	return workers;
}

static void
running_wait(size_t wanted)
{
	while (atomic_load(&running) < wanted)
		(void)sched_yield();
}

/* One of two threads is for others, however many wait. */
static void
others_have_turns(void **state)
{
	struct timespec a_while = { .tv_nsec = 20000000 };
	struct workers *workers = workers_new(2);

	(void)state;
	(void)pthread_mutex_lock(&gate);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(post(workers, i, GREEDY, JOB_BEGINS), OK);
	(void)nanosleep(&a_while, NULL);
	running_wait(1);
	assert_int_equal(running, 1);
	assert_int_equal(post(workers, 6, OTHER, JOB_BEGINS), OK);
	running_wait(2);
	(void)pthread_mutex_unlock(&gate);
	workers_stop(workers);
	assert_int_equal(ran, 7);
	assert_int_equal(running_most, 2);
}

/* Among those that wait it goes round, whoever was first. */
static void
turns_go_round(void **state)
{
	struct workers *workers = workers_new(1);
	size_t changes = 0;

	(void)state;
	(void)pthread_mutex_lock(&gate);
	assert_int_equal(post(workers, 0, GREEDY, JOB_BEGINS), OK);
	running_wait(1);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(post(workers, i, GREEDY, JOB_CONTINUES), OK);
	for (size_t i = 4; i < 7; i++)
		assert_int_equal(post(workers, i, OTHER, JOB_CONTINUES), OK);
	(void)pthread_mutex_unlock(&gate);
	workers_stop(workers);
	assert_int_equal(ran, 7);
	for (size_t i = 1; i < 7; i++)
		changes += order[i] != order[i - 1];
	assert_true(changes >= 5);
}

/* The greedy one is refused while there is room for the other. */
static void
room_is_left(void **state)
{
	struct workers *workers = workers_new(1);
	size_t given = 0;

	(void)state;
	(void)pthread_mutex_lock(&gate);
	assert_int_equal(post(workers, 0, GREEDY, JOB_BEGINS), OK);
	running_wait(1);
	while (post(workers, given + 1, GREEDY, JOB_BEGINS) == OK)
		given++;
	assert_in_range(given, ROOM / 2, ROOM - 1);
	assert_int_equal(post(workers, 40, OTHER, JOB_BEGINS), OK);
	assert_int_equal(post(workers, 41, GREEDY, JOB_BEGINS), BUSY);
	assert_int_equal(post(workers, 41, GREEDY, JOB_CONTINUES), OK);
	(void)pthread_mutex_unlock(&gate);
	workers_stop(workers);
	assert_int_equal(ran, given + 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_have_turns),
		cmocka_unit_test(turns_go_round),
		cmocka_unit_test(room_is_left),
	};

	metrics_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
