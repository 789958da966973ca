#pragma once

#include "store/engine.h"

/* An engine in a folder of its own, and a runner of tests for every row. */
enum { MAP_SIZE = 64 << 20 };

struct fixture {
	const struct engine_row *row;
	struct engine *engine;
	char folder[64];
};

typedef void (*engine_test_fn)(struct fixture *fixture);

struct engine_test {
	const char *name;
	engine_test_fn run;
};

/* Runs each test with each row; what main() returns. */
int
run_engine_tests(const struct engine_test *tests, size_t count);

struct engine *
open_engine(const struct engine_row *row, const char *folder, uint64_t size);

struct fixture
fixture_begin(const struct engine_row *row, uint64_t size);

void
fixture_end(struct fixture *fixture);

/* In a transaction of its own. */
void
put(struct engine *engine, const char *key, const char *value);

/* NULL: the key is not there. */
void
assert_value(struct txn *txn, const char *key, const char *value);

/* The sum of all values from key "m" on. */
uint64_t
bank_sum(struct txn *txn);
