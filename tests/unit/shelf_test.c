#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "store/shelf.h"
#include "tests/unit/state.h"

/* Small contents in memory: when they come, what goes, and who still has it. */
enum { ROOM = 64 * 1024, SIZE = 1024 };

struct fixture {
	struct state state;
	struct txn *txn;
	struct shelf *shelf;
};

static void
fixture_begin(struct fixture *fixture)
{
	state_begin(&fixture->state, "lmdb");
	assert_int_equal(txn_begin_read(fixture->state.store->engine,
			     &fixture->txn),
	    OK);
	fixture->shelf = shelf_new(ROOM);
}

static void
fixture_end(struct fixture *fixture)
{
	shelf_free(fixture->shelf);
	txn_abort(fixture->txn);
	state_end(&fixture->state);
}

/* Asked for twice, as two requests do. */
static void
put(struct fixture *fixture, blob_id id, size_t size)
{
	char *bytes = malloc(size);

	assert_non_null(bytes);
	memset(bytes, (int)('a' + id % 26), size);
	for (int i = 0; i < 2; i++)
		shelf_put(fixture->shelf, fixture->txn, id,
		    (struct text){ bytes, size });
	free(bytes);
}

static bool
has(struct fixture *fixture, blob_id id)
{
	struct content *content = shelf_take(fixture->shelf, fixture->txn, id);

	if (content == NULL)
		return false;
	assert_int_equal(content_bytes(content).ptr[0], 'a' + id % 26);
	content_release(content);
	return true;
}

static void
comes_when_asked_for_twice(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_begin(&fixture);
	assert_false(has(&fixture, 7));
	shelf_put(fixture.shelf, fixture.txn, 7, TEXT("h"));
	assert_false(has(&fixture, 7));
	shelf_put(fixture.shelf, fixture.txn, 7, TEXT("h"));
	assert_true(has(&fixture, 7));
	assert_false(has(&fixture, 8));
	fixture_end(&fixture);
}

static void
least_asked_for_goes(void **state)
{
	struct fixture fixture;
	size_t here = 0;

	(void)state;
	fixture_begin(&fixture);
	for (blob_id id = 1; id <= 200; id++) {
		put(&fixture, id, SIZE);
		assert_true(has(&fixture, 1)); /* asked for all the time */
	}
	for (blob_id id = 1; id <= 200; id++)
		here += has(&fixture, id);
	assert_in_range(here, 40, ROOM / SIZE);
	assert_false(has(&fixture, 2));
	fixture_end(&fixture);
}

static void
large_is_not_kept(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_begin(&fixture);
	put(&fixture, 3, ROOM / 16);
	put(&fixture, 4, ROOM / 16 + 1);
	assert_true(has(&fixture, 3));
	assert_false(has(&fixture, 4));
	fixture_end(&fixture);
}

/* The bytes of an answer under way, after others took their place. */
static void
taken_outlives_its_place(void **state)
{
	struct fixture fixture;
	struct content *content;

	(void)state;
	fixture_begin(&fixture);
	put(&fixture, 1, SIZE);
	content = shelf_take(fixture.shelf, fixture.txn, 1);
	assert_non_null(content);
	for (blob_id id = 2; id <= 300; id++)
		put(&fixture, id, SIZE);
	assert_false(has(&fixture, 1));
	assert_int_equal(content_bytes(content).len, SIZE);
	assert_int_equal(content_bytes(content).ptr[SIZE - 1], 'a' + 1);
	content_release(content);
	fixture_end(&fixture);
}

/* Numbers may be given out again when the engine was opened again. */
static void
reopened_engine_has_none(void **state)
{
	struct fixture fixture;

	(void)state;
	fixture_begin(&fixture);
	put(&fixture, 5, SIZE);
	assert_true(has(&fixture, 5));
	txn_abort(fixture.txn);
	fixture.txn = NULL;
	assert_int_equal(engine_reopen(fixture.state.store->engine), OK);
	assert_int_equal(txn_begin_read(fixture.state.store->engine,
			     &fixture.txn),
	    OK);
	assert_false(has(&fixture, 5));
	put(&fixture, 6, SIZE);
	assert_true(has(&fixture, 6));
	assert_false(has(&fixture, 5));
	fixture_end(&fixture);
}

/* What a writer sees is not committed and may come to nothing. */
static void
writer_puts_nothing(void **state)
{
	struct fixture fixture;
	struct txn *reader;

	(void)state;
	fixture_begin(&fixture);
	reader = fixture.txn;
	assert_int_equal(txn_begin_write(fixture.state.store->engine,
			     &fixture.txn),
	    OK);
	put(&fixture, 9, SIZE);
	txn_abort(fixture.txn);
	fixture.txn = reader;
	assert_false(has(&fixture, 9));
	fixture_end(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_when_asked_for_twice),
		cmocka_unit_test(least_asked_for_goes),
		cmocka_unit_test(large_is_not_kept),
		cmocka_unit_test(taken_outlives_its_place),
		cmocka_unit_test(reopened_engine_has_none),
		cmocka_unit_test(writer_puts_nothing),
	};

	thread_enter_worker();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
