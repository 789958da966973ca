#include "auth/flight.h"

#include <sodium.h>
#include <stdlib.h>

#include "server/base/memory.h"

/*
 * One mutex for all: it is taken twice for each visit to the hash lane, which
 * is a thousand times as long. Digests are made under a random key, so nobody
 * outside can fill one bucket.
 */
enum { BUCKETS = 256 };

struct flights {
	pthread_mutex_t mutex; /* guards bucket and the seats in it */
	struct flight_seat *bucket[BUCKETS];
};

struct flights *
flights_new(void)
{
	struct flights *flights = memory_alloc(sizeof(*flights));

	(void)pthread_mutex_init(&flights->mutex, NULL);
	return flights;
}

void
flights_free(struct flights *flights)
{
	if (flights == NULL)
		return;
	(void)pthread_mutex_destroy(&flights->mutex);
	free(flights);
}

static struct flight_seat **
bucket_of(struct flights *flights, const struct flight_seat *seat)
{
	return &flights->bucket[seat->digest.bytes[0] % BUCKETS];
}

static struct flight_seat *
leader_find(struct flight_seat *first, const struct digest *digest)
{
	struct flight_seat *seat = first;

	while (seat != NULL &&
	    sodium_memcmp(seat->digest.bytes, digest->bytes,
		sizeof(digest->bytes)) != 0)
		seat = seat->next;
	return seat;
}

bool
flight_board(struct flights *flights, struct flight_seat *seat)
{
	struct flight_seat **bucket = bucket_of(flights, seat), *leader;
	bool follows = false;

	seat->next = seat->follower = NULL;
	seat->last = &seat->follower;
	seat->followers = 0;
	seat->leads = false;
	pthread_mutex_lock(&flights->mutex);
	leader = leader_find(*bucket, &seat->digest);
	if (leader == NULL) {
		seat->leads = true;
		seat->next = *bucket;
		*bucket = seat;
	} else if (leader->followers < FLIGHT_FOLLOWERS) {
		follows = true;
		*leader->last = seat;
		leader->last = &seat->next;
		leader->followers++;
	}
	pthread_mutex_unlock(&flights->mutex);
	return follows;
}

struct flight_seat *
flight_land(struct flights *flights, struct flight_seat *seat)
{
	struct flight_seat **at = bucket_of(flights, seat);

	if (!seat->leads)
		return NULL;
	pthread_mutex_lock(&flights->mutex);
	while (*at != seat)
		at = &(*at)->next;
	*at = seat->next;
	pthread_mutex_unlock(&flights->mutex);
	seat->leads = false;
	return seat->follower;
}
