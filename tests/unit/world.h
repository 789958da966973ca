#pragma once

#include "store/history.h"
#include "store/maintain.h"
#include "tests/unit/state.h"

/*
 * A store on LMDB with one tree, a real folder to import, and a report: for
 * the tests of maintenance.
 */
struct world {
	struct state state;
	node_id root;
	struct tree_actor actor;
	char source[128], out[128];
	char last[1200]; /* the newest finding */
	bool loud;
	struct maintain maintain;
};

enum { WORLD_FILES = 606, WORLD_FOLDERS = 4, WORLD_SKIPPED = 3 };

void
world_begin(struct world *world)
    THREAD_ATTRIBUTE(assert_capability(role_worker));

/* The same without a source. */
void
world_begin_bare(struct world *world)
    THREAD_ATTRIBUTE(assert_capability(role_worker));

void
world_end(struct world *world);

/* An empty report; `loud` prints findings, where none is expected. */
void
report_begin(struct world *world, bool loud);

long long
number(const struct world *world, const char *name);

/* Runs a command that must not fail; %s are the two texts. */
void
shell(const char *format, const char *a, const char *b);

/* Imports the source, or exports to `out`. */
enum outcome
transfer(struct world *world, bool in) ON_WORKER;

/* verify and scrub find nothing. */
void
assert_verified(struct world *world) ON_WORKER;

/* Removes from the source what no store takes. */
void
clean_source(struct world *world);

blob_id
find_content(struct world *world, bool in_engine);

/* In a static buffer. */
const char *
content_path(struct world *world, blob_id id);
