#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/base/codec.h"
#include "store/disk.h"
#include "store/scopes.h"

static const char *const names[JOURNAL_FILES] = { "journal.0", "journal.1" };

enum { OP_PUT = 1, OP_REMOVE = 2, FILL_MIN = 1 << 18, FILL_MAX = 1 << 20 };

static const uint32_t magic = 0x6a647663; /* "cvdj" */
static const uint64_t record_max = UINT64_C(1) << 30;

struct head {
	uint32_t magic, length;
	uint64_t number, nonce, checksum;
};

_Static_assert(sizeof(struct head) == JOURNAL_HEAD, "a head has no holes");

/*
 * Zeros behind a record that grew its file to `end`. It is no failure when
 * there is no room for them: the next sync is slower, no more.
 */
static void
fill_ahead(struct journal *journal, uint32_t file, uint64_t end)
{
	static const char zeros[65536];
	uint64_t step = end / 2 < FILL_MIN ? FILL_MIN :
	    end / 2 > FILL_MAX             ? FILL_MAX :
					     end / 2;

	if (end > 0 && end <= journal->size[file])
		return;
	journal->size[file] = end;
	while (journal->size[file] < end + step) {
		struct text some = { zeros, sizeof(zeros) };

		if (disk_write(journal->fd[file], some,
			(off_t)journal->size[file]) != OK)
			return;
		journal->size[file] += some.len;
	}
}

