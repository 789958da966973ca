#include "store/blobs.h"
#include "store/keys.h"
#include "store/maintain_report.h"
#include "store/node.h"
#include "store/scopes.h"

/*
 * Counts and sizes, by one walk over all keys in blocks with a transaction
 * each: the numbers of a busy store are those of about this moment.
 */
enum { STATS_BLOCK = 20000 };

static const struct {
	enum key_kind kind;
	const char *name;
} counted[] = {
	{ KEY_CELL, "cells" },
	{ KEY_USER, "users" },
	{ KEY_GROUP, "groups" },
	{ KEY_GRANT, "grants" },
	{ KEY_LOCK, "locks" },
	{ KEY_PROPERTY, "nodes_with_properties" },
	{ KEY_VERSION, "versions" },
	{ KEY_TRASH, "trash_items" },
	{ KEY_LOG, "log_entries" },
	{ KEY_TREE, "trees" },
	{ KEY_BLOB, "contents" },
	{ KEY_DATA, "contents_in_engine" },
	{ KEY_RELEASED, "released_files" },
	{ KEY_RECLAIM, "reclaim_queue" },
	{ KEY_UNTYPED, "types_to_decide" },
};

struct stats {
	uint64_t kind[256];
	uint64_t files, collections;
	uint64_t references, content_bytes, file_bytes;
	struct key resume; /* the last key that was counted */
	bool ended;
};

static void
count_node(struct stats *stats, const struct cursor *cursor)
{
	struct node node;

	if (node_decode(cursor->key, cursor->value, &node) != OK)
		return; /* that is for verify to say */
	if (node.kind == NODE_COLLECTION)
		stats->collections++;
	else
		stats->files++;
}

static void
count_blob(struct stats *stats, const struct cursor *cursor)
{
	struct blob_record record;

	if (blob_record_decode(cursor->value, &record) != OK)
		return;
	stats->references += record.references;
	stats->content_bytes += record.size;
	if (!record.in_engine)
		stats->file_bytes += record.size;
}

static void
count_key(struct stats *stats, const struct cursor *cursor)
{
	unsigned char kind = (unsigned char)cursor->key.ptr[0];

	stats->kind[kind]++;
	if (kind == KEY_NODE)
		count_node(stats, cursor);
	else if (kind == KEY_BLOB)
		count_blob(stats, cursor);
}

static void
resume_at(struct stats *stats, struct text key)
{
	for (size_t i = 0; i < key.len; i++)
		stats->resume.bytes[i] = (unsigned char)key.ptr[i];
	stats->resume.len = key.len;
}

static enum outcome
count_block(struct store *store, struct stats *stats)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct text resume = { (const char *)stats->resume.bytes,
		stats->resume.len };
	enum outcome outcome = txn_begin_read(store->engine, &txn);

	if (outcome == OK)
		outcome = cursor_open(txn, &cursor);
	if (outcome == OK)
		outcome = cursor_seek(cursor, resume);
	if (outcome == OK && resume.len > 0 && text_equal(cursor->key, resume))
		outcome = cursor_next(cursor);
	for (size_t i = 0; outcome == OK; i++) {
		count_key(stats, cursor);
		if (i == STATS_BLOCK) {
			resume_at(stats, cursor->key);
			return OK;
		}
		outcome = cursor_next(cursor);
	}
	stats->ended = outcome == NOT_FOUND;
	return outcome == NOT_FOUND ? OK : outcome;
}

static void
report(struct store *store, const struct stats *stats,
    struct maintain *maintain)
{
	struct engine_stats engine;

	maintain_count(maintain, "format", STORE_FORMAT);
	maintain_count(maintain, "files", stats->files);
	maintain_count(maintain, "collections", stats->collections);
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		maintain_count(maintain, counted[i].name,
		    stats->kind[counted[i].kind]);
	maintain_count(maintain, "references", stats->references);
	maintain_count(maintain, "content_bytes", stats->content_bytes);
	maintain_count(maintain, "blob_file_bytes", stats->file_bytes);
	store->engine->row->stats(store->engine, &engine);
	maintain_count(maintain, "engine_entries", engine.entries);
	maintain_count(maintain, "engine_used_bytes", engine.used_bytes);
	maintain_count(maintain, "engine_file_bytes", engine.file_bytes);
	maintain_count(maintain, "engine_map_bytes", engine.map_bytes);
	maintain_count(maintain, "engine_readers", engine.readers);
	maintain_count(maintain, "engine_oldest_reader_lag",
	    engine.oldest_reader_lag);
}

enum outcome
store_stats(struct store *store, struct maintain *maintain)
{
	struct stats stats = { 0 };
	enum outcome outcome = OK;

	while (outcome == OK && !stats.ended)
		outcome = count_block(store, &stats);
	if (outcome == OK)
		report(store, &stats, maintain);
	return outcome;
}
