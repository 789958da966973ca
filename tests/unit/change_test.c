#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/change.h"
#include "tests/unit/state.h"

/*
 * Group commit, over LMDB and over an engine of this file that wraps that of
 * memory and fails a chosen commit.
 */
static struct engine *
open_named(const char *name, const char *folder, uint64_t size)
{
	struct engine_options options = { .path = folder, .map_size = size };
	struct buffer message = { .max = 1000 };
	struct engine *engine = NULL;

	assert_int_equal(engine_row_find(name)->open(&options, &message,
			     &engine),
	    OK);
	buffer_done(&message);
	return engine;
}

/* A row like that of memory, whose next commits end as told. */
static struct engine_row faulty_row;
static _Atomic int fault_outcome, fault_count;

static enum outcome
faulty_commit(struct txn *txn)
{
	if (atomic_load(&fault_count) > 0) {
		atomic_fetch_sub(&fault_count, 1);
		engine_row_find("memory")->abort(txn);
		return (enum outcome)atomic_load(&fault_outcome);
	}
	return engine_row_find("memory")->commit(txn);
}

static struct engine *
open_faulty(void)
{
	struct engine *engine = open_named("memory", "/nonexistent", 64 << 20);

	faulty_row = *engine->row;
	faulty_row.commit = faulty_commit;
	engine->row = &faulty_row;
	return engine;
}

struct put_change {
	struct change change;
	char key[32], value[32];
	enum outcome refuse; /* before the write */
	enum outcome fail;   /* after the write */
	_Atomic int runs, dones;
	enum outcome outcome;
	sem_t ended;
};

static enum outcome
put_run(struct txn *txn, struct change *change)
{
	struct put_change *put = (struct put_change *)change;
	struct text value = text_from(put->value);
	enum outcome outcome;

	atomic_fetch_add(&put->runs, 1);
	if (put->refuse != OK)
		return put->refuse;
	outcome = txn_put(txn, text_from(put->key), value);
	return outcome != OK ? outcome : put->fail;
}

static void
put_done(struct change *change, enum outcome outcome)
{
	struct put_change *put = (struct put_change *)change;

	put->outcome = outcome;
	atomic_fetch_add(&put->dones, 1);
	sem_post(&put->ended);
}

static void
put_prepare(struct put_change *put, const char *key, const char *value)
{
	*put = (struct put_change){ .change = {
					.run = put_run, .done = put_done } };
	snprintf(put->key, sizeof(put->key), "%s", key);
	snprintf(put->value, sizeof(put->value), "%s", value);
	sem_init(&put->ended, 0, 0);
}

static void
wait_for(struct put_change *put)
{
	sem_wait(&put->ended);
	assert_int_equal(atomic_load(&put->dones), 1);
	sem_destroy(&put->ended);
}

static bool
has(struct engine *engine, const char *key, const char *value)
{
	struct text got = TEXT_NONE;
	struct txn *txn;
	enum outcome outcome;
	bool same;

	assert_int_equal(txn_begin_read(engine, &txn), OK);
	outcome = txn_get(txn, text_from(key), &got);
	same = value != NULL ?
	    outcome == OK && text_equal(got, text_from(value)) :
	    outcome == NOT_FOUND;
	txn_abort(txn);
	return same;
}

/* A change that holds the committer until it is told to go on. */
struct gate {
	struct change change;
	sem_t entered, go, ended;
};

static enum outcome
gate_run(struct txn *txn, struct change *change)
{
	struct gate *gate = (struct gate *)change;

	(void)txn;
	sem_post(&gate->entered);
	sem_wait(&gate->go);
	return OK;
}

static void
gate_done(struct change *change, enum outcome outcome)
{
	assert_int_equal(outcome, OK);
	sem_post(&((struct gate *)change)->ended);
}

