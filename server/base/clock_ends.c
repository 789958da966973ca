#include <stdatomic.h>

#include "server/base/clock.h"

/*
 * Wall time less monotonic time, the most that was seen: where a step back of
 * the wall clock does not count and time goes on all the same.
 */
static _Atomic int64_t ends_ahead = INT64_MIN;
static atomic_bool ends_asked;

static int64_t
ends_ahead_note(int64_t ahead)
{
	int64_t most = atomic_load_explicit(&ends_ahead, memory_order_relaxed);

	while (ahead > most)
		if (atomic_compare_exchange_weak_explicit(&ends_ahead, &most,
			ahead, memory_order_relaxed, memory_order_relaxed))
			return ahead;
	return most;
}

/* Wall first: who is stopped in between must not seem to be ahead. */
uint64_t
clock_ends_look_ns(void)
{
	uint64_t wall = clock_wall_ns(), monotonic = clock_monotonic_ns();
	int64_t ahead = ends_ahead_note((int64_t)(wall - monotonic));

	return monotonic + (uint64_t)ahead;
}

uint64_t
clock_ends_ns(void)
{
	if (!atomic_load_explicit(&ends_asked, memory_order_relaxed))
		atomic_store_explicit(&ends_asked, true, memory_order_relaxed);
	return clock_ends_look_ns();
}

bool
clock_ends_was_asked(void)
{
	return atomic_exchange(&ends_asked, false);
}

void
clock_ends_raise(uint64_t ns)
{
	(void)ends_ahead_note((int64_t)(ns - clock_monotonic_ns()));
}

void
clock_ends_reset(void)
{
	uint64_t wall = clock_wall_ns(), monotonic = clock_monotonic_ns();

	atomic_store(&ends_ahead, (int64_t)(wall - monotonic));
}
