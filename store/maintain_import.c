#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/memory.h"
#include "store/maintain_batch.h"
#include "store/maintain_files.h"
#include "store/maintain_report.h"
#include "store/media.h"
#include "store/scopes.h"

/*
 * A directory tree in. Entries are opened beneath the folder only; what is
 * neither a file nor a folder, or may not be read, or has a name that no store
 * takes, is skipped, counted and named. What is in the store already with the
 * same size and time is passed over, so a second run goes on where the first
 * one ended. Folder times are set when the folder is complete.
 */
enum { IMPORT_READ = 256 * 1024 };

struct import {
	struct batch batch;
	struct media_cookie *cookie; /* owned */
	char *block;                 /* owned; IMPORT_READ */
	uint64_t all, done, present, bytes;
};

static void
skip(struct import *import, const char *path, const char *why)
{
	import->batch.skipped++;
	maintain_finding(import->batch.maintain, "%s: skipped: %s", path, why);
}

static void
advance(struct import *import)
{
	if (++import->done % 64 == 0)
		maintain_progress(import->batch.maintain, import->done,
		    import->all);
}

/* Entries below a folder, for the progress; what fails counts as none. */
static uint64_t
count_entries(int folder, size_t levels)
{
	struct listing listing = { 0 };
	uint64_t count = 0;

	if (levels > PATH_LEVELS_MAX || listing_read(folder, &listing) != OK)
		return 0;
	count = listing.count;
	for (size_t i = 0; i < listing.count; i++) {
		SCOPED(fd) int fd = -1;
		struct stat status;

		if (fstatat(folder, listing.name[i], &status,
			AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISDIR(status.st_mode))
			continue;
		fd = beneath_open(folder, listing.name[i],
		    O_RDONLY | O_DIRECTORY, 0);
		if (fd >= 0)
			count += count_entries(fd, levels + 1);
	}
	listing_done(&listing);
	return count;
}

static enum outcome
find_present(struct import *import, const char *path, struct node *ret_node)
{
	SCOPED(arena) struct arena *arena = arena_new();
	SCOPED(txn) struct txn *txn = NULL;
	struct trail trail;
	struct path parsed;
	enum outcome outcome = path_parse_decoded(arena, text_from(path),
	    &parsed);

	if (outcome != OK)
		return outcome;
	outcome = txn_begin_read(import->batch.store->engine, &txn);
	if (outcome == OK)
		outcome = trail_find(txn, arena, import->batch.root, &parsed,
		    &trail);
	if (outcome != OK)
		return outcome == NOT_FOUND ? CONFLICT : outcome;
	if (trail.missing > 0)
		return NOT_FOUND;
	*ret_node = *trail_last(&trail); /* its numbers; texts end here */
	return OK;
}

/* The first block decides about inline or file, and about the type. */
static enum outcome
read_content(struct import *import, int fd, const char *name,
    struct batch_entry *entry) ON_WORKER;

static enum outcome
read_content(struct import *import, int fd, const char *name,
    struct batch_entry *entry)
{
	struct store *store = import->batch.store;
	size_t len;
	enum outcome outcome = file_read(fd, import->block, IMPORT_READ, &len);
	struct text head = { import->block, len }, type;

	if (outcome != OK)
		return outcome;
	type = media_detect(import->cookie, text_from(name),
	    text_slice(head, 0, MEDIA_SNIFF_BYTES));
	snprintf(entry->media, sizeof(entry->media), "%.*s", TEXT_ARGS(type));
	if (len <= store->conf->store.inline_size) {
		char *bytes = memory_alloc(len);

		memcpy(bytes, import->block, len);
		blob_small(store, (struct text){ bytes, len }, &entry->blob);
		entry->blob.bytes.ptr = bytes;
		import->batch.bytes += len;
		return OK;
	}
	outcome = blob_writer_open(store, &entry->writer);
	import->batch.writers++;
	while (outcome == OK && len > 0) {
		outcome = blob_writer_write(entry->writer,
		    (struct text){ import->block, len });
		if (outcome == OK)
			outcome = file_read(fd, import->block, IMPORT_READ,
			    &len);
	}
	if (outcome == OK)
		outcome = blob_writer_finish(entry->writer, &entry->blob);
	return outcome;
}

static enum outcome
flush_if_full(struct import *import) ON_WORKER;

static enum outcome
flush_if_full(struct import *import)
{
	return batch_is_full(&import->batch) ? batch_flush(&import->batch) : OK;
}

static enum outcome
import_file(struct import *import, int folder, const char *name,
    const char *path) ON_WORKER;

static enum outcome
import_file(struct import *import, int folder, const char *name,
    const char *path)
{
	SCOPED(fd) int fd = beneath_open(folder, name, O_RDONLY | O_NONBLOCK,
	    0);
	struct batch_entry *entry;
	struct stat status;
	struct node node;
	enum outcome outcome;

	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		skip(import, path,
		    fd < 0 ? strerrordesc_np(errno) : "it is no file any more");
		return OK;
	}
	outcome = find_present(import, path, &node);
	if (outcome == OK && node.kind == NODE_FILE &&
	    node.size == (uint64_t)status.st_size &&
	    node.modified_ns == stat_modified_ns(&status)) {
		import->present++;
		return OK;
	}
	/* CONFLICT: its folder is still in the batch. */
	if (outcome != OK && outcome != NOT_FOUND && outcome != CONFLICT)
		return outcome;
	entry = batch_add(&import->batch, BATCH_FILE, path,
	    stat_modified_ns(&status));
	outcome = read_content(import, fd, name, entry);
	import->bytes += entry->blob.size;
	return outcome == OK ? flush_if_full(import) : outcome;
}