static void
gate_close(struct committer *committer, struct gate *gate)
{
	*gate = (struct gate){ .change = {
				   .run = gate_run, .done = gate_done } };
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->go, 0, 0);
	sem_init(&gate->ended, 0, 0);
	assert_int_equal(change_post(committer, &gate->change), OK);
	sem_wait(&gate->entered);
}

static void
gate_open(struct gate *gate)
{
	sem_post(&gate->go);
	sem_wait(&gate->ended);
}

static void
test_alone(void **state)
{
	struct engine *engine = open_faulty();
	struct committer *committer;
	struct put_change put;

	(void)state;
	assert_int_equal(committer_start(engine, 8, NULL, &committer), OK);
	put_prepare(&put, "a", "1");
	assert_int_equal(change_post(committer, &put.change), OK);
	wait_for(&put);
	assert_int_equal(put.outcome, OK);
	assert_true(has(engine, "a", "1"));
	committer_stop(committer);
	committer_stop(NULL);
	engine->row->close(engine);
}

static void
test_what_waits_is_one_commit(void **state)
{
	enum { COUNT = 50 };
	static struct put_change puts[COUNT];
	struct engine *engine = open_faulty();
	struct committer_stats stats;
	struct committer *committer;
	struct gate gate;

	(void)state;
	assert_int_equal(committer_start(engine, COUNT, NULL, &committer), OK);
	gate_close(committer, &gate);
	for (int i = 0; i < COUNT; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		put_prepare(&puts[i], key, "v");
		if (i % 10 == 3)
			puts[i].refuse = PRECONDITION;
		assert_int_equal(change_post(committer, &puts[i].change), OK);
	}
	gate_open(&gate);
	for (int i = 0; i < COUNT; i++) {
		wait_for(&puts[i]);
		assert_int_equal(puts[i].runs, 1);
		assert_int_equal(puts[i].outcome,
		    i % 10 == 3 ? PRECONDITION : OK);
		assert_true(has(engine, puts[i].key, i % 10 == 3 ? NULL : "v"));
	}
	committer_get_stats(committer, &stats);
	assert_int_equal(stats.batches, 1);
	assert_int_equal(stats.largest_batch, COUNT);
	assert_int_equal(stats.changes, COUNT + 1);
	assert_int_equal(stats.reruns, 0);
	committer_stop(committer);
	engine->row->close(engine);
}

static void
test_full_queue_is_busy(void **state)
{
	struct engine *engine = open_faulty();
	struct committer *committer;
	struct put_change one, two, three;
	struct gate gate;

	(void)state;
	assert_int_equal(committer_start(engine, 2, NULL, &committer), OK);
	gate_close(committer, &gate);
	put_prepare(&one, "1", "v");
	put_prepare(&two, "2", "v");
	put_prepare(&three, "3", "v");
	assert_int_equal(change_post(committer, &one.change), OK);
	assert_int_equal(change_post(committer, &two.change), OK);
	assert_int_equal(change_post(committer, &three.change), BUSY);
	gate_open(&gate);
	wait_for(&one);
	wait_for(&two);
	assert_int_equal(three.dones, 0);
	assert_int_equal(change_post(committer, &three.change), OK);
	committer_stop(committer); /* runs what waits */
	wait_for(&three);
	assert_true(has(engine, "3", "v"));
	engine->row->close(engine);
}

static void
test_failed_after_a_write_is_undone(void **state)
{
	static struct put_change puts[5];
	struct engine *engine = open_faulty();
	struct committer_stats stats;
	struct committer *committer;
	struct gate gate;

	(void)state;
	assert_int_equal(committer_start(engine, 8, NULL, &committer), OK);
	gate_close(committer, &gate);
	for (int i = 0; i < 5; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		put_prepare(&puts[i], key, "v");
		if (i == 2)
			puts[i].fail = CONFLICT;
		assert_int_equal(change_post(committer, &puts[i].change), OK);
	}
	gate_open(&gate);
	for (int i = 0; i < 5; i++) {
		wait_for(&puts[i]);
		assert_int_equal(puts[i].outcome, i == 2 ? CONFLICT : OK);
		assert_true(has(engine, puts[i].key, i == 2 ? NULL : "v"));
	}
	assert_int_equal(puts[0].runs, 2);
	assert_int_equal(puts[2].runs, 1);
	committer_get_stats(committer, &stats);
	assert_int_equal(stats.reruns, 1);
	committer_stop(committer);
	engine->row->close(engine);
}

