#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"
#include "server/base/outcome.h"
#include "store/engine.h"

/* The state folder before an engine is open in it. */

/*
 * A process of root becomes the owner of the folder (effective ids), so that
 * it leaves no file that the service cannot read. Nothing when the folder is
 * missing or is root's.
 */
enum outcome
layout_act_as_owner(const char *path, struct buffer *message) MUST_CHECK;

/* The folders of a state, mode 0700; those that are there stay. */
enum outcome
layout_create(const char *path, struct buffer *message) MUST_CHECK;

bool
layout_exists(const char *path);

/*
 * Opens the engine and reads its corners in a child process: a page that is
 * missing or broken there ends the child and not its caller. `message` then.
 */
enum outcome
layout_probe(const struct engine_row *row, const struct engine_options *options,
    struct buffer *message) MUST_CHECK;
