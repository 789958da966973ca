#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/random.h"
#include "tests/unit/engines.h"
#include "tests/unit/state.h"

/*
 * The conformance suite of engines: every test runs once for every row of
 * engine_rows. What only durable engines promise: engine_durable_test.c.
 */
static void
test_put_get_remove(struct fixture *f)
{
	struct txn *txn;

	put(f->engine, "a", "1");
	put(f->engine, "b", "");
	assert_int_equal(txn_begin_write(f->engine, &txn), OK);
	assert_value(txn, "a", "1");
	assert_value(txn, "b", "");
	assert_value(txn, "c", NULL);
	assert_int_equal(txn->writes, 0);
	assert_int_equal(txn_put(txn, TEXT("a"), TEXT("22")), OK);
	assert_int_equal(txn->writes, 1);
	assert_value(txn, "a", "22");
	assert_int_equal(txn_remove(txn, TEXT("c")), NOT_FOUND);
	assert_int_equal(txn->writes, 1);
	assert_int_equal(txn_remove(txn, TEXT("b")), OK);
	assert_int_equal(txn->writes, 2);
	assert_value(txn, "b", NULL);
	assert_int_equal(txn_commit(txn), OK);
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_value(txn, "a", "22");
	assert_value(txn, "b", NULL);
	txn_abort(txn);
}

static void
test_abort_leaves_nothing(struct fixture *f)
{
	struct txn *txn;

	put(f->engine, "a", "1");
	assert_int_equal(txn_begin_write(f->engine, &txn), OK);
	assert_int_equal(txn_put(txn, TEXT("a"), TEXT("2")), OK);
	assert_int_equal(txn_put(txn, TEXT("n"), TEXT("2")), OK);
	txn_abort(txn);
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_value(txn, "a", "1");
	assert_value(txn, "n", NULL);
	txn_abort(txn);
	txn_abort(NULL);
}

static void
test_reader_keeps_its_state(struct fixture *f)
{
	struct txn *old, *new;
	struct text value;

	put(f->engine, "a", "1");
	assert_int_equal(txn_begin_read(f->engine, &old), OK);
	assert_int_equal(txn_get(old, TEXT("a"), &value), OK);
	put(f->engine, "a", "2");
	put(f->engine, "b", "2");
	for (int i = 0; i < 50; i++)
		put(f->engine, "a", "3");
	assert_int_equal(txn_begin_read(f->engine, &new), OK);
	assert_value(old, "a", "1");
	assert_value(old, "b", NULL);
	assert_true(text_equal(value, TEXT("1")));
	assert_value(new, "a", "3");
	assert_value(new, "b", "2");
	txn_abort(old);
	assert_value(new, "a", "3");
	txn_abort(new);
	/* A renewed one sees the newest state, not its own old one. */
	put(f->engine, "a", "4");
	assert_int_equal(txn_begin_read(f->engine, &new), OK);
	assert_value(new, "a", "4");
	txn_abort(new);
}

static void
test_order_is_that_of_bytes(struct fixture *f)
{
	static const struct text keys[] = { { "\0", 1 }, { "\0\0", 2 },
		{ "\0\1", 2 }, { "A", 1 }, { "a", 1 }, { "a\0", 2 },
		{ "a\0b", 3 }, { "aa", 2 }, { "b", 1 }, { "\177", 1 },
		{ "\200", 1 }, { "\377", 1 }, { "\377\377", 2 } };
	const size_t count = sizeof(keys) / sizeof(keys[0]);
	struct cursor *cursor;
	struct txn *txn;

	assert_int_equal(txn_begin_write(f->engine, &txn), OK);
	for (size_t i = 0; i < count; i++) {
		size_t at = (i * 5) % count;

		assert_int_equal(txn_put(txn, keys[at], keys[at]), OK);
	}
	assert_int_equal(txn_commit(txn), OK);
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_int_equal(cursor_open(txn, &cursor), OK);
	assert_int_equal(cursor_seek(cursor, TEXT_NONE), OK);
	for (size_t i = 0; i < count; i++) {
		assert_true(text_equal(cursor->key, keys[i]));
		assert_true(text_equal(cursor->value, keys[i]));
		assert_int_equal(cursor_next(cursor),
		    i + 1 < count ? OK : NOT_FOUND);
	}
	assert_int_equal(cursor_next(cursor), NOT_FOUND);
	for (size_t i = 0; i < count; i++) {
		enum outcome outcome = cursor_before(cursor, keys[i]);

		assert_int_equal(outcome, i > 0 ? OK : NOT_FOUND);
		if (i > 0)
			assert_true(text_equal(cursor->key, keys[i - 1]));
	}
	cursor_close(cursor);
	txn_abort(txn);
}

