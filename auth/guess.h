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
 * One device with an old password must not shut out the others of its house,
 * so what needs no hash (a credential that was verified before, an app
 * password) is looked at even during a wait, but at most `free` times in vain:
 * guess_probe(). Only a password that was hashed and right forgives.
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

/*
 * During a wait: may what needs no hash be looked at? Counts until it turns
 * out right: guess_probe_right().
 */
bool
guess_probe(struct guesses *guesses, struct text user, const char *address,
    const struct guess_rule *rule);

void
guess_probe_right(struct guesses *guesses, struct text user,
    const char *address);

/*
 * A number that moves with each wrong password and each attempt that has to
 * wait, whoever made it.
 */
uint64_t
guess_calm_now(const struct guesses *guesses);

/*
 * The same, or 0 when something is wrong with this user and network. As long
 * as guess_calm_now() is what this was, no wait holds for them.
 */
uint64_t
guess_calm(struct guesses *guesses, struct text user, const char *address);

/* All is forgiven. */
void
guess_right(struct guesses *guesses, struct text user, const char *address);

void
guess_wrong(struct guesses *guesses, struct text user, const char *address,
    const struct guess_rule *rule, uint64_t now_ns);

/* Neither: it needed no hash, or came to no answer (a full lane). */
void
guess_drop(struct guesses *guesses, struct text user, const char *address);
