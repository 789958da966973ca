#include "tests/unit/engines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/state.h"

struct engine *
open_engine(const struct engine_row *row, const char *folder, uint64_t size)
{
	struct engine_options options = { .path = folder, .map_size = size };
	struct buffer message = { .max = 1000 };
	struct engine *engine = NULL;

	assert_int_equal(row->open(&options, &message, &engine), OK);
	assert_int_equal(message.len, 0);
	buffer_done(&message);
	return engine;
}

struct fixture
fixture_begin(const struct engine_row *row, uint64_t size)
{
	struct fixture fixture = { .row = row };

	snprintf(fixture.folder, sizeof(fixture.folder),
	    "/tmp/engine_test.XXXXXX");
	assert_non_null(mkdtemp(fixture.folder));
	fixture.engine = open_engine(row, fixture.folder, size);
	return fixture;
}

void
fixture_end(struct fixture *fixture)
{
	if (fixture->engine != NULL)
		fixture->row->close(fixture->engine);
	remove_tree(fixture->folder);
}

void
put(struct engine *engine, const char *key, const char *value)
{
	struct txn *txn;

	assert_int_equal(txn_begin_write(engine, &txn), OK);
	assert_int_equal(txn_put(txn, text_from(key), text_from(value)), OK);
	assert_int_equal(txn_commit(txn), OK);
}

void
assert_value(struct txn *txn, const char *key, const char *value)
{
	struct text got = TEXT("unset");
	enum outcome outcome = txn_get(txn, text_from(key), &got);

	if (value == NULL) {
		assert_int_equal(outcome, NOT_FOUND);
		assert_true(text_equal(got, TEXT("unset")));
		return;
	}
	assert_int_equal(outcome, OK);
	assert_true(text_equal(got, text_from(value)));
}

uint64_t
bank_sum(struct txn *txn)
{
	struct cursor *cursor;
	uint64_t sum = 0;
	enum outcome outcome;

	assert_int_equal(cursor_open(txn, &cursor), OK);
	for (outcome = cursor_seek(cursor, TEXT("m")); outcome == OK;
	    outcome = cursor_next(cursor)) {
		uint64_t value;

		assert_true(text_parse_u64(cursor->value, 10, &value));
		sum += value;
	}
	cursor_close(cursor);
	return sum;
}

struct run {
	const struct engine_row *row;
	engine_test_fn test;
};

static void
run_row(void **state)
{
	const struct run *run = *state;
	struct fixture fixture = fixture_begin(run->row, MAP_SIZE);

	run->test(&fixture);
	fixture_end(&fixture);
}

int
run_engine_tests(const struct engine_test *tests, size_t count)
{
	enum { ALL_MAX = 256 };
	static struct CMUnitTest all[ALL_MAX];
	static struct run runs[ALL_MAX];
	static char names[ALL_MAX][80];
	size_t at = 0;

	assert(count * engine_row_count <= ALL_MAX);
	for (size_t i = 0; i < count * engine_row_count; i++) {
		const struct engine_row *row = engine_rows[i / count];

		runs[at] = (struct run){ row, tests[i % count].run };
		snprintf(names[at], sizeof(names[0]), "%s: %s", row->name,
		    tests[i % count].name);
		all[at] = (struct CMUnitTest){ .name = names[at],
			.test_func = run_row,
			.initial_state = &runs[at] };
		at++;
	}
	return _cmocka_run_group_tests("engine", all, at, NULL, NULL);
}