static void
test_cursor_seeks(struct fixture *f)
{
	struct cursor *cursor;
	struct txn *txn;

	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_int_equal(cursor_open(txn, &cursor), OK);
	assert_int_equal(cursor_seek(cursor, TEXT("a")), NOT_FOUND);
	assert_int_equal(cursor_before(cursor, TEXT("a")), NOT_FOUND);
	assert_int_equal(cursor_next(cursor), NOT_FOUND);
	cursor_close(cursor);
	cursor_close(NULL);
	txn_abort(txn);
	put(f->engine, "b", "1");
	put(f->engine, "d", "2");
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_int_equal(cursor_open(txn, &cursor), OK);
	assert_int_equal(cursor_seek(cursor, TEXT("c")), OK);
	assert_true(text_equal(cursor->key, TEXT("d")));
	assert_int_equal(cursor_next(cursor), NOT_FOUND);
	assert_int_equal(cursor_seek(cursor, TEXT("b")), OK);
	assert_int_equal(cursor_next(cursor), OK);
	assert_true(text_equal(cursor->value, TEXT("2")));
	assert_int_equal(cursor_seek(cursor, TEXT("e")), NOT_FOUND);
	assert_int_equal(cursor_before(cursor, TEXT("z")), OK);
	assert_true(text_equal(cursor->key, TEXT("d")));
	assert_int_equal(cursor_before(cursor, TEXT("c")), OK);
	assert_true(text_equal(cursor->key, TEXT("b")));
	assert_int_equal(cursor_next(cursor), OK);
	assert_true(text_equal(cursor->key, TEXT("d")));
	cursor_close(cursor);
	txn_abort(txn);
}

/* A walk goes on behind its key, whatever was written meanwhile. */
static void
test_cursor_while_writing(struct fixture *f)
{
	struct cursor *cursor;
	struct txn *txn;
	char key[16];

	assert_int_equal(txn_begin_write(f->engine, &txn), OK);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%04d", i);
		assert_int_equal(txn_put(txn, text_from(key), TEXT("v")), OK);
	}
	assert_int_equal(cursor_open(txn, &cursor), OK);
	assert_int_equal(cursor_seek(cursor, TEXT("k")), OK);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%04d", i);
		assert_true(text_equal(cursor->key, text_from(key)));
		if (i % 2 == 0)
			assert_int_equal(txn_remove(txn, text_from(key)), OK);
		else
			assert_int_equal(txn_put(txn, text_from(key),
					     TEXT("a longer value than before")),
			    OK);
		snprintf(key, sizeof(key), "j%04d", i);
		assert_int_equal(txn_put(txn, text_from(key), TEXT("w")), OK);
		assert_int_equal(cursor_next(cursor), i < 999 ? OK : NOT_FOUND);
	}
	cursor_close(cursor);
	assert_int_equal(txn_commit(txn), OK);
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_value(txn, "k0000", NULL);
	assert_value(txn, "k0001", "a longer value than before");
	assert_value(txn, "j0999", "w");
	txn_abort(txn);
}

