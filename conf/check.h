#pragma once

#include <stdbool.h>

#include "conf/conf.h"
#include "server/base/buffer.h"

/* Where a row was set; one for each of directives[]. */
struct place {
	char *file; /* owned; NULL: not set in any file */
	int line;
	bool complete; /* LIST: its closing brace was seen */
	bool doubled;  /* and said so */
};

/*
 * What no single row can know. False when something does not fit together;
 * `message` has got a line for each such thing, which names the place of a
 * row, or `file` when that row has its default.
 */
bool
check_together(const struct conf *conf, const struct place *place,
    const char *file, struct buffer *message);
