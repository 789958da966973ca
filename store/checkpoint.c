#include "store/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/base/codec.h"
#include "store/disk.h"
#include "store/scopes.h"

enum {
	SLOT_HEAD = 4096,
	SLOT_SIZE = SLOT_HEAD + CHECKPOINT_PAGES_MAX,
	FILE_SIZE = 2 * SLOT_SIZE,
	VERSION = 1
};

static const uint64_t magic = UINT64_C(0x7470656b68637663); /* "cvhkept" */

static enum outcome
fill(int fd)
{
	static const char zeros[SLOT_HEAD];
	enum outcome outcome = OK;

	for (off_t at = 0; outcome == OK && at < FILE_SIZE; at += SLOT_HEAD)
		outcome = disk_write(fd, (struct text){ zeros, SLOT_HEAD }, at);
	if (outcome == OK && TEMP_FAILURE_RETRY(fsync(fd)) != 0)
		outcome = disk_outcome(errno);
	return outcome;
}

enum outcome
checkpoint_open(int folder, int *ret_fd)
{
	int fd = (int)TEMP_FAILURE_RETRY(openat(folder, "checkpoint",
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
	struct stat status;
	enum outcome outcome = OK;

	if (fd < 0 || fstat(fd, &status) != 0) {
		int error = errno;

		fd_close(fd);
		return disk_outcome(error);
	}
	if (status.st_size < FILE_SIZE)
		outcome = fill(fd);
	if (outcome != OK) {
		fd_close(fd);
		return outcome;
	}
	*ret_fd = fd;
	return OK;
}

static struct text
slot_head(struct buffer *out, const struct checkpoint *checkpoint)
{
	XXH64_hash_t sum;

	writer_u64(out, magic);
	writer_u8(out, VERSION);
	writer_u8(out, checkpoint->relaxed);
	writer_u64(out, checkpoint->generation);
	writer_u64(out, checkpoint->txn);
	writer_u64(out, checkpoint->nonce);
	writer_u32(out, checkpoint->place.file);
	writer_u64(out, checkpoint->place.offset);
	writer_u32(out, (uint32_t)checkpoint->pages.len);
	sum = XXH3_64bits(out->ptr, out->len);
	writer_u64(out,
	    XXH3_64bits_withSeed(checkpoint->pages.ptr, checkpoint->pages.len,
		sum));
	return buffer_text(out);
}

enum outcome
checkpoint_write(int fd, const struct checkpoint *checkpoint)
{
	SCOPED(buffer) struct buffer head = { 0 };
	off_t slot = (off_t)(checkpoint->generation & 1) * SLOT_SIZE;
	enum outcome outcome;

	if (checkpoint->pages.len > CHECKPOINT_PAGES_MAX)
		return TOO_LARGE;
	outcome = disk_write(fd, buffer_text(&checkpoint->pages),
	    slot + SLOT_HEAD);
	if (outcome == OK)
		outcome = disk_write(fd, slot_head(&head, checkpoint), slot);
	return outcome == OK ? disk_sync(fd) : outcome;
}

/* The fields of a slot; false when they are none. */
static bool
slot_parse(struct text bytes, struct checkpoint *checkpoint, size_t *ret_pages,
    size_t *ret_summed)
{
	struct reader reader = reader_from(bytes);
	bool known = reader_u64(&reader) == magic;

	known = reader_u8(&reader) == VERSION && known;
	checkpoint->relaxed = reader_u8(&reader) != 0;
	checkpoint->generation = reader_u64(&reader);
	checkpoint->txn = reader_u64(&reader);
	checkpoint->nonce = reader_u64(&reader);
	checkpoint->place.file = reader_u32(&reader);
	checkpoint->place.offset = reader_u64(&reader);
	*ret_pages = reader_u32(&reader);
	*ret_summed = bytes.len - reader.rest.len;
	return known && !reader.failed &&
	    checkpoint->place.file < JOURNAL_FILES &&
	    *ret_pages <= CHECKPOINT_PAGES_MAX;
}

/* NOT_FOUND: never written; DAMAGED: not, or no more, what was written. */
static enum outcome
slot_read(int fd, off_t slot, struct checkpoint *ret_checkpoint)
{
	char head[SLOT_HEAD], *pages;
	size_t len, summed;
	struct reader sum;
	uint64_t seed;

	if (disk_read(fd, head, sizeof(head), slot) != OK)
		return IO;
	if (head[0] == 0)
		return NOT_FOUND;
	if (!slot_parse((struct text){ head, sizeof(head) }, ret_checkpoint,
		&len, &summed))
		return DAMAGED;
	buffer_clear(&ret_checkpoint->pages);
	pages = buffer_room(&ret_checkpoint->pages, len + 1);
	if (disk_read(fd, pages, len, slot + SLOT_HEAD) != OK)
		return IO;
	buffer_added(&ret_checkpoint->pages, len);
	seed = XXH3_64bits(head, summed);
	sum = reader_from((struct text){ head + summed, 8 });
	return XXH3_64bits_withSeed(pages, len, seed) == reader_u64(&sum) ?
	    OK :
	    DAMAGED;
}

enum outcome
checkpoint_read(int fd, struct checkpoint *ret_checkpoint)
{
	struct checkpoint other = { 0 };
	enum outcome first = slot_read(fd, 0, ret_checkpoint);
	enum outcome second = slot_read(fd, SLOT_SIZE, &other);

	if (second == OK &&
	    (first != OK || other.generation > ret_checkpoint->generation)) {
		checkpoint_done(ret_checkpoint);
		*ret_checkpoint = other;
		return OK;
	}
	checkpoint_done(&other);
	if (first == OK)
		return OK;
	if (first == IO || second == IO)
		return IO;
	/*
	 * The very first one may have been torn: nothing relies on it then.
	 * Generation 1 goes to the second slot.
	 */
	return first == NOT_FOUND ? NOT_FOUND : DAMAGED;
}

void
checkpoint_done(struct checkpoint *checkpoint)
{
	buffer_done(&checkpoint->pages);
	*checkpoint = (struct checkpoint){ 0 };
}
