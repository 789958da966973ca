#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/clock.h"
#include "store/blobs.h"
#include "store/keys.h"
#include "store/maintain_report.h"
#include "store/scopes.h"

/*
 * Reads every content and compares it with the checksum made when it was
 * written. A transaction lives for one block of records; small contents are
 * checked inside it, files after it, because reading them takes long. Between
 * blocks and files it rests, so that others find the disk and the cores free.
 */
enum { SCRUB_BLOCK = 256 };

/* What was lost by being late is not caught up with in one go. */
#define LATE_MAX_NS (NS_PER_SECOND / 4)

struct scrub_block {
	blob_id id[SCRUB_BLOCK];
	struct blob_record record[SCRUB_BLOCK];
	size_t count;
};

struct scrub {
	struct store *store;
	struct maintain *maintain;
	blob_id next;
	bool ended;
	struct scrub_block files;
	uint64_t contents, bytes, all;
	uint64_t unpaced; /* bytes read since the last rest */
	uint64_t due_ns;  /* when the next may be read */
};

/* Rests until what was read fits the rate. */
static void
scrub_pace(struct scrub *scrub) ON_WORKER;

static void
scrub_pace(struct scrub *scrub)
{
	uint64_t rate = scrub->maintain->rate;
	uint64_t now_ns = clock_monotonic_ns(), read = scrub->unpaced;
	struct timespec time;

	scrub->unpaced = 0;
	if (rate == 0)
		return;
	if (scrub->due_ns + LATE_MAX_NS < now_ns)
		scrub->due_ns = now_ns - LATE_MAX_NS;
	scrub->due_ns += (uint64_t)((double)read / (double)rate *
	    (double)NS_PER_SECOND);
	if (scrub->due_ns <= now_ns)
		return;
	time = (struct timespec){ .tv_sec = (time_t)(scrub->due_ns /
				      NS_PER_SECOND),
		.tv_nsec = (long)(scrub->due_ns % NS_PER_SECOND) };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) ==
	    EINTR)
		;
}

static enum outcome
scrub_small(struct scrub *scrub, struct txn *txn, blob_id id)
{
	struct text bytes;
	enum outcome outcome = blob_bytes(txn, id, &bytes);

	if (outcome == DAMAGED)
		maintain_finding(scrub->maintain,
		    "content %016llx in the "
		    "engine is not what was stored",
		    (unsigned long long)id);
	return outcome == DAMAGED ? OK : outcome;
}

static enum outcome
scrub_record(struct scrub *scrub, const struct cursor *cursor)
{
	blob_id id = key_id_of(cursor->key, 0);
	struct scrub_block *files = &scrub->files;
	struct blob_record record;

	scrub->next = id + 1;
	scrub->contents++;
	if (blob_record_decode(cursor->value, &record) != OK) {
		maintain_finding(scrub->maintain,
		    "the record of content "
		    "%016llx is damaged",
		    (unsigned long long)id);
		return OK;
	}
	scrub->bytes += record.size;
	if (record.in_engine) {
		scrub->unpaced += record.size;
		return scrub_small(scrub, cursor->txn, id);
	}
	files->id[files->count] = id;
	files->record[files->count++] = record;
	return OK;
}

static enum outcome
read_block(struct scrub *scrub)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = txn_begin_read(scrub->store->engine, &txn);

	scrub->files.count = 0;
	if (outcome == OK)
		outcome = cursor_open(txn, &cursor);
	if (outcome == OK)
		outcome = cursor_seek(cursor,
		    key_id(&key, KEY_BLOB, scrub->next));
	for (size_t i = 0; outcome == OK && i < SCRUB_BLOCK; i++) {
		if (cursor->key.ptr[0] != KEY_BLOB) {
			outcome = NOT_FOUND;
			break;
		}
		outcome = scrub_record(scrub, cursor);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	scrub->ended = outcome == NOT_FOUND;
	return outcome == NOT_FOUND ? OK : outcome;
}

/* A file that is missing is no damage when its record is gone by now too. */
static bool
was_released(struct scrub *scrub, blob_id id)
{
	SCOPED(txn) struct txn *txn = NULL;
	struct blob_record record;

	return txn_begin_read(scrub->store->engine, &txn) == OK &&
	    blob_get(txn, id, &record) == NOT_FOUND;
}

static void
scrub_file(struct scrub *scrub, size_t at) ON_WORKER;

static void
scrub_file(struct scrub *scrub, size_t at)
{
	const struct blob_record *record = &scrub->files.record[at];
	blob_id id = scrub->files.id[at];
	struct blob_file *file;
	enum outcome outcome = blob_file_open(scrub->store, id, record->size,
	    &file);

	if (outcome == OK) {
		outcome = blob_file_verify(file, record);
		blob_file_close(scrub->store, file);
		scrub->unpaced += record->size;
		/* Each is read once: it need not stay open. */
		blob_cache_forget(scrub->store->blobs, id);
	}
	if (outcome == OK || (outcome == NOT_FOUND && was_released(scrub, id)))
		return;
	maintain_finding(scrub->maintain, "content %016llx (blobs/%02x): %s",
	    (unsigned long long)id, (unsigned)(id & 0xff),
	    outcome == NOT_FOUND   ? "its file is missing" :
		outcome == DAMAGED ? "its file is not what was stored" :
				     "its file cannot be read");
}

static uint64_t
count_contents(struct store *store)
{
	struct engine_stats stats;

	store->engine->row->stats(store->engine, &stats);
	return stats.entries; /* more than there are, but the same order */
}

enum outcome
store_scrub(struct store *store, struct maintain *maintain)
{
	struct scrub *scrub = calloc(1, sizeof(*scrub));
	enum outcome outcome = OK;

	if (scrub == NULL)
		return BUSY;
	scrub->store = store;
	scrub->maintain = maintain;
	scrub->all = count_contents(store);
	scrub->due_ns = clock_monotonic_ns();
	while (outcome == OK && !scrub->ended) {
		outcome = read_block(scrub);
		scrub_pace(scrub);
		for (size_t i = 0; outcome == OK && i < scrub->files.count;
		    i++) {
			scrub_file(scrub, i);
			scrub_pace(scrub);
		}
		maintain_progress(maintain, scrub->contents, scrub->all);
	}
	maintain_count(maintain, "contents", scrub->contents);
	maintain_count(maintain, "bytes", scrub->bytes);
	maintain_count(maintain, "damaged", maintain->findings);
	free(scrub);
	if (outcome == OK && maintain->findings > 0)
		return DAMAGED;
	return outcome;
}
