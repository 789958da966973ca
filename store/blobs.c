#include "store/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/codec.h"
#include "server/base/memory.h"
#include "store/keys.h"
#include "store/scopes.h"

/*
 * The folders of blob files and their sweeps; blobs.h says who may unlink
 * what. A sweep never trusts what it read before: it locks first, then asks
 * the engine anew.
 */
enum { SWEEP_MAX = 256, SWEEP_LOOKS = 4096 };

/* A GET that has found the record still opens the file a moment later. */
static const uint64_t released_grace_ns = 2 * NS_PER_SECOND;

void
blob_name(blob_id id, char ret_name[BLOB_NAME_SIZE])
{
	snprintf(ret_name, BLOB_NAME_SIZE, "%02x/%016llx",
	    (unsigned)(id & 0xff), (unsigned long long)id);
}

enum outcome
blob_outcome(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? NO_SPACE :
								      IO;
}

static int
open_folder(const char *path, const char *name, struct buffer *message)
{
	SCOPED(buffer) struct buffer full = { .max = 8192 };
	int fd;

	buffer_format(&full, "%s/%s%c", path, name, 0);
	if (full.overflow)
		return -1;
	fd = (int)TEMP_FAILURE_RETRY(open(full.ptr,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		buffer_format(message, "%s cannot be opened: %s", full.ptr,
		    strerrordesc_np(errno));
	return fd;
}

static int
open_hold(const struct store *store)
{
	return (int)TEMP_FAILURE_RETRY(open(store->blobs->hold,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

enum outcome
blob_store_open(struct store *store, const char *path, bool sweep_staging,
    struct buffer *message)
{
	struct blob_store *blobs = memory_alloc(sizeof(*blobs));
	SCOPED(buffer) struct buffer hold = { 0 };

	buffer_format(&hold, "%s/hold", path);
	blobs->hold = memory_string(buffer_text(&hold));
	blobs->staging = -1;
	blob_cache_init(blobs);
	blobs->blobs = open_folder(path, "blobs", message);
	if (blobs->blobs >= 0)
		blobs->staging = open_folder(path, "staging", message);
	if (blobs->staging < 0) {
		blob_store_close(blobs);
		return IO;
	}
	store->blobs = blobs;
	if (sweep_staging) {
		/* A disk without room for one more file must still be swept. */
		fd_close(open_hold(store));
		(void)blob_sweep_staging(blobs); /* only counts */
	}
	return OK;
}

void
blob_store_close(struct blob_store *blobs)
{
	if (blobs == NULL)
		return;
	blob_cache_done(blobs);
	fd_close(blobs->staging);
	fd_close(blobs->blobs);
	free(blobs->hold);
	free(blobs);
}

enum outcome
blob_hold(struct store *store, int *ret_fd)
{
	int fd = open_hold(store);

	if (fd < 0)
		return blob_outcome(errno);
	while (flock(fd, LOCK_SH) != 0)
		if (errno != EINTR) {
			close(fd);
			return IO;
		}
	*ret_fd = fd;
	return OK;
}

/* -1 while somebody else holds the files. */
static int
hold_alone(const struct store *store)
{
	int fd = open_hold(store);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct sweep {
	blob_id id[SWEEP_MAX];
	size_t count;
};

static uint64_t
released_at(struct text value)
{
	struct reader reader = reader_from(value);

	(void)reader_u8(&reader);
	return reader_u64(&reader);
}

static enum outcome
collect_released(struct store *store, uint64_t before_ns, struct sweep *sweep)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = txn_begin_read(store->engine, &txn);

	if (outcome == OK)
		outcome = cursor_open(txn, &cursor);
	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_RELEASED, 0));
	for (size_t looks = 0;
	    outcome == OK && looks < SWEEP_LOOKS && sweep->count < SWEEP_MAX;
	    looks++) {
		if (cursor->key.ptr[0] != KEY_RELEASED)
			break;
		if (released_at(cursor->value) <= before_ns)
			sweep->id[sweep->count++] = key_id_of(cursor->key, 0);
		outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

/* Keeps in the list only those whose file is gone now. */
static void
unlink_released(struct store *store, struct sweep *sweep)
{
	size_t gone = 0;

	for (size_t i = 0; i < sweep->count; i++) {
		char name[BLOB_NAME_SIZE];

		blob_name(sweep->id[i], name);
		blob_cache_forget(store->blobs, sweep->id[i]);
		if (unlinkat(store->blobs->blobs, name, 0) == 0 ||
		    errno == ENOENT)
			sweep->id[gone++] = sweep->id[i];
	}
	sweep->count = gone;
}

static enum outcome
forget_released(struct txn *txn, void *context)
{
	const struct sweep *sweep = context;
	struct key key;

	for (size_t i = 0; i < sweep->count; i++) {
		enum outcome outcome = txn_remove(txn,
		    key_id(&key, KEY_RELEASED, sweep->id[i]));

		if (outcome != OK && outcome != NOT_FOUND)
			return outcome;
	}
	return OK;
}

size_t
blob_sweep_before(struct store *store, uint64_t before_ns)
{
	struct sweep sweep = { .count = 0 };
	SCOPED(fd) int hold = -1;

	if (collect_released(store, before_ns, &sweep) != OK ||
	    sweep.count == 0)
		return 0;
	hold = hold_alone(store);
	if (hold < 0)
		return 0;
	unlink_released(store, &sweep);
	/* A key that stays is swept once more, to no harm. */
	if (sweep.count > 0 &&
	    store_change(store, forget_released, &sweep) != OK)
		return 0;
	return sweep.count;
}

size_t
blob_sweep_released(struct store *store)
{
	/* The command line's gc unlinks too, and its space shall come back. */
	blob_cache_drop_unlinked(store->blobs);
	return blob_sweep_before(store, clock_wall_ns() - released_grace_ns);
}

static enum outcome
has_record(struct store *store, blob_id id)
{
	SCOPED(txn) struct txn *txn = NULL;
	struct text value;
	struct key key;
	enum outcome outcome = txn_begin_read(store->engine, &txn);

	if (outcome == OK)
		outcome = txn_get(txn, key_id(&key, KEY_BLOB, id), &value);
	return outcome;
}

enum outcome
blob_remove_orphan(struct store *store, blob_id id)
{
	SCOPED(fd) int hold = hold_alone(store);
	SCOPED(fd) int fd = -1;
	char name[BLOB_NAME_SIZE];
	enum outcome outcome;

	if (hold < 0)
		return BUSY;
	blob_name(id, name);
	fd = (int)TEMP_FAILURE_RETRY(openat(store->blobs->blobs, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
	if (fd < 0)
		return errno == ENOENT ? NOT_FOUND : IO;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return BUSY;
	/* Its writer has let go: committed by now, or never. */
	outcome = has_record(store, id);
	if (outcome != NOT_FOUND)
		return outcome == OK ? CONFLICT : outcome;
	blob_cache_forget(store->blobs, id);
	return unlinkat(store->blobs->blobs, name, 0) == 0 ? OK : IO;
}

static DIR *
open_listing(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);

	if (listing == NULL)
		fd_close(fd);
	return listing;
}

size_t
blob_sweep_staging(struct blob_store *blobs)
{
	DIR *listing = open_listing(blobs->staging, ".");
	struct dirent *entry;
	size_t gone = 0;

	while (listing != NULL && (entry = readdir(listing)) != NULL) {
		SCOPED(fd) int fd = -1;

		if (entry->d_name[0] == '.')
			continue;
		fd = openat(blobs->staging, entry->d_name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    unlinkat(blobs->staging, entry->d_name, 0) == 0)
			gone++;
	}
	if (listing != NULL)
		closedir(listing);
	return gone;
}

static blob_id
id_from_names(const char *folder, const char *name)
{
	char expected[BLOB_NAME_SIZE];
	uint64_t id;

	if (!text_parse_u64(text_from(name), 16, &id))
		return 0;
	blob_name(id, expected);
	return strcmp(expected + 3, name) == 0 &&
		strncmp(expected, folder, 2) == 0 ?
	    id :
	    0;
}

static enum outcome
each_in_folder(struct blob_store *blobs, const char *folder, blob_each_fn visit,
    void *context)
{
	DIR *listing = open_listing(blobs->blobs, folder);
	struct dirent *entry;
	enum outcome outcome = OK;

	if (listing == NULL)
		return errno == ENOENT || errno == ENOTDIR ? OK : IO;
	while (outcome == OK && (entry = readdir(listing)) != NULL) {
		char name[300];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
		outcome = visit(id_from_names(folder, entry->d_name), name,
		    context);
	}
	closedir(listing);
	return outcome;
}

enum outcome
blob_each_file(struct blob_store *blobs, blob_each_fn visit, void *context)
{
	enum outcome outcome = OK;

	for (unsigned low = 0; outcome == OK && low < 256; low++) {
		char folder[3];

		snprintf(folder, sizeof(folder), "%02x", low);
		outcome = each_in_folder(blobs, folder, visit, context);
	}
	return outcome;
}
