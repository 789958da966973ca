#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/base/memory.h"
#include "store/blobs.h"

/*
 * Open blob files, shared by all who read them. The cache keeps the most
 * recently used ones open; one that fell out or whose name is gone lives until
 * its last user closes it. A blob never changes, so nothing is ever stale.
 */
struct cached_file {
	struct blob_file file;
	struct cached_file *chain;         /* of its bucket */
	struct cached_file *newer, *older; /* in order of use */
	bool listed;                       /* it is in the cache */
};

enum { READ_SIZE = 256 * 1024 };

void
blob_cache_init(struct blob_store *blobs)
{
	long open_max = sysconf(_SC_OPEN_MAX);

	pthread_mutex_init(&blobs->mutex, NULL);
	/* Connections need descriptors more: an eighth, at most 1024. */
	blobs->files_max = open_max > 8192 ? 1024 :
	    open_max > 64                  ? (size_t)open_max / 8 :
					     8;
}

static struct cached_file **
bucket_of(struct blob_store *blobs, blob_id id)
{
	return &blobs->bucket[id % 256];
}

static struct cached_file *
find(struct blob_store *blobs, blob_id id)
{
	struct cached_file *cached = *bucket_of(blobs, id);

	while (cached != NULL && cached->file.id != id)
		cached = cached->chain;
	return cached;
}

static void
unlink_use(struct blob_store *blobs, struct cached_file *cached)
{
	if (cached->newer != NULL)
		cached->newer->older = cached->older;
	else
		blobs->newest = cached->older;
	if (cached->older != NULL)
		cached->older->newer = cached->newer;
	else
		blobs->oldest = cached->newer;
	cached->newer = cached->older = NULL;
}

static void
link_use(struct blob_store *blobs, struct cached_file *cached)
{
	cached->older = blobs->newest;
	cached->newer = NULL;
	if (blobs->newest != NULL)
		blobs->newest->newer = cached;
	else
		blobs->oldest = cached;
	blobs->newest = cached;
}

static void
release(struct cached_file *cached)
{
	close(cached->file.fd);
	free(cached);
}

/* Out of the cache; closed when nobody uses it. The mutex is held. */
static void
evict(struct blob_store *blobs, struct cached_file *cached)
{
	struct cached_file **at = bucket_of(blobs, cached->file.id);

	while (*at != cached)
		at = &(*at)->chain;
	*at = cached->chain;
	unlink_use(blobs, cached);
	cached->listed = false;
	blobs->files--;
	if (atomic_load(&cached->file.users) == 0)
		release(cached);
}

static void
enlist(struct blob_store *blobs, struct cached_file *cached)
{
	struct cached_file **bucket = bucket_of(blobs, cached->file.id);

	if (blobs->files >= blobs->files_max)
		evict(blobs, blobs->oldest);
	cached->chain = *bucket;
	*bucket = cached;
	link_use(blobs, cached);
	cached->listed = true;
	blobs->files++;
}

void
blob_cache_forget(struct blob_store *blobs, blob_id id)
{
	struct cached_file *cached;

	pthread_mutex_lock(&blobs->mutex);
	cached = find(blobs, id);
	if (cached != NULL)
		evict(blobs, cached);
	pthread_mutex_unlock(&blobs->mutex);
}

void
blob_cache_drop_unlinked(struct blob_store *blobs)
{
	struct cached_file *next;

	pthread_mutex_lock(&blobs->mutex);
	for (struct cached_file *cached = blobs->newest; cached != NULL;
	    cached = next) {
		struct stat status;

		next = cached->older;
		if (fstat(cached->file.fd, &status) == 0 &&
		    status.st_nlink == 0)
			evict(blobs, cached);
	}
	pthread_mutex_unlock(&blobs->mutex);
}

void
blob_cache_done(struct blob_store *blobs)
{
	while (blobs->oldest != NULL)
		evict(blobs, blobs->oldest);
	pthread_mutex_destroy(&blobs->mutex);
}

