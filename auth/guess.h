#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/text.h"

/*
 * Wrong passwords, counted per (user name, client network): after `free` of
 * them each further attempt waits, 1 s, 2 s, 4 s ... up to `longest`. The wait
 * also holds for the right password, else it would be an oracle; attempts from
 * other networks do not see it. An attempt is counted when it begins, so that
 * many at once gain nothing. Known and unknown names are counted alike.
 *
 * In memory and bounded; a full set forgets the one that is quiet for longest.
 * Any thread. Times are monotonic nanoseconds.
 */
struct guesses;

struct guess_rule {
	uint64_t free;            /* wrong ones without a wait */
	uint64_t longest_seconds; /* of a wait */
};

struct guesses *
guesses_new(void);

void
guesses_free(struct guesses *guesses);

/*
 * May an attempt begin? 0: yes, and it waits for guess_right, guess_wrong or
 * guess_drop. Else the seconds after which to ask again.
 */
unsigned
guess_begin(struct guesses *guesses, struct text user, const char *address,
    const struct guess_rule *rule, uint64_t now_ns);

/* All is forgiven. */
void
guess_right(struct guesses *guesses, struct text user, const char *address);

void
guess_wrong(struct guesses *guesses, struct text user, const char *address,
    const struct guess_rule *rule, uint64_t now_ns);

/* The attempt came to no answer: a full lane, a client that left. */
void
guess_drop(struct guesses *guesses, struct text user, const char *address);
