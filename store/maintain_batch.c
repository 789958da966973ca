#include "store/maintain_batch.h"

#include <stdlib.h>

#include "server/base/memory.h"
#include "store/maintain_report.h"
#include "store/scopes.h"

/*
 * Writes the entries of a batch. An import is no change that frees, so it
 * never eats the reserve, and it stops where the disk or the quota ends.
 */
struct batch_change {
	struct change change;
	struct batch *batch;
	size_t from, to;
};

static enum outcome
put_file(struct txn *txn, struct batch *batch, const struct trail *trail,
    const struct batch_entry *entry, struct text name)
{
	struct tree_content content = { .blob = entry->blob,
		.name = name,
		.media = text_from(entry->media),
		.modified_ns = entry->modified_ns };
	struct node node;

	/* Two spellings of one name in a folder: the first has it. */
	if (trail->missing == 0 && !text_equal(trail_last(trail)->name, name))
		return EXISTS;
	return tree_put(txn, batch->store, trail, &content, batch->actor,
	    &node);
}

static enum outcome
make_folder(struct txn *txn, struct batch *batch, const struct trail *trail,
    struct text name)
{
	struct node node;

	if (trail->missing > 0)
		return tree_mkcol(txn, batch->store, trail, name, batch->actor,
		    &node);
	if (trail_last(trail)->kind != NODE_COLLECTION ||
	    !text_equal(trail_last(trail)->name, name))
		return EXISTS;
	return OK;
}

/* The folder itself may have been refused: then it has no times either. */
static enum outcome
set_times(struct txn *txn, struct batch *batch, const struct trail *trail,
    const struct batch_entry *entry)
{
	if (trail->missing > 0)
		return OK;
	return tree_set_times(txn, trail, batch->actor, 0, entry->modified_ns);
}

static enum outcome
run_entry(struct txn *txn, struct batch *batch, const struct batch_entry *entry)
{
	SCOPED(arena) struct arena *arena = arena_new();
	struct trail trail;
	struct path path;
	struct text name;
	enum outcome outcome = path_parse_decoded(arena, text_from(entry->path),
	    &path);

	if (outcome == OK)
		outcome = trail_find(txn, arena, batch->root, &path, &trail);
	if (outcome != OK)
		return outcome;
	if (path.count == 0)
		return set_times(txn, batch, &trail, entry);
	name = path.name[path.count - 1];
	switch (entry->what) {
	case BATCH_FOLDER:
		return make_folder(txn, batch, &trail, name);
	case BATCH_FILE:
		return put_file(txn, batch, &trail, entry, name);
	case BATCH_TIMES:
		return set_times(txn, batch, &trail, entry);
	}
	return BUG;
}

static enum outcome
run_entries(struct txn *txn, struct change *change)
{
	struct batch_change *run = (struct batch_change *)change;
	enum outcome outcome = OK;

	for (size_t i = run->from; outcome == OK && i < run->to; i++)
		outcome = run_entry(txn, run->batch, &run->batch->entry[i]);
	return outcome;
}

static enum outcome
commit_range(struct batch *batch, size_t from, size_t to) ON_WORKER;

static enum outcome
commit_range(struct batch *batch, size_t from, size_t to)
{
	struct batch_change run = { .change = { .run = run_entries },
		.batch = batch,
		.from = from,
		.to = to };
	enum outcome outcome = change_run(batch->store->committer, &run.change);

	for (size_t i = from; i < to; i++)
		batch->entry[i].outcome = outcome;
	return outcome;
}

/* What the store as a whole cannot take ends the import. */
static bool
is_fatal(enum outcome outcome)
{
	return outcome == NO_SPACE || outcome == IO || outcome == DAMAGED ||
	    outcome == BUSY || outcome == BUG;
}

static enum outcome
commit_each(struct batch *batch) ON_WORKER;

static enum outcome
commit_each(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct batch_entry *entry = &batch->entry[i];
		enum outcome outcome = commit_range(batch, i, i + 1);

		if (is_fatal(outcome)) {
			for (size_t k = i; k < batch->count; k++)
				batch->entry[k].outcome = outcome;
			return outcome;
		}
		if (outcome == OK)
			continue;
		batch->skipped++;
		maintain_finding(batch->maintain, "%s: skipped: %s",
		    entry->path,
		    outcome == EXISTS ?
			"another entry has that name in the store" :
			outcome == CONFLICT ? "its folder was skipped" :
					      outcome_name(outcome));
	}
	return OK;
}

static void
entry_done(struct batch *batch, struct batch_entry *entry) ON_WORKER;

static void
entry_done(struct batch *batch, struct batch_entry *entry)
{
	bool written = entry->outcome == OK;

	if (written && entry->what == BATCH_FILE)
		batch->files++;
	if (written && entry->what == BATCH_FOLDER)
		batch->folders++;
	blob_writer_close(entry->writer, written);
	free((void *)(uintptr_t)entry->blob.bytes.ptr);
	free(entry->path);
	*entry = (struct batch_entry){ 0 };
}

void
batch_done(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		entry_done(batch, &batch->entry[i]);
	batch->count = 0;
	batch->writers = 0;
	batch->bytes = 0;
}

enum outcome
batch_flush(struct batch *batch)
{
	enum outcome outcome = OK;

	if (batch->count > 0)
		outcome = commit_range(batch, 0, batch->count);
	if (outcome != OK && outcome != IO && outcome != DAMAGED)
		outcome = commit_each(batch);
	batch_done(batch);
	return outcome;
}

struct batch_entry *
batch_add(struct batch *batch, enum batch_what what, const char *path,
    uint64_t modified_ns)
{
	struct batch_entry *entry = &batch->entry[batch->count++];

	*entry = (struct batch_entry){ .what = what,
		.path = memory_string(text_from(path)),
		.modified_ns = modified_ns,
		.outcome = CANCELLED };
	return entry;
}

bool
batch_is_full(const struct batch *batch)
{
	return batch->count == BATCH_ENTRIES ||
	    batch->writers == BATCH_WRITERS || batch->bytes >= BATCH_BYTES;
}
