#pragma once

#include "server/base/thread.h"
#include "store/store.h"

/*
 * A store in a folder of its own for a unit test, made below TMPDIR or /tmp
 * and removed with everything in it. Call from within a cmocka test.
 */
struct state {
	char folder[96]; /* holds state/ */
	struct conf *conf;
	struct store *store;
};

/* With the engine of that name, by STORE_CREATE; the caller is a worker. */
void
state_begin(struct state *state, const char *engine)
    THREAD_ATTRIBUTE(assert_capability(role_worker));

/* Closes and opens again by STORE_USE. */
void
state_reopen(struct state *state);

/* Closes, removes, and frees. */
void
state_end(struct state *state);

/* `folder`/`name` in a static buffer. */
const char *
state_path(const struct state *state, const char *name);

/* Removes a folder and what is in it. */
void
remove_tree(const char *path);

/* All bytes of a small file are replaced. */
void
write_whole(const char *path, const void *bytes, size_t len);
