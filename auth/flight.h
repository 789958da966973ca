#pragma once

#include <stdbool.h>

#include "auth/shard.h"

/*
 * Verifications that are under way, so that one argon2id run serves all who
 * ask the same at the same moment: a client that opens many connections with
 * one password. The first of a digest leads; those that come before it has
 * landed follow, and are given back with its answer. Whoever makes the digest
 * decides what is the same.
 *
 * Followers of a digest are bounded; one too many goes alone. Leaders are not
 * bounded here: each of them is about to stand in a bounded queue. Any thread.
 */
struct flights;

enum { FLIGHT_FOLLOWERS = 256 };

/* A place in one; part of what waits. All but the digest is the flights'. */
struct flight_seat {
	struct digest digest;
	struct flight_seat *next;     /* leader, or follower of the same */
	struct flight_seat *follower; /* of a leader, the first */
	struct flight_seat **last;    /* of a leader */
	size_t followers;
	bool leads;
};

struct flights *
flights_new(void);

/* Nobody is seated any more. NULL is allowed. */
void
flights_free(struct flights *flights);

/*
 * True: it follows, and belongs to the flights until flight_land() of its
 * leader gives it back, which may be before this returns. False: it has to do
 * the work, and then to land whatever came of it.
 */
bool
flight_board(struct flights *flights, struct flight_seat *seat);

/*
 * The followers, in the order in which they came, linked by `next`; NULL: none.
 * For a seat that never boarded, or flew alone, too.
 */
struct flight_seat *
flight_land(struct flights *flights, struct flight_seat *seat);
