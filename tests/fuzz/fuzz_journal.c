/*
 * What a recovery reads: a payload of the journal, entry by entry, and the two
 * files of records with an input in them as a torn disk may leave it. A chain
 * must end, and be the same when it is walked again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/checkpoint.h"
#include "store/disk.h"
#include "store/journal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static void
walk_entries(struct text payload)
{
	struct journal_entry entry;
	size_t before;
	enum outcome outcome;

	do {
		before = payload.len;
		outcome = journal_next(&payload, &entry);
		need(outcome != OK || payload.len < before);
		need(outcome != OK || entry.key.len + entry.value.len < before);
	} while (outcome == OK);
	need(outcome == NOT_FOUND || outcome == DAMAGED);
}

static int
memory_file(void)
{
	int fd = memfd_create("journal", 0);

	need(fd >= 0);
	return fd;
}

static uint64_t
chain_length(struct journal *journal)
{
	struct journal_place at = { 0, 0 };
	struct text payload;
	uint64_t number = 1;

	while (journal_read(journal, &at, number, &payload) == OK) {
		walk_entries(payload);
		number++;
	}
	return number;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct journal journal = { .fd = { -1, -1 } };
	struct text bytes = { (const char *)data, size };
	struct checkpoint checkpoint = { 0 };
	struct journal_place at = { 0, 0 };
	uint64_t length;

	if (journal.fd[0] < 0)
		for (int i = 0; i < JOURNAL_FILES; i++)
			journal.fd[i] = memory_file();
	walk_entries(bytes);
	for (int i = 0; i < JOURNAL_FILES; i++)
		need(ftruncate(journal.fd[i], 0) == 0);
	/* A true record in front, so that the input stands where a chain is. */
	journal_stand(&journal, at, 0, 9);
	journal_begin(&journal);
	journal_note_put(&journal, TEXT("key"), bytes);
	need(journal_append(&journal, false) == OK);
	need(disk_write(journal.fd[0], bytes, (off_t)journal.tail.offset) ==
	    OK);
	need(disk_write(journal.fd[1], bytes, 0) == OK);
	length = chain_length(&journal);
	need(length >= 2 && length == chain_length(&journal));
	/* The same bytes as slots of a checkpoint. */
	(void)(checkpoint_read(journal.fd[1], &checkpoint) == OK);
	checkpoint_done(&checkpoint);
	return 0;
}
