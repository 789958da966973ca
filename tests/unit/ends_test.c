#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/base/clock.h"
#include "store/ends.h"
#include "tests/unit/state.h"

#define HOUR (3600 * NS_PER_SECOND)

/* So far, give or take a second, is the wall clock behind. */
static void
assert_ahead(uint64_t ns)
{
	uint64_t ahead = clock_ends_look_ns() - clock_wall_ns() + NS_PER_SECOND;

	assert_in_range(ahead, ns, ns + 2 * NS_PER_SECOND);
}

static uint64_t
stored(struct state *state)
{
	struct txn *txn;
	uint64_t ns;

	assert_int_equal(txn_begin_read(state->store->engine, &txn), OK);
	assert_int_equal(ends_read(txn, &ns), OK);
	txn_abort(txn);
	return ns;
}

/* As a process that is started with a clock that was set back meanwhile. */
static void
start_again(struct state *state, struct ends_pace *pace)
{
	clock_ends_reset();
	*pace = (struct ends_pace){ 0 };
	state_reopen(state);
}

static void
keep(struct state *state, struct ends_pace *pace, bool last) ON_WORKER;

static void
keep(struct state *state, struct ends_pace *pace, bool last)
{
	assert_int_equal(ends_keep(state->store, pace, last), OK);
}

static void
test_a_start_knows_what_ended(void **unused)
{
	struct ends_pace pace = { 0 };
	struct state state;

	(void)unused;
	thread_enter_worker();
	state_begin(&state, "lmdb");
	clock_ends_reset();
	clock_ends_raise(clock_wall_ns() + HOUR);
	(void)clock_ends_was_asked();
	keep(&state, &pace, false);
	assert_int_equal(stored(&state), 0); /* nobody asked */
	(void)clock_ends_ns();
	keep(&state, &pace, false);
	assert_true(stored(&state) > clock_wall_ns() + HOUR / 2);
	start_again(&state, &pace);
	assert_ahead(HOUR);
	state_end(&state);
	clock_ends_reset();
}

/* Once a minute, and at the end. */
static void
test_it_is_kept_now_and_then(void **unused)
{
	struct ends_pace pace = { 0 };
	struct state state;
	uint64_t first;

	(void)unused;
	thread_enter_worker();
	state_begin(&state, "lmdb");
	clock_ends_reset();
	(void)clock_ends_ns();
	keep(&state, &pace, false);
	first = stored(&state);
	assert_true(first > 0);
	(void)clock_ends_ns();
	keep(&state, &pace, false);
	assert_int_equal(stored(&state), first);
	keep(&state, &pace, true);
	assert_true(stored(&state) > first);
	first = stored(&state);
	keep(&state, &pace, true);
	assert_int_equal(stored(&state), first);
	state_end(&state);
}

/* By another process: the one that serves follows at its next look. */
static void
test_a_reset_is_followed(void **unused)
{
	struct ends_pace pace = { 0 };
	struct state state;

	(void)unused;
	thread_enter_worker();
	state_begin(&state, "lmdb");
	clock_ends_reset();
	clock_ends_raise(clock_wall_ns() + HOUR);
	(void)clock_ends_ns();
	keep(&state, &pace, false);
	assert_int_equal(ends_reset(state.store), OK);
	clock_ends_raise(clock_wall_ns() + HOUR); /* this one did not hear */
	keep(&state, &pace, false);
	assert_ahead(0);
	start_again(&state, &pace);
	assert_ahead(0);
	state_end(&state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_start_knows_what_ended),
		cmocka_unit_test(test_it_is_kept_now_and_then),
		cmocka_unit_test(test_a_reset_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
