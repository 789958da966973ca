#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>

#include "auth/flight.h"

/* Who leads, who follows, and that nobody is left behind. */
static struct flight_seat
seat_of(unsigned char first, unsigned char last)
{
	struct flight_seat seat = { .leads = false };

	seat.digest.bytes[0] = first;
	seat.digest.bytes[DIGEST_BYTES - 1] = last;
	return seat;
}

static void
followers_come_back_in_order(void **state)
{
	struct flights *flights = flights_new();
	struct flight_seat seat[4], *back;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		seat[i] = seat_of(1, 1);
		assert_int_equal(flight_board(flights, &seat[i]), i > 0);
	}
	back = flight_land(flights, &seat[0]);
	for (size_t i = 1; i < 4; i++, back = back->next)
		assert_ptr_equal(back, &seat[i]);
	assert_null(back);
	assert_null(flight_land(flights, &seat[0]));
	assert_false(flight_board(flights, &seat[1]));
	assert_null(flight_land(flights, &seat[1]));
	flights_free(flights);
}

/* Of one bucket, landing in another order than they boarded. */
static void
digests_that_differ_are_apart(void **state)
{
	static const size_t order[] = { 1, 0, 2 };
	struct flights *flights = flights_new();
	struct flight_seat leader[3], follower[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		leader[i] = seat_of(5, (unsigned char)i);
		assert_false(flight_board(flights, &leader[i]));
	}
	for (size_t i = 0; i < 3; i++) {
		follower[i] = seat_of(5, (unsigned char)i);
		assert_true(flight_board(flights, &follower[i]));
	}
	for (size_t i = 0; i < 3; i++) {
		struct flight_seat *back = flight_land(flights,
		    &leader[order[i]]);

		assert_ptr_equal(back, &follower[order[i]]);
		assert_null(back->next);
	}
	flights_free(flights);
}

static void
one_too_many_goes_alone(void **state)
{
	struct flights *flights = flights_new();
	struct flight_seat leader = seat_of(1, 1), alone = seat_of(1, 1);
	struct flight_seat follower[FLIGHT_FOLLOWERS], *back;
	size_t count = 0;

	(void)state;
	assert_false(flight_board(flights, &leader));
	for (size_t i = 0; i < FLIGHT_FOLLOWERS; i++) {
		follower[i] = seat_of(1, 1);
		assert_true(flight_board(flights, &follower[i]));
	}
	assert_false(flight_board(flights, &alone));
	assert_null(flight_land(flights, &alone));
	back = flight_land(flights, &leader);
	for (; back != NULL; back = back->next)
		count++;
	assert_int_equal(count, FLIGHT_FOLLOWERS);
	flights_free(flights);
}

static void
who_never_boarded_lands_alone(void **state)
{
	struct flights *flights = flights_new();
	struct flight_seat leader = seat_of(1, 1), stranger = seat_of(1, 1);

	(void)state;
	assert_false(flight_board(flights, &leader));
	assert_null(flight_land(flights, &stranger));
	assert_true(flight_board(flights, &stranger));
	assert_ptr_equal(flight_land(flights, &leader), &stranger);
	flights_free(flights);
}

enum { THREADS = 4, ROUNDS = 20000, DIGESTS = 3 };

struct crew {
	struct flights *flights;
	_Atomic uint64_t landed;
};

/* A seat of its own, that its leader's thread hands back. */
struct traveller {
	struct flight_seat seat; /* first */
	_Atomic bool back;
};

static void *
travel(void *context)
{
	struct crew *crew = context;
	struct traveller traveller;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct flight_seat *seat;

		traveller.seat = seat_of((unsigned char)(i % DIGESTS), 0);
		atomic_store(&traveller.back, false);
		if (flight_board(crew->flights, &traveller.seat)) {
			while (!atomic_load(&traveller.back))
				sched_yield();
			continue;
		}
		seat = flight_land(crew->flights, &traveller.seat);
		while (seat != NULL) {
			struct traveller *one = (struct traveller *)seat;

			seat = seat->next;
			atomic_fetch_add(&crew->landed, 1);
			atomic_store(&one->back, true);
		}
		atomic_fetch_add(&crew->landed, 1);
	}
	return NULL;
}

static void
threads_leave_nobody_behind(void **state)
{
	struct crew crew = { .flights = flights_new() };
	pthread_t thread[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, travel,
				     &crew),
		    0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(atomic_load(&crew.landed), THREADS * ROUNDS);
	flights_free(crew.flights);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(followers_come_back_in_order),
		cmocka_unit_test(digests_that_differ_are_apart),
		cmocka_unit_test(one_too_many_goes_alone),
		cmocka_unit_test(who_never_boarded_lands_alone),
		cmocka_unit_test(threads_leave_nobody_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
