#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/secret.h"
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
 * Nor one with an app password that was revoked: it sends the same bytes until
 * somebody looks at it, and what was refused once is no further guess when it
 * comes again: guess_repeats(). That holds only for what has the shape of an
 * app password, 160 bits; of what people choose each attempt counts.
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

/* Is this among the last few that guess_repeat_note() was told of? */
bool
guess_repeats(struct guesses *guesses, struct text user, const char *address,
    struct secret password);

/* The same, and from now on it is. */
bool
guess_repeat_note(struct guesses *guesses, struct text user,
    const char *address, struct secret password);

/* Neither: it needed no hash, came to no answer (a full lane), or repeats. */
void
guess_drop(struct guesses *guesses, struct text user, const char *address);
