#pragma once

#include "server/server.h"

/*
 * Background care of the store while it serves: a thread of its own that does
 * one bounded round after another, with a rest between them, so that it never
 * holds the committer for long.
 */
struct tidy;

enum outcome
tidy_start(struct server *server, struct tidy **ret_tidy) MUST_CHECK;

/* NULL is allowed. */
void
tidy_stop(struct tidy *tidy);
