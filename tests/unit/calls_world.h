#pragma once

#include "tests/unit/world.h"

/*
 * A world of four files for tests in which calls fail, and copies of its state
 * to begin with: how an operation finds it does not depend on what the one
 * before it did.
 */
enum { CALLS_FILES = 4 };

#define STATE_EMPTY "empty"   /* the tree is there */
#define STATE_KILLED "killed" /* all files, left by a kill after a commit */
#define STATE_SOUND "sound"   /* all files, closed in order */
#define STATE_LITTER "litter" /* with all that there is to sweep */

void
calls_world_begin(struct world *world)
    THREAD_ATTRIBUTE(assert_capability(role_worker));

/* Opens; `told` says whether a refusal had a message. */
enum outcome
state_open(struct world *world, enum store_open how, bool *told);

void
state_close(struct world *world);

/* The state is that copy, open or closed. */
void
state_set(struct world *world, const char *copy, bool opened);

/* A folder becomes what another is. */
void
copy_state(const struct world *world, const char *from, const char *to);

/* Every file that came out is what went in; how many there are. */
size_t
count_exported(const struct world *world);

/* The store holds all files, as they were read, and no other. */
void
assert_whole(struct world *world) ON_WORKER;

struct calls_operation {
	const char *name;
	void (*ready)(struct world *world);
	enum outcome (*run)(struct world *world); /* with a call that fails */
	void (*judge)(struct world *world, enum outcome outcome);
	enum outcome expected; /* when nothing fails */
	bool easily_stopped;   /* interruptions are errors to LMDB's copying */
};

extern const struct calls_operation calls_operations[];
extern const size_t calls_operation_count;
