#pragma once

#include "server/base/buffer.h"
#include "store/blob.h"
#include "store/maintain.h"
#include "store/tree.h"

/*
 * Nodes on their way into a store, many in one commit. Entries come parents
 * first; a batch that fails as a whole is run again entry by entry, and what
 * is refused then is named and counted, while the others go in.
 */
enum batch_what { BATCH_FOLDER, BATCH_FILE, BATCH_TIMES };

struct batch_entry {
	enum batch_what what;
	char *path; /* owned: below the root, decoded */
	uint64_t modified_ns;
	struct blob_ref blob;       /* FILE; its bytes are owned */
	struct blob_writer *writer; /* FILE, owned; NULL when inline */
	char media[128];            /* FILE */
	enum outcome outcome;
};

enum { BATCH_ENTRIES = 256, BATCH_WRITERS = 64, BATCH_BYTES = 4 << 20 };

struct batch {
	struct store *store;       /* borrowed */
	struct maintain *maintain; /* borrowed */
	node_id root;
	struct tree_actor *actor; /* borrowed */
	struct batch_entry entry[BATCH_ENTRIES];
	size_t count, writers, bytes;
	uint64_t files, folders, skipped; /* totals; skipped by anybody */
};

/* A free entry; there is one after batch_flush(). */
struct batch_entry *
batch_add(struct batch *batch, enum batch_what what, const char *path,
    uint64_t modified_ns);

bool
batch_is_full(const struct batch *batch);

/* NO_SPACE, IO and the like end an import; refusals of entries do not. */
enum outcome
batch_flush(struct batch *batch) ON_WORKER MUST_CHECK;

/* Frees what was not written. */
void
batch_done(struct batch *batch) ON_WORKER;
