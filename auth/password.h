#pragma once

#include "server/base/arena.h"
#include "server/base/outcome.h"
#include "server/base/secret.h"
#include "server/base/thread.h"

/* argon2id by libsodium, t=2, m=19 MiB (components.md 2), PHC strings. */
enum outcome
password_hash(struct arena *arena, struct secret password, struct text *ret_phc)
    ON_WORKER MUST_CHECK;

/* UNAUTHENTICATED when wrong. An empty `phc` costs the same and is wrong. */
enum outcome
password_verify(struct text phc, struct secret password) ON_WORKER MUST_CHECK;

/* The parameters are not today's: hash again after a good verify. */
bool
password_outdated(struct text phc);