static enum outcome
import_folder(struct import *import, int folder, struct buffer *path,
    size_t levels) ON_WORKER;

static enum outcome
import_entry(struct import *import, int folder, const char *name,
    struct buffer *path, size_t levels) ON_WORKER;

/* A sub-folder: itself, what is in it, then its time. */
static enum outcome
import_below(struct import *import, int folder, const char *name,
    struct buffer *path, size_t levels) ON_WORKER;

static enum outcome
import_below(struct import *import, int folder, const char *name,
    struct buffer *path, size_t levels)
{
	SCOPED(fd) int fd = beneath_open(folder, name, O_RDONLY | O_DIRECTORY,
	    0);
	struct stat status;
	enum outcome outcome;

	if (fd < 0 || fstat(fd, &status) != 0) {
		skip(import, path->ptr, strerrordesc_np(errno));
		return OK;
	}
	(void)batch_add(&import->batch, BATCH_FOLDER, path->ptr,
	    stat_modified_ns(&status));
	outcome = flush_if_full(import);
	if (outcome == OK)
		outcome = import_folder(import, fd, path, levels + 1);
	if (outcome != OK)
		return outcome;
	(void)batch_add(&import->batch, BATCH_TIMES, path->ptr,
	    stat_modified_ns(&status));
	return flush_if_full(import);
}

static const char *
why_refused(enum outcome outcome)
{
	return outcome == TOO_LARGE ?
	    "its name or path is too long" :
	    "its name is no UTF-8 or holds control characters";
}

/* `path` ends with the entry's own name and a NUL that is not counted. */
static enum outcome
import_entry(struct import *import, int folder, const char *name,
    struct buffer *path, size_t levels)
{
	SCOPED(arena) struct arena *arena = arena_new();
	struct stat status;
	struct path parsed;
	struct text key;
	enum outcome outcome = name_key(arena, text_from(name), &key);

	if (outcome == OK)
		outcome = path_parse_decoded(arena, buffer_text(path), &parsed);
	advance(import);
	if (outcome != OK)
		skip(import, path->ptr, why_refused(outcome));
	else if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		skip(import, path->ptr, strerrordesc_np(errno));
	else if (S_ISDIR(status.st_mode))
		return import_below(import, folder, name, path, levels);
	else if (S_ISREG(status.st_mode))
		return import_file(import, folder, name, path->ptr);
	else
		skip(import, path->ptr,
		    S_ISLNK(status.st_mode) ? "it is a symbolic link" :
					      "it is no file or folder");
	return OK;
}

static enum outcome
import_folder(struct import *import, int folder, struct buffer *path,
    size_t levels)
{
	struct listing listing;
	size_t len = path->len;
	enum outcome outcome = listing_read(folder, &listing);

	if (outcome != OK) {
		skip(import, path->len > 0 ? path->ptr : ".",
		    "its entries cannot be read");
		return levels > 0 ? OK : outcome;
	}
	for (size_t i = 0; outcome == OK && i < listing.count; i++) {
		buffer_format(path, "%s%s%c", len > 0 ? "/" : "",
		    listing.name[i], 0);
		path->len--;
		outcome = import_entry(import, folder, listing.name[i], path,
		    levels);
		path->len = len;
		path->ptr[len] = '\0';
	}
	listing_done(&listing);
	return outcome;
}

static enum outcome
import_root(struct import *import, const char *name) ON_WORKER;

static enum outcome
import_root(struct import *import, const char *name)
{
	SCOPED(fd) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SCOPED(buffer) struct buffer path = { 0 };
	enum outcome outcome;

	if (fd < 0) {
		skip(import, name, strerrordesc_np(errno));
		return file_outcome(errno);
	}
	import->all = count_entries(fd, 0);
	(void)buffer_room(&path, 4096);
	outcome = import_folder(import, fd, &path, 0);
	if (outcome == OK)
		outcome = batch_flush(&import->batch);
	batch_done(&import->batch);
	return outcome;
}

enum outcome
store_import(struct store *store, const struct transfer_options *options,
    struct maintain *maintain)
{
	struct import *import = memory_alloc(sizeof(*import));
	enum outcome outcome;

	import->batch.store = store;
	import->batch.maintain = maintain;
	import->batch.root = options->root;
	import->batch.actor = options->actor;
	import->cookie = media_cookie_new();
	import->block = memory_alloc(IMPORT_READ);
	outcome = import_root(import, options->folder);
	maintain_progress(maintain, import->done, import->all);
	maintain_count(maintain, "files", import->batch.files);
	maintain_count(maintain, "folders", import->batch.folders);
	maintain_count(maintain, "present", import->present);
	maintain_count(maintain, "skipped", import->batch.skipped);
	maintain_count(maintain, "bytes", import->bytes);
	media_cookie_free(import->cookie);
	free(import->block);
	free(import);
	return outcome;
}