static void
test_sizes(struct fixture *f)
{
	char key[ENGINE_KEY_MAX];
	char *big = malloc(1 << 20);
	struct text long_key = { key, sizeof(key) }, value = { big, 1 << 20 };
	struct text got;
	struct txn *txn;

	memset(key, 'k', sizeof(key));
	random_fill(big, value.len);
	assert_int_equal(txn_begin_write(f->engine, &txn), OK);
	assert_int_equal(txn_put(txn, long_key, value), OK);
	assert_int_equal(txn_put(txn, TEXT("x"), TEXT_NONE), OK);
	assert_int_equal(txn_commit(txn), OK);
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_int_equal(txn_get(txn, long_key, &got), OK);
	assert_true(text_equal(got, value));
	assert_int_equal(txn_get(txn, TEXT("x"), &got), OK);
	assert_int_equal(got.len, 0);
	txn_abort(txn);
	free(big);
}

/* Random writes against sorted arrays, compared by a whole walk. */
enum { MODEL_KEYS = 512 };

static void
compare_model(struct engine *engine, const int *model)
{
	struct cursor *cursor;
	struct txn *txn;
	enum outcome outcome;

	assert_int_equal(txn_begin_read(engine, &txn), OK);
	assert_int_equal(cursor_open(txn, &cursor), OK);
	outcome = cursor_seek(cursor, TEXT_NONE);
	for (int i = 0; i < MODEL_KEYS; i++) {
		char key[16], value[16];

		if (model[i] == 0)
			continue;
		snprintf(key, sizeof(key), "%05d", i);
		snprintf(value, sizeof(value), "%d", model[i]);
		assert_int_equal(outcome, OK);
		assert_true(text_equal(cursor->key, text_from(key)));
		assert_true(text_equal(cursor->value, text_from(value)));
		outcome = cursor_next(cursor);
	}
	assert_int_equal(outcome, NOT_FOUND);
	cursor_close(cursor);
	txn_abort(txn);
}

static void
model_round(struct engine *engine, unsigned *seed, int *model)
{
	int next[MODEL_KEYS];
	struct txn *txn;

	memcpy(next, model, sizeof(next));
	assert_int_equal(txn_begin_write(engine, &txn), OK);
	for (int i = 0; i < 40; i++) {
		int at = rand_r(seed) % MODEL_KEYS, number = rand_r(seed);
		char key[16], value[16];

		snprintf(key, sizeof(key), "%05d", at);
		snprintf(value, sizeof(value), "%d", number + 1);
		if (number % 3 == 0) {
			assert_int_equal(txn_remove(txn, text_from(key)),
			    next[at] == 0 ? NOT_FOUND : OK);
			next[at] = 0;
			continue;
		}
		assert_int_equal(txn_put(txn, text_from(key), text_from(value)),
		    OK);
		next[at] = number + 1;
	}
	if (rand_r(seed) % 4 == 0) {
		txn_abort(txn);
		return;
	}
	assert_int_equal(txn_commit(txn), OK);
	memcpy(model, next, sizeof(next));
}

static void
test_agrees_with_a_model(struct fixture *f)
{
	int model[MODEL_KEYS] = { 0 };
	unsigned seed = 7;

	for (int round = 0; round < 100; round++) {
		model_round(f->engine, &seed, model);
		compare_model(f->engine, model);
	}
}

static void
test_full_is_no_space(struct fixture *f)
{
	static char bytes[65536];
	struct fixture small = fixture_begin(f->row, 1 << 20);
	enum outcome outcome = OK;
	struct txn *txn;
	char key[16];

	put(small.engine, "kept", "old");
	assert_int_equal(txn_begin_write(small.engine, &txn), OK);
	for (int i = 0; i < 64 && outcome == OK; i++) {
		snprintf(key, sizeof(key), "%d", i);
		outcome = txn_put(txn, text_from(key),
		    (struct text){ bytes, sizeof(bytes) });
	}
	assert_int_equal(outcome, NO_SPACE);
	txn_abort(txn);
	assert_int_equal(txn_begin_read(small.engine, &txn), OK);
	assert_value(txn, "kept", "old");
	assert_value(txn, "0", NULL);
	txn_abort(txn);
	put(small.engine, "kept", "new");
	/* make_room lets through what did not fit by a little. */
	assert_int_equal(engine_make_room(small.engine), OK);
	put(small.engine, "kept", "newer");
	fixture_end(&small);
}

