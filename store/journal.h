#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/outcome.h"
#include "server/base/text.h"

/*
 * The journal of an engine: what each transaction wrote, one record a
 * transaction, appended and synced before the engine's own commit, which then
 * needs no sync of its own. A record that was not synced was not answered.
 *
 * Records have consecutive numbers, those of the engine's transactions, and
 * lie in two files that take turns: while a checkpoint brings the state to the
 * disk, the records after it go to the other file; when it has, those before
 * it are no more needed. A chain of records begins at a place that a
 * checkpoint names, goes on in that file, and then at the start of the other.
 * What follows a chain (a torn record, records of former turns) is told from
 * it by number, nonce and checksum. Files are filled with zeros ahead of use,
 * so that a sync has no size to write.
 *
 *   record: magic u32, payload length u32, number u64, nonce u64,
 *           checksum u64 (XXH3 of the payload, seeded by number and nonce)
 *   payload: put    u8 1, key text16, value text32
 *            remove u8 2, key text16
 *
 * Threads: one at a time, who holds the engine's write transaction; but
 * journal_sync_both() may run beside the rest.
 */
struct journal_place {
	uint32_t file; /* 0 or 1 */
	uint64_t offset;
};

enum { JOURNAL_FILES = 2, JOURNAL_HEAD = 32 };

struct journal {
	int fd[JOURNAL_FILES];
	uint64_t size[JOURNAL_FILES]; /* filled so far */
	struct journal_place tail;    /* where the next record goes */
	uint64_t number;              /* of the last record */
	uint64_t nonce;
	struct buffer record; /* of the transaction at work */
};

/* `folder`: an open folder. Creates what is missing. */
enum outcome
journal_open(struct journal *journal, int folder) MUST_CHECK;

void
journal_close(struct journal *journal);

/* From here on records go to `place`, the first one after `number`. */
void
journal_stand(struct journal *journal, struct journal_place place,
    uint64_t number, uint64_t nonce);

/* A transaction begins: what was noted for another is forgotten. */
void
journal_begin(struct journal *journal);

void
journal_note_put(struct journal *journal, struct text key, struct text value);

void
journal_note_remove(struct journal *journal, struct text key);

/*
 * Writes what was noted as the next record; `sync`: OK only when it is on the
 * disk. NO_SPACE, IO, TOO_LARGE: the journal stands where it stood.
 */
enum outcome
journal_append(struct journal *journal, bool sync) MUST_CHECK;

/* Syncs both files: any thread. */
enum outcome
journal_sync_both(const struct journal *journal) MUST_CHECK;

/*
 * Reads the record of `number` at *place, or else at the start of the other
 * file. *ret_payload is borrowed until the next call. OK moves *place behind
 * it. NOT_FOUND: the chain ends here. IO.
 */
enum outcome
journal_read(struct journal *journal, struct journal_place *place,
    uint64_t number, struct text *ret_payload) MUST_CHECK;

/* A file that no chain needs gives back what it has beyond `keep` bytes. */
void
journal_trim(struct journal *journal, uint32_t file, uint64_t keep);

struct journal_entry {
	bool remove;
	struct text key, value;
};

/* One entry from the front of a payload; NOT_FOUND at its end, DAMAGED. */
enum outcome
journal_next(struct text *payload, struct journal_entry *ret_entry) MUST_CHECK;
