#pragma once

#include <pthread.h>

#include "store/blob.h"

/*
 * What the files of the blob store share: blob.c has the records, blob_writer.c
 * and blob_file.c the two ways to a file, blobs.c the folders and their sweeps.
 *
 * Who may unlink a file, and when:
 *   - a file in staging/ or blobs/ is locked (flock) by its writer until its
 *     change was committed or given up, also by a writer of another process;
 *   - KEY_RELEASED, written by the change that dropped the last reference,
 *     names a file that goes after that commit;
 *   - nothing is unlinked from blobs/ while somebody else holds state/hold: a
 *     backup does, shared, from before its engine copy to its end.
 */
enum { BLOB_NAME_SIZE = 20 }; /* "ab/0123456789abcdef" and NUL */

struct cached_file;

struct blob_store {
	int blobs, staging; /* folders */
	char *hold;         /* owned: path of state/hold */

	/* Guards the cache of open files. */
	pthread_mutex_t mutex;
	struct cached_file *bucket[256];
	struct cached_file *newest, *oldest;
	size_t files, files_max;
};

/* Folder and name of a file below blobs/; the folder is the low byte. */
void
blob_name(blob_id id, char ret_name[BLOB_NAME_SIZE]);

/* NO_SPACE or IO, from errno. */
enum outcome
blob_outcome(int error);

void
blob_cache_init(struct blob_store *blobs);

void
blob_cache_done(struct blob_store *blobs);

/* The file is about to go: its space shall come back with its last user. */
void
blob_cache_forget(struct blob_store *blobs, blob_id id);

/* The same for all files whose names are gone, by whatever process. */
void
blob_cache_drop_unlinked(struct blob_store *blobs) ON_WORKER;

/* Keeps blob files from being unlinked until the descriptor is closed. */
enum outcome
blob_hold(struct store *store, int *ret_fd) ON_WORKER MUST_CHECK;

/* blob_sweep_released for those released before a time. */
size_t
blob_sweep_before(struct store *store, uint64_t before_ns) ON_WORKER;

/*
 * The file of an id that no record names. BUSY when a writer or a backup
 * holds it, CONFLICT when it has a record by now.
 */
enum outcome
blob_remove_orphan(struct store *store, blob_id id) ON_WORKER MUST_CHECK;

/* Staged files whose writers are gone. */
size_t
blob_sweep_staging(struct blob_store *blobs);

/* Every file below blobs/, in no order; a name that is no id counts as 0. */
typedef enum outcome (*blob_each_fn)(blob_id id, const char *name,
    void *context);

enum outcome
blob_each_file(struct blob_store *blobs, blob_each_fn visit, void *context)
    MUST_CHECK;

enum outcome
blob_record_decode(struct text value, struct blob_record *ret_record)
    MUST_CHECK;

struct checksum
checksum_of(struct text bytes);

bool
checksum_equal(struct checksum a, struct checksum b);