/* More failures than reruns: each alone, and still everybody is answered. */
static void
test_many_failures(void **state)
{
	enum { COUNT = 64 };
	static struct put_change puts[COUNT];
	struct engine *engine = open_faulty();
	struct committer *committer;
	struct gate gate;

	(void)state;
	assert_int_equal(committer_start(engine, COUNT, NULL, &committer), OK);
	gate_close(committer, &gate);
	for (int i = 0; i < COUNT; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		put_prepare(&puts[i], key, "v");
		puts[i].fail = i % 2 == 0 ? CONFLICT : OK;
		assert_int_equal(change_post(committer, &puts[i].change), OK);
	}
	gate_open(&gate);
	for (int i = 0; i < COUNT; i++) {
		wait_for(&puts[i]);
		assert_int_equal(puts[i].outcome, i % 2 == 0 ? CONFLICT : OK);
		assert_true(puts[i].runs <= 11);
		assert_true(has(engine, puts[i].key, i % 2 == 0 ? NULL : "v"));
	}
	committer_stop(committer);
	engine->row->close(engine);
}

static void
test_commit_without_space_tries_each(void **state)
{
	static struct put_change puts[4];
	struct engine *engine = open_faulty();
	struct committer *committer;
	struct gate gate;

	(void)state;
	assert_int_equal(committer_start(engine, 8, NULL, &committer), OK);
	gate_close(committer, &gate);
	for (int i = 0; i < 4; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		put_prepare(&puts[i], key, "v");
		puts[i].refuse = i == 3 ? LOCKED : OK;
		puts[i].change.frees = i == 2;
		assert_int_equal(change_post(committer, &puts[i].change), OK);
	}
	/* The shared commit fails, then that of the one which frees, once. */
	atomic_store(&fault_outcome, NO_SPACE);
	atomic_store(&fault_count, 2);
	gate_open(&gate);
	for (int i = 0; i < 4; i++) {
		wait_for(&puts[i]);
		assert_int_equal(puts[i].outcome, i == 3 ? LOCKED : OK);
	}
	assert_int_equal(puts[2].runs, 3);
	assert_int_equal(puts[0].runs, 2);
	assert_false(committer_is_degraded(committer));
	committer_stop(committer);
	engine->row->close(engine);
}

static void
run_one(struct committer *committer, const char *key, enum outcome expected)
{
	struct put_change put;

	put_prepare(&put, key, "v");
	assert_int_equal(change_post(committer, &put.change), OK);
	wait_for(&put);
	assert_int_equal(put.outcome, expected);
}

static void
test_io_error_degrades(void **state)
{
	struct engine *engine = open_faulty();
	struct committer *committer;

	(void)state;
	thread_enter_worker();
	assert_int_equal(committer_start(engine, 8, NULL, &committer), OK);
	run_one(committer, "before", OK);
	atomic_store(&fault_outcome, IO);
	atomic_store(&fault_count, 1);
	run_one(committer, "lost", IO);
	assert_true(committer_is_degraded(committer));
	run_one(committer, "refused", BUSY);
	assert_true(has(engine, "before", "v"));
	assert_true(has(engine, "lost", NULL));
	assert_true(has(engine, "refused", NULL));
	committer_stop(committer);
	/* As a new process does. */
	assert_int_equal(committer_start(engine, 8, NULL, &committer), OK);
	assert_false(committer_is_degraded(committer));
	run_one(committer, "after", OK);
	assert_true(has(engine, "after", "v"));
	committer_stop(committer);
	engine->row->close(engine);
}

