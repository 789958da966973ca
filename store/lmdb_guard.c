#include "store/lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/base/scope.h"
#include "store/disk.h"

/*
 * The files beside data.mdb. The first bytes of `guard` are locked, one for
 * each meaning, by open file description, so that threads of a process do not
 * unlock each other and a crash lets go. Behind them it tells the processes
 * where the journal's tail is; that is never synced, for who comes alone asks
 * the checkpoint. `suspect` is there or not.
 */
static const char suspect_name[] = "suspect";

enum { TAIL_AT = 64 };

struct tail {
	uint64_t number, nonce, offset;
	uint32_t file, zero;
	uint64_t checksum; /* of what is before it */
};

static enum outcome
open_in(int folder, const char *name, int *ret_fd)
{
	int fd = (int)TEMP_FAILURE_RETRY(openat(folder, name,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));

	if (fd < 0)
		return disk_outcome(errno);
	*ret_fd = fd;
	return OK;
}

enum outcome
lmdb_files_open(struct lmdb *db)
{
	enum outcome outcome;

	db->folder = (int)TEMP_FAILURE_RETRY(open(db->path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (db->folder < 0)
		return errno == ENOENT ? NOT_FOUND : disk_outcome(errno);
	outcome = open_in(db->folder, "guard", &db->guard);
	if (outcome == OK)
		outcome = checkpoint_open(db->folder, &db->checkpoint);
	if (outcome == OK)
		outcome = journal_open(&db->journal, db->folder);
	if (outcome == OK && faccessat(db->folder, suspect_name, F_OK, 0) == 0)
		atomic_store(&db->suspect, true);
	return outcome;
}

void
lmdb_files_close(struct lmdb *db)
{
	journal_close(&db->journal);
	fd_close(db->checkpoint);
	fd_close(db->guard);
	fd_close(db->folder);
}

static enum outcome
lock(struct lmdb *db, enum lmdb_guard guard, short type, int how)
{
	struct flock range = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = guard,
		.l_len = 1 };

	if (TEMP_FAILURE_RETRY(fcntl(db->guard, how, &range)) == 0)
		return OK;
	return errno == EAGAIN || errno == EACCES ? BUSY : IO;
}

enum outcome
lmdb_guard_take(struct lmdb *db, enum lmdb_guard guard, bool wait)
{
	return lock(db, guard, F_WRLCK, wait ? F_OFD_SETLKW : F_OFD_SETLK);
}

enum outcome
lmdb_guard_share(struct lmdb *db, enum lmdb_guard guard)
{
	return lock(db, guard, F_RDLCK, F_OFD_SETLKW);
}

void
lmdb_guard_drop(struct lmdb *db, enum lmdb_guard guard)
{
	(void)(lock(db, guard, F_UNLCK, F_OFD_SETLK) == OK);
}

static uint64_t
tail_checksum(const struct tail *tail)
{
	return XXH3_64bits(tail, offsetof(struct tail, checksum));
}

enum outcome
lmdb_tail_read(struct lmdb *db, uint64_t number)
{
	struct tail tail;

	if (disk_read(db->guard, (char *)&tail, sizeof(tail), TAIL_AT) != OK ||
	    tail.checksum != tail_checksum(&tail) ||
	    tail.file >= JOURNAL_FILES || tail.number != number)
		return NOT_FOUND;
	journal_stand(&db->journal,
	    (struct journal_place){ tail.file, tail.offset }, number,
	    tail.nonce);
	return OK;
}

enum outcome
lmdb_tail_write(struct lmdb *db)
{
	const struct journal *journal = &db->journal;
	struct tail tail = { .number = journal->number,
		.nonce = journal->nonce,
		.offset = journal->tail.offset,
		.file = journal->tail.file };

	tail.checksum = tail_checksum(&tail);
	return disk_write(db->guard,
	    (struct text){ (const char *)&tail, sizeof(tail) }, TAIL_AT);
}

void
lmdb_tail_forget(struct lmdb *db)
{
	static const struct tail none;

	/* Written over and not cut off: the next tail needs no space then. */
	if (disk_write(db->guard,
		(struct text){ (const char *)&none, sizeof(none) },
		TAIL_AT) != OK)
		(void)(ftruncate(db->guard, 0) == 0);
}

void
lmdb_suspect(struct lmdb *db)
{
	int fd = -1;

	atomic_store(&db->suspect, true);
	/* Another process would believe its own sync otherwise. */
	if (open_in(db->folder, suspect_name, &fd) == OK)
		fd_close(fd);
}
