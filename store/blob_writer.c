#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/base/memory.h"
#include "server/base/scope.h"
#include "store/blobs.h"

/*
 * Writes one content: staged, then durable under its final name before
 * anybody may name it (order R0: write, fdatasync, rename, fsync of the
 * folder). Small pieces are gathered; what was written is handed to the disk
 * behind the cursor, so that the sync at the end is short. After an error of
 * the disk the file is given up and never synced again: a second fsync may
 * say OK for pages that were dropped.
 */
enum { GATHER_SIZE = 256 * 1024, BEHIND_SIZE = 8 * 1024 * 1024 };

struct blob_writer {
	struct blob_store *blobs; /* borrowed */
	blob_id id;
	int fd;                   /* with a lock while it lives */
	uint64_t size;            /* given so far */
	uint64_t written, handed; /* in the file; of that, to the disk */
	XXH3_state_t *hash;       /* owned */
	char *gathered;           /* owned; GATHER_SIZE */
	size_t gathered_len;
	enum outcome failed;
	bool finished; /* it has its final name */
};

static void
staging_name(blob_id id, char ret_name[BLOB_NAME_SIZE])
{
	snprintf(ret_name, BLOB_NAME_SIZE, "%016llx", (unsigned long long)id);
}

/*
 * The sweep may meet the new file before its lock: it then unlinks it, which
 * shows in the lock or in the number of links.
 */
static int
open_locked(struct blob_store *blobs, const char *name)
{
	for (int attempt = 0; attempt < 8; attempt++) {
		int fd = (int)TEMP_FAILURE_RETRY(openat(blobs->staging, name,
		    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
		struct stat status;

		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    fstat(fd, &status) == 0 && status.st_nlink == 1)
			return fd;
		close(fd);
		(void)unlinkat(blobs->staging, name, 0); /* ours or gone */
	}
	errno = EBUSY;
	return -1;
}

enum outcome
blob_writer_open(struct store *store, struct blob_writer **ret_writer)
{
	struct blob_writer *writer;
	char name[BLOB_NAME_SIZE];
	blob_id id = store_next_id(store);
	int fd;

	staging_name(id, name);
	fd = open_locked(store->blobs, name);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == EBUSY ?
		    BUSY :
		    blob_outcome(errno);
	writer = memory_alloc(sizeof(*writer));
	writer->blobs = store->blobs;
	writer->id = id;
	writer->fd = fd;
	writer->hash = memory_need(XXH3_createState());
	writer->gathered = memory_alloc(GATHER_SIZE);
	/* It refuses nothing but a state that is not there. */
	(void)XXH3_128bits_reset(writer->hash);
	*ret_writer = writer;
	return OK;
}

/* Not waited for, and its errors come again from fdatasync. */
static void
hand_to_disk(struct blob_writer *writer)
{
	if (writer->written - writer->handed < BEHIND_SIZE)
		return;
	(void)sync_file_range(writer->fd, (off64_t)writer->handed,
	    (off64_t)(writer->written - writer->handed), SYNC_FILE_RANGE_WRITE);
	writer->handed = writer->written;
}

static enum outcome
write_out(struct blob_writer *writer, struct text bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(writer->fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			writer->failed = n < 0 ? blob_outcome(errno) : IO;
			return writer->failed;
		}
		writer->written += (uint64_t)n;
		bytes = text_slice(bytes, (size_t)n, bytes.len);
	}
	hand_to_disk(writer);
	return OK;
}

static enum outcome
write_gathered(struct blob_writer *writer)
{
	struct text bytes = { writer->gathered, writer->gathered_len };

	writer->gathered_len = 0;
	return write_out(writer, bytes);
}

enum outcome
blob_writer_write(struct blob_writer *writer, struct text bytes)
{
	if (writer->failed != OK)
		return writer->failed;
	if (bytes.len == 0)
		return OK;
	if (XXH3_128bits_update(writer->hash, bytes.ptr, bytes.len) != XXH_OK)
		return BUG;
	writer->size += bytes.len;
	while (bytes.len > 0) {
		size_t room = GATHER_SIZE - writer->gathered_len;
		size_t part = bytes.len < room ? bytes.len : room;
		enum outcome outcome = OK;

		if (writer->gathered_len == 0 && bytes.len >= GATHER_SIZE)
			return write_out(writer, bytes);
		memcpy(writer->gathered + writer->gathered_len, bytes.ptr,
		    part);
		writer->gathered_len += part;
		bytes = text_slice(bytes, part, bytes.len);
		if (writer->gathered_len == GATHER_SIZE)
			outcome = write_gathered(writer);
		if (outcome != OK)
			return outcome;
	}
	return OK;
}

/* The folder of a name, made durable itself when it is new. */
static int
open_folder(struct blob_store *blobs, const char *name)
{
	char folder[3] = { name[0], name[1], '\0' };
	int fd = (int)TEMP_FAILURE_RETRY(openat(blobs->blobs, folder,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(blobs->blobs, folder, 0700) != 0 && errno != EEXIST)
		return -1;
	if (TEMP_FAILURE_RETRY(fsync(blobs->blobs)) != 0)
		return -1;
	return (int)TEMP_FAILURE_RETRY(openat(blobs->blobs, folder,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static enum outcome
publish(struct blob_writer *writer)
{
	char staged[BLOB_NAME_SIZE], name[BLOB_NAME_SIZE];
	SCOPED(fd) int folder = -1;

	if (TEMP_FAILURE_RETRY(fdatasync(writer->fd)) != 0)
		return blob_outcome(errno);
	staging_name(writer->id, staged);
	blob_name(writer->id, name);
	folder = open_folder(writer->blobs, name);
	if (folder < 0 ||
	    renameat(writer->blobs->staging, staged, folder, name + 3) != 0)
		return blob_outcome(errno);
	writer->finished = true;
	if (TEMP_FAILURE_RETRY(fsync(folder)) != 0)
		return blob_outcome(errno);
	return OK;
}

enum outcome
blob_writer_finish(struct blob_writer *writer, struct blob_ref *ret_ref)
{
	XXH128_hash_t hash;
	enum outcome outcome = writer->failed;

	if (outcome == OK)
		outcome = write_gathered(writer);
	if (outcome != OK)
		return outcome;
	hash = XXH3_128bits_digest(writer->hash);
	if (writer->size > 0)
		outcome = publish(writer);
	if (outcome != OK) {
		writer->failed = outcome;
		return outcome;
	}
	*ret_ref = (struct blob_ref){ .id = writer->size > 0 ? writer->id : 0,
		.size = writer->size,
		.sum = { hash.low64, hash.high64 } };
	return OK;
}

void
blob_writer_close(struct blob_writer *writer, bool keep)
{
	char name[BLOB_NAME_SIZE];

	if (writer == NULL)
		return;
	if (!writer->finished) {
		staging_name(writer->id, name);
		(void)unlinkat(writer->blobs->staging, name, 0);
	} else if (!keep || writer->failed != OK) {
		/* What stays after an error here, gc collects. */
		blob_name(writer->id, name);
		(void)unlinkat(writer->blobs->blobs, name, 0);
	}
	close(writer->fd);
	XXH3_freeState(writer->hash);
	free(writer->gathered);
	free(writer);
}
