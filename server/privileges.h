#pragma once

#include <stdbool.h>

/*
 * A process that was started by root becomes the owner of the state folder,
 * for good. True as well when there is nothing to do. Errors are logged.
 */
bool
privileges_drop(const char *state);

/* As many descriptors as the system lets us have. */
void
descriptors_raise(void);

/*
 * The process ends with its parent, however that ends. After
 * privileges_drop(): a change of user forgets it. False: too late already.
 */
bool
parent_watch(void);