enum outcome
journal_open(struct journal *journal, int folder)
{
	struct stat status;

	*journal = (struct journal){ .fd = { -1, -1 },
		.record = { .max = record_max } };
	for (uint32_t i = 0; i < JOURNAL_FILES; i++) {
		journal->fd[i] = (int)TEMP_FAILURE_RETRY(openat(folder,
		    names[i], O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
		if (journal->fd[i] < 0 || fstat(journal->fd[i], &status) != 0) {
			int error = errno;

			journal_close(journal);
			return disk_outcome(error);
		}
		journal->size[i] = (uint64_t)status.st_size;
		if (status.st_size == 0)
			fill_ahead(journal, i, 0);
	}
	return OK;
}

void
journal_close(struct journal *journal)
{
	for (int i = 0; i < JOURNAL_FILES; i++)
		fd_close(journal->fd[i]);
	buffer_done(&journal->record);
}

void
journal_stand(struct journal *journal, struct journal_place place,
    uint64_t number, uint64_t nonce)
{
	journal->tail = place;
	journal->number = number;
	journal->nonce = nonce;
}

void
journal_begin(struct journal *journal)
{
	char *head;

	buffer_clear(&journal->record);
	head = buffer_room(&journal->record, JOURNAL_HEAD);
	memset(head, 0, JOURNAL_HEAD);
	buffer_added(&journal->record, JOURNAL_HEAD);
}

void
journal_note_put(struct journal *journal, struct text key, struct text value)
{
	writer_u8(&journal->record, OP_PUT);
	writer_text16(&journal->record, key);
	writer_text32(&journal->record, value);
}

void
journal_note_remove(struct journal *journal, struct text key)
{
	writer_u8(&journal->record, OP_REMOVE);
	writer_text16(&journal->record, key);
}

static uint64_t
checksum(const char *payload, size_t len, uint64_t number, uint64_t nonce)
{
	/* The odd factor keeps number and nonce from cancelling out. */
	return XXH3_64bits_withSeed(payload, len,
	    number * UINT64_C(0x9e3779b97f4a7c15) ^ nonce);
}

enum outcome
journal_sync_both(const struct journal *journal)
{
	enum outcome first = disk_sync(journal->fd[0]);
	enum outcome second = disk_sync(journal->fd[1]);

	return first != OK ? first : second;
}

/*
 * A record whose transaction is refused must not come back at a recovery: it
 * is unmade, as well as the disk lets it.
 */
static void
take_back(const struct journal *journal)
{
	static const char zeros[JOURNAL_HEAD];
	int fd = journal->fd[journal->tail.file];

	if (disk_write(fd, (struct text){ zeros, sizeof(zeros) },
		(off_t)journal->tail.offset) == OK)
		(void)(disk_sync(fd) == OK);
}

enum outcome
journal_append(struct journal *journal, bool sync)
{
	struct text record = buffer_text(&journal->record);
	struct journal_place at = journal->tail;
	struct head head = { .magic = magic,
		.number = journal->number + 1,
		.nonce = journal->nonce };
	enum outcome outcome;

	if (journal->record.overflow || record.len > record_max)
		return TOO_LARGE;
	head.length = (uint32_t)(record.len - JOURNAL_HEAD);
	head.checksum = checksum(record.ptr + JOURNAL_HEAD, head.length,
	    head.number, head.nonce);
	memcpy(journal->record.ptr, &head, sizeof(head));
	outcome = disk_write(journal->fd[at.file], record, (off_t)at.offset);
	if (outcome == OK)
		fill_ahead(journal, at.file, at.offset + record.len);
	if (outcome == OK && sync)
		outcome = disk_sync(journal->fd[at.file]);
	if (outcome != OK) {
		take_back(journal);
		return outcome;
	}
	journal->tail.offset += record.len;
	journal->number++;
	return OK;
}

static enum outcome
read_record(struct journal *journal, struct journal_place place,
    uint64_t number, struct text *ret_payload)
{
	int fd = journal->fd[place.file];
	struct head head;
	struct stat status;
	char *bytes;
	enum outcome outcome = disk_read(fd, (char *)&head, sizeof(head),
	    (off_t)place.offset);

	if (outcome != OK)
		return outcome;
	if (head.magic != magic || head.number != number ||
	    head.nonce != journal->nonce || head.length > record_max)
		return NOT_FOUND;
	/* A length that was torn must not take memory for it. */
	if (fstat(fd, &status) != 0)
		return IO;
	if (place.offset + JOURNAL_HEAD + head.length >
	    (uint64_t)status.st_size)
		return NOT_FOUND;
	buffer_clear(&journal->record);
	bytes = buffer_room(&journal->record, head.length);
	outcome = disk_read(fd, bytes, head.length,
	    (off_t)place.offset + JOURNAL_HEAD);
	if (outcome != OK)
		return outcome;
	if (checksum(bytes, head.length, number, head.nonce) != head.checksum)
		return NOT_FOUND;
	*ret_payload = (struct text){ bytes, head.length };
	return OK;
}

enum outcome
journal_read(struct journal *journal, struct journal_place *place,
    uint64_t number, struct text *ret_payload)
{
	struct journal_place other = { .file = 1 - place->file };
	struct journal_place at = *place;
	enum outcome outcome = read_record(journal, at, number, ret_payload);

	if (outcome == NOT_FOUND) {
		at = other;
		outcome = read_record(journal, at, number, ret_payload);
	}
	if (outcome == OK)
		*place = (struct journal_place){ at.file,
			at.offset + JOURNAL_HEAD + ret_payload->len };
	return outcome;
}

void
journal_trim(struct journal *journal, uint32_t file, uint64_t keep)
{
	if (journal->size[file] > keep &&
	    ftruncate(journal->fd[file], (off_t)keep) == 0)
		journal->size[file] = keep;
}

enum outcome
journal_next(struct text *payload, struct journal_entry *ret_entry)
{
	struct reader reader = reader_from(*payload);
	struct journal_entry entry = { 0 };
	uint8_t op;

	if (payload->len == 0)
		return NOT_FOUND;
	op = reader_u8(&reader);
	entry.remove = op == OP_REMOVE;
	entry.key = reader_text16(&reader);
	if (op == OP_PUT)
		entry.value = reader_text32(&reader);
	if (reader.failed || (op != OP_PUT && op != OP_REMOVE))
		return DAMAGED;
	*payload = reader.rest;
	*ret_entry = entry;
	return OK;
}
