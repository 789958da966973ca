#pragma once

#include "server/command.h"

/*
 * The configuration that init and restore write: every directive with its
 * sentence of help, as a comment where it has its default.
 */
struct sample {
	const char *listen;     /* NULL: the default */
	const char *public_url; /* NULL: made from listen */
};

/* Makes DIR/celldav.conf; refuses one that exists. Says why not. */
int
sample_write(struct arena *arena, const char *dir, const struct sample *sample);

/* Is what the user chose well-formed? Says why not. */
int
sample_check(const struct sample *sample);