/* One writer moves money between keys; readers see one sum always. */
struct bank {
	struct engine *engine;
	_Atomic bool stop;
	_Atomic int seen;
};

static void *
read_bank(void *context)
{
	struct bank *bank = context;

	while (!atomic_load(&bank->stop)) {
		struct txn *txn;

		assert_int_equal(txn_begin_read(bank->engine, &txn), OK);
		assert_int_equal(bank_sum(txn), 1000);
		txn_abort(txn);
		atomic_fetch_add(&bank->seen, 1);
	}
	return NULL;
}

static void
test_threads_see_whole_commits(struct fixture *f)
{
	struct bank bank = { .engine = f->engine };
	pthread_t threads[4];

	put(f->engine, "m1", "1000");
	put(f->engine, "m2", "0");
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, read_bank, &bank);
	for (int i = 0; i < 200 || atomic_load(&bank.seen) < 100; i++) {
		char a[16], b[16];
		struct txn *txn;

		snprintf(a, sizeof(a), "%d", i % 1000);
		snprintf(b, sizeof(b), "%d", 1000 - i % 1000);
		assert_int_equal(txn_begin_write(f->engine, &txn), OK);
		assert_int_equal(txn_put(txn, TEXT("m1"), text_from(a)), OK);
		assert_int_equal(txn_put(txn, TEXT("m2"), text_from(b)), OK);
		assert_int_equal(txn_commit(txn), OK);
	}
	atomic_store(&bank.stop, true);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void
test_copy_is_an_engine(struct fixture *f)
{
	struct fixture copy = { .row = f->row };
	struct txn *txn;

	put(f->engine, "a", "1");
	snprintf(copy.folder, sizeof(copy.folder), "/tmp/engine_test.XXXXXX");
	assert_non_null(mkdtemp(copy.folder));
	assert_int_equal(f->row->copy(f->engine, copy.folder), OK);
	put(f->engine, "a", "2");
	copy.engine = open_engine(f->row, copy.folder, MAP_SIZE);
	assert_int_equal(txn_begin_read(copy.engine, &txn), OK);
	assert_value(txn, "a", "1");
	txn_abort(txn);
	fixture_end(&copy);
}

static void
test_stats(struct fixture *f)
{
	struct engine_stats stats;
	struct txn *txn;

	put(f->engine, "a", "1");
	put(f->engine, "b", "1");
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	put(f->engine, "b", "2");
	f->row->stats(f->engine, &stats);
	assert_int_equal(stats.entries, 2);
	assert_int_equal(stats.readers, 1);
	assert_true(stats.used_bytes > 0);
	assert_true(stats.map_bytes >= MAP_SIZE);
	txn_abort(txn);
	/* An ended reader is kept for renewal, but holds nothing. */
	f->row->stats(f->engine, &stats);
	assert_int_equal(stats.readers, 0);
	assert_int_equal(stats.oldest_reader_lag, 0);
}

static void
test_reopen(struct fixture *f)
{
	struct txn *txn;

	put(f->engine, "a", "1");
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	txn_abort(txn);
	assert_int_equal(engine_reopen(f->engine), OK);
	assert_int_equal(txn_begin_read(f->engine, &txn), OK);
	assert_value(txn, "a", "1");
	txn_abort(txn);
	put(f->engine, "a", "2");
}

static const struct engine_test tests[] = {
	{ "put, get, remove", test_put_get_remove },
	{ "abort leaves nothing", test_abort_leaves_nothing },
	{ "a reader keeps its state", test_reader_keeps_its_state },
	{ "the order is that of bytes", test_order_is_that_of_bytes },
	{ "cursor seeks", test_cursor_seeks },
	{ "cursor while writing", test_cursor_while_writing },
	{ "sizes", test_sizes },
	{ "agrees with a model", test_agrees_with_a_model },
	{ "full is NO_SPACE", test_full_is_no_space },
	{ "threads see whole commits", test_threads_see_whole_commits },
	{ "a copy is an engine", test_copy_is_an_engine },
	{ "stats", test_stats },
	{ "reopen", test_reopen },
};

int
main(void)
{
	return run_engine_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