static struct blob_file *
take_cached(struct blob_store *blobs, blob_id id)
{
	struct cached_file *cached;

	pthread_mutex_lock(&blobs->mutex);
	cached = find(blobs, id);
	if (cached != NULL) {
		atomic_fetch_add(&cached->file.users, 1);
		unlink_use(blobs, cached);
		link_use(blobs, cached);
	}
	pthread_mutex_unlock(&blobs->mutex);
	return cached != NULL ? &cached->file : NULL;
}

static enum outcome
open_file(struct blob_store *blobs, blob_id id, uint64_t size, int *ret_fd)
{
	char name[BLOB_NAME_SIZE];
	struct stat status;
	int fd;

	blob_name(id, name);
	fd = (int)TEMP_FAILURE_RETRY(openat(blobs->blobs, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
	if (fd < 0 && errno == ENOENT)
		return NOT_FOUND;
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? BUSY : IO;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return IO;
	}
	if ((uint64_t)status.st_size != size) {
		close(fd);
		return DAMAGED;
	}
	*ret_fd = fd;
	return OK;
}

enum outcome
blob_file_open(struct store *store, blob_id id, uint64_t size,
    struct blob_file **ret_file)
{
	struct blob_store *blobs = store->blobs;
	struct blob_file *file = take_cached(blobs, id);
	struct cached_file *cached, *other;
	enum outcome outcome;
	int fd;

	if (file != NULL) {
		*ret_file = file;
		return OK;
	}
	outcome = open_file(blobs, id, size, &fd);
	if (outcome != OK)
		return outcome;
	cached = memory_alloc(sizeof(*cached));
	cached->file.fd = fd;
	cached->file.id = id;
	cached->file.size = size;
	pthread_mutex_lock(&blobs->mutex);
	other = find(blobs, id);
	if (other == NULL) {
		enlist(blobs, cached);
	} else { /* another thread was faster: its file is shared */
		release(cached);
		cached = other;
	}
	atomic_fetch_add(&cached->file.users, 1);
	pthread_mutex_unlock(&blobs->mutex);
	*ret_file = &cached->file;
	return OK;
}

void
blob_file_close(struct store *store, struct blob_file *file)
{
	struct cached_file *cached = (struct cached_file *)file;

	if (file == NULL)
		return;
	pthread_mutex_lock(&store->blobs->mutex);
	if (atomic_fetch_sub(&file->users, 1) == 1 && !cached->listed)
		release(cached);
	pthread_mutex_unlock(&store->blobs->mutex);
}

static enum outcome
hash_file(int fd, XXH3_state_t *hash, char *block, uint64_t *ret_size)
{
	uint64_t size = 0;

	for (;;) {
		ssize_t n = pread(fd, block, READ_SIZE, (off_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return IO;
		if (n == 0)
			break;
		if (XXH3_128bits_update(hash, block, (size_t)n) != XXH_OK)
			return BUG;
		size += (uint64_t)n;
	}
	*ret_size = size;
	return OK;
}

enum outcome
blob_file_verify(struct blob_file *file, const struct blob_record *record)
{
	XXH3_state_t *hash = memory_need(XXH3_createState());
	char *block = memory_alloc(READ_SIZE);
	struct checksum sum = { 0 };
	uint64_t size = 0;
	enum outcome outcome = BUG;

	if (XXH3_128bits_reset(hash) == XXH_OK)
		outcome = hash_file(file->fd, hash, block, &size);
	if (outcome == OK) {
		XXH128_hash_t digest = XXH3_128bits_digest(hash);

		sum = (struct checksum){ digest.low64, digest.high64 };
	}
	XXH3_freeState(hash);
	free(block);
	if (outcome != OK)
		return outcome;
	if (size != record->size || !checksum_equal(sum, record->sum))
		return DAMAGED;
	atomic_store(&file->trusted, true);
	return OK;
}
