#pragma once

#include <stdbool.h>

/*
 * One `serve` per state folder: a lock that the supervisor holds.
 */

/* Waits a little for one that is ending; else says on stderr why not. */
bool
instance_take(const char *state, int *ret_fd);

/* Whether the lock `fd` is that of this state folder. */
bool
instance_is(int fd, const char *state);
