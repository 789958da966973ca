#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/outcome.h"
#include "server/base/text.h"

/*
 * An engine is an ordered, transactional table of keys and values: bytes,
 * compared like memcmp. All logic of the store is written once above it. An
 * engine is added by one file and one row in engines.c, and must pass the
 * conformance suite (tests/unit/engine_test.c), which runs every row.
 *
 * Threads: any number of read transactions at once, each used by one thread at
 * a time; one write transaction at a time (begin waits for the other, in this
 * process or another). A read transaction sees one committed state for as long
 * as it lives. Texts that get and cursors return are borrowed: in a read
 * transaction until it ends, in a write transaction until the next write.
 *
 * Keys have 1 to ENGINE_KEY_MAX bytes. Outcomes: NO_SPACE when the disk or the
 * map is full, IO when the disk fails, DAMAGED when the engine finds its own
 * structure broken.
 */
enum { ENGINE_KEY_MAX = 511 };

struct engine_options {
	const char *path;  /* an existing folder of the engine's own */
	uint64_t map_size; /* most bytes that it may ever hold */
	bool relaxed;      /* commits reach the disk within a second */
	bool read_only;
};

struct engine { /* embedded first in the engine's own struct */
	const struct engine_row *row;
	_Atomic uint64_t reopened; /* grows with each engine_reopen() */
};

struct txn { /* embedded first in the engine's own struct */
	struct engine *engine;
	bool writable;
	uint64_t writes; /* puts and deletes so far: a refused change has none */
};

struct cursor { /* embedded first in the engine's own struct */
	struct txn *txn;
	struct text key, value; /* where it stands */
};

struct engine_stats {
	uint64_t entries, used_bytes, file_bytes, map_bytes;
	uint64_t readers, oldest_reader_lag; /* commits behind */
};

struct engine_row {
	const char *name;
	bool durable;

	/* Expected to create what is missing. `message`: one sentence. */
	enum outcome (*open)(const struct engine_options *options,
	    struct buffer *message, struct engine **ret_engine);
	/* Expected to be called with no transaction alive. */
	void (*close)(struct engine *engine);

	enum outcome (*begin)(struct engine *engine, bool writable,
	    struct txn **ret_txn);
	/* OK only when the writes are on disk (unless relaxed). Ends txn. */
	enum outcome (*commit)(struct txn *txn);
	/* Ends txn, nothing of it stays. */
	void (*abort)(struct txn *txn);

	/* NOT_FOUND leaves *ret_value alone. */
	enum outcome (*get)(struct txn *txn, struct text key,
	    struct text *ret_value);
	/* Replaces what was there. */
	enum outcome (*put)(struct txn *txn, struct text key,
	    struct text value);
	/* NOT_FOUND when there was nothing. */
	enum outcome (*remove)(struct txn *txn, struct text key);

	enum outcome (*cursor_open)(struct txn *txn,
	    struct cursor **ret_cursor);
	/* To the first key >= `key`; NOT_FOUND past the end. */
	enum outcome (*cursor_seek)(struct cursor *cursor, struct text key);
	enum outcome (*cursor_next)(struct cursor *cursor);
	/* To the last key < `key`; NOT_FOUND before the beginning. */
	enum outcome (*cursor_before)(struct cursor *cursor, struct text key);
	void (*cursor_close)(struct cursor *cursor);

	/*
	 * Raises the engine's own limit of size a little, so that a change
	 * which frees space can be written when the limit is reached. Called
	 * with no write transaction of this process alive. NO_SPACE when it
	 * was raised often enough, BUSY when readers did not end in time.
	 */
	enum outcome (*make_room)(struct engine *engine);
	/*
	 * Closes and opens again after an IO error, under the same struct.
	 * Called like make_room; same outcomes as open, and BUSY.
	 */
	enum outcome (*reopen)(struct engine *engine);

	/* A consistent copy into an empty folder while others work. */
	enum outcome (*copy)(struct engine *engine, const char *folder);
	void (*stats)(struct engine *engine, struct engine_stats *ret_stats);
};

extern const struct engine_row *const engine_rows[];
extern const size_t engine_row_count;

/* NULL when no engine has that name. */
const struct engine_row *
engine_row_find(const char *name);

enum outcome
engine_make_room(struct engine *engine) MUST_CHECK;

enum outcome
engine_reopen(struct engine *engine) MUST_CHECK;

/*
 * Checked wrappers; nothing else calls through the row. A read transaction of
 * a thread is renewed cheaply: begin and abort cost well below a microsecond.
 */
enum outcome
txn_begin_read(struct engine *engine, struct txn **ret_txn) MUST_CHECK;

enum outcome
txn_begin_write(struct engine *engine, struct txn **ret_txn) MUST_CHECK;

enum outcome
txn_commit(struct txn *txn) MUST_CHECK;

/* NULL is allowed. */
void
txn_abort(struct txn *txn);

/*
 * Which committed state a read transaction sees: two with equal snapshots read
 * the same everywhere, whatever process has committed. `number` 0: not known,
 * and equal to none (no transaction, one that writes, an engine that does not
 * count).
 */
struct snapshot {
	uint64_t number, reopened;
};

struct snapshot
txn_snapshot(const struct txn *txn);

static inline bool
snapshot_equal(struct snapshot a, struct snapshot b)
{
	return a.number != 0 && a.number == b.number &&
	    a.reopened == b.reopened;
}

enum outcome
txn_get(struct txn *txn, struct text key, struct text *ret_value) MUST_CHECK;

enum outcome
txn_put(struct txn *txn, struct text key, struct text value) MUST_CHECK;

enum outcome
txn_remove(struct txn *txn, struct text key) MUST_CHECK;

enum outcome
cursor_open(struct txn *txn, struct cursor **ret_cursor) MUST_CHECK;

enum outcome
cursor_seek(struct cursor *cursor, struct text key) MUST_CHECK;

enum outcome
cursor_next(struct cursor *cursor) MUST_CHECK;

enum outcome
cursor_before(struct cursor *cursor, struct text key) MUST_CHECK;

/* NULL is allowed. Before the end of its transaction. */
void
cursor_close(struct cursor *cursor);
