#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/outcome.h"
#include "store/journal.h"

/*
 * A checkpoint says: transaction `txn` and all before it are on the disk, and
 * the records after it begin at `place`. It holds the first pages of the
 * engine's file, which say where everything else is, as they were then; pages
 * that the state of `txn` consists of are not written again before the next
 * checkpoint. So after a failure of power those first pages are put back,
 * whatever else of the file had reached the disk, and the journal does the
 * rest.
 *
 * The file has two slots, written in turn and never both at once; one that was
 * torn is told by its checksum, and the other one holds. Writing needs no
 * space: the file has its size from the beginning.
 */
struct checkpoint {
	uint64_t generation; /* of this file, from 1 */
	uint64_t txn;
	uint64_t nonce;
	struct journal_place place;
	bool relaxed;        /* records after it may be lost */
	struct buffer pages; /* owned */
};

enum { CHECKPOINT_PAGES_MAX = 2 * 65536 };

/* `folder`: an open folder. Creates what is missing, with its size. */
enum outcome
checkpoint_open(int folder, int *ret_fd) MUST_CHECK;

/*
 * The newest one. NOT_FOUND when none was ever written; DAMAGED when there is
 * none to believe. *ret_checkpoint is to be emptied before and after.
 */
enum outcome
checkpoint_read(int fd, struct checkpoint *ret_checkpoint) MUST_CHECK;

/* OK when it is on the disk. After IO the slot may hold anything. */
enum outcome
checkpoint_write(int fd, const struct checkpoint *checkpoint) MUST_CHECK;

void
checkpoint_done(struct checkpoint *checkpoint);