static void
test_change_run_waits(void **state)
{
	struct engine *engine = open_faulty();
	struct committer *committer;
	struct put_change put;

	(void)state;
	thread_enter_worker();
	assert_int_equal(committer_start(engine, 8, NULL, &committer), OK);
	put_prepare(&put, "a", "1");
	assert_int_equal(change_run(committer, &put.change), OK);
	assert_int_equal(put.dones, 1);
	assert_true(has(engine, "a", "1"));
	put.refuse = LOCKED;
	assert_int_equal(change_run(committer, &put.change), LOCKED);
	committer_stop(committer);
	engine->row->close(engine);
}

/* Eight producers, each with its own counter, add one by read and write. */
enum { PRODUCERS = 8, ROUNDS = 500 };

struct producer {
	struct committer *committer;
	int number;
	pthread_t thread;
};

struct add_change {
	struct change change;
	int number;
};

static enum outcome
add_run(struct txn *txn, struct change *change)
{
	struct add_change *add = (struct add_change *)change;
	char own[16], text[24];
	const char *keys[] = { own, "sum" };

	snprintf(own, sizeof(own), "p%d", add->number);
	for (int i = 0; i < 2; i++) {
		struct text value = TEXT("0");
		uint64_t count = 0;
		enum outcome outcome = txn_get(txn, text_from(keys[i]), &value);

		if (outcome != OK && outcome != NOT_FOUND)
			return outcome;
		(void)text_parse_u64(value, 10, &count);
		snprintf(text, sizeof(text), "%llu",
		    (unsigned long long)count + 1);
		outcome = txn_put(txn, text_from(keys[i]), text_from(text));
		if (outcome != OK)
			return outcome;
	}
	return OK;
}

static void *
produce(void *context)
{
	struct producer *producer = context;

	thread_enter_worker();
	for (int i = 0; i < ROUNDS; i++) {
		struct add_change add = { .change = { .run = add_run },
			.number = producer->number };

		assert_int_equal(change_run(producer->committer, &add.change),
		    OK);
	}
	return NULL;
}

static void
produce_all(struct engine *engine)
{
	struct producer producers[PRODUCERS];
	struct committer_stats stats;
	struct committer *committer;
	char key[16], expected[16];

	assert_int_equal(committer_start(engine, PRODUCERS, NULL, &committer),
	    OK);
	for (int i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){ committer, i, 0 };
		pthread_create(&producers[i].thread, NULL, produce,
		    &producers[i]);
	}
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i].thread, NULL);
	committer_get_stats(committer, &stats);
	committer_stop(committer);
	assert_int_equal(stats.changes, PRODUCERS * ROUNDS);
	assert_true(stats.batches <= stats.changes);
	snprintf(expected, sizeof(expected), "%d", PRODUCERS * ROUNDS);
	assert_true(has(engine, "sum", expected));
	snprintf(expected, sizeof(expected), "%d", ROUNDS);
	for (int i = 0; i < PRODUCERS; i++) {
		snprintf(key, sizeof(key), "p%d", i);
		assert_true(has(engine, key, expected));
	}
}

static void
test_producers(void **state)
{
	struct engine *engine = open_faulty();
	char folder[] = "/tmp/change_test.XXXXXX";

	(void)state;
	produce_all(engine);
	engine->row->close(engine);
	assert_non_null(mkdtemp(folder));
	engine = open_named("lmdb", folder, 64 << 20);
	produce_all(engine);
	engine->row->close(engine);
	remove_tree(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_what_waits_is_one_commit),
		cmocka_unit_test(test_full_queue_is_busy),
		cmocka_unit_test(test_failed_after_a_write_is_undone),
		cmocka_unit_test(test_many_failures),
		cmocka_unit_test(test_commit_without_space_tries_each),
		cmocka_unit_test(test_io_error_degrades),
		cmocka_unit_test(test_change_run_waits),
		cmocka_unit_test(test_producers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
