#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/base/memory.h"
#include "store/blobs.h"
#include "store/keys.h"
#include "store/maintain_archive.h"
#include "store/maintain_files.h"
#include "store/maintain_report.h"
#include "store/scopes.h"

/*
 * One file with everything, while others work. Consistent by order: first no
 * blob file may be unlinked any more (blob_hold), then the engine is copied.
 * Every file that the copy names was renamed into place before the commit that
 * the copy holds, and stays until the backup ends. Each content is compared
 * with its record on the way: a backup of a damaged store fails, and leaves
 * the older backup of that name alone.
 */
enum { BACKUP_READ = 256 * 1024 };

struct backup {
	struct store *store;
	struct maintain *maintain;
	struct archive *archive; /* owned */
	struct engine *copy;     /* owned: the copied engine, opened */
	char *part, *copy_path;  /* owned: FILE.part, FILE.engine */
	char *block;             /* owned; BACKUP_READ */
	struct buffer checksums;
	int fd;              /* of the part */
	enum outcome failed; /* of writing to it */
	bool dropped;        /* nothing is written any more */
	uint64_t all, files, bytes;
};

void
checksum_line(struct buffer *out, struct checksum sum, const char *path)
{
	buffer_format(out, "%016llx%016llx  %s\n", (unsigned long long)sum.high,
	    (unsigned long long)sum.low, path);
}

/*
 * After an error the archive is still closed in order, which pads the entry
 * that was begun; none of that need reach a disk.
 */
static la_ssize_t
write_part(struct archive *archive, void *context, const void *bytes,
    size_t len)
{
	struct backup *backup = context;

	if (backup->dropped)
		return (la_ssize_t)len;
	if (backup->failed == OK)
		backup->failed = file_write(backup->fd,
		    (struct text){ bytes, len });
	if (backup->failed == OK)
		return (la_ssize_t)len;
	archive_set_error(archive, EIO, "%s", outcome_name(backup->failed));
	return -1;
}

static enum outcome
archive_outcome(struct backup *backup)
{
	maintain_finding(backup->maintain, "the backup cannot be written: %s",
	    archive_error_string(backup->archive));
	return backup->failed == NO_SPACE ? NO_SPACE : IO;
}

static enum outcome
write_header(struct backup *backup, const char *path, uint64_t size)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	archive_entry_set_pathname(entry, path);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	rc = archive_write_header(backup->archive, entry);
	archive_entry_free(entry);
	return rc == ARCHIVE_OK ? OK : archive_outcome(backup);
}

static enum outcome
write_block(struct backup *backup, struct text bytes)
{
	while (bytes.len > 0) {
		la_ssize_t n = archive_write_data(backup->archive, bytes.ptr,
		    bytes.len);

		if (n <= 0)
			return archive_outcome(backup);
		bytes = text_slice(bytes, (size_t)n, bytes.len);
	}
	return OK;
}

/* Exactly `size` bytes of a file; one that is shorter is DAMAGED. */
static enum outcome
write_bytes(struct backup *backup, int fd, uint64_t size,
    struct checksum *ret_sum)
{
	XXH3_state_t *hash = XXH3_createState();
	enum outcome outcome = hash != NULL &&
		XXH3_128bits_reset(hash) == XXH_OK ?
	    OK :
	    BUSY;

	while (outcome == OK && size > 0) {
		size_t want = size < BACKUP_READ ? (size_t)size : BACKUP_READ;
		size_t len;

		outcome = file_read(fd, backup->block, want, &len);
		if (outcome == OK && len < want)
			outcome = DAMAGED;
		if (outcome != OK)
			break;
		(void)XXH3_128bits_update(hash, backup->block, len);
		outcome = write_block(backup,
		    (struct text){ backup->block, len });
		size -= len;
	}
	if (outcome == OK) {
		XXH128_hash_t digest = XXH3_128bits_digest(hash);

		*ret_sum = (struct checksum){ digest.low64, digest.high64 };
	}
	XXH3_freeState(hash);
	return outcome;
}

/* Closes the descriptor. */
static enum outcome
add_file(struct backup *backup, int file, const char *path,
    struct checksum *ret_sum)
{
	SCOPED(fd) int fd = file;
	struct checksum sum;
	struct stat status;
	enum outcome outcome;

	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		maintain_finding(backup->maintain, "%s cannot be read: %s",
		    path, strerrordesc_np(errno));
		return DAMAGED;
	}
	outcome = write_header(backup, path, (uint64_t)status.st_size);
	if (outcome == OK)
		outcome = write_bytes(backup, fd, (uint64_t)status.st_size,
		    &sum);
	if (outcome != OK)
		return outcome;
	checksum_line(&backup->checksums, sum, path);
	backup->files++;
	backup->bytes += (uint64_t)status.st_size;
	*ret_sum = sum;
	return OK;
}

/* The regular files of a folder. */
static enum outcome
add_folder(struct backup *backup, const char *folder, const char *below)
{
	SCOPED(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct listing listing;
	enum outcome outcome = fd < 0 ? IO : listing_read(fd, &listing);

	if (outcome != OK) {
		maintain_finding(backup->maintain, "%s cannot be read", folder);
		return outcome;
	}
	for (size_t i = 0; outcome == OK && i < listing.count; i++) {
		SCOPED(buffer) struct buffer path = { 0 };
		struct checksum sum;

		/* Readers of the copy have made a table of their own. */
		if (strcmp(listing.name[i], "lock.mdb") == 0)
			continue;
		buffer_format(&path, "%s/%s%c", below, listing.name[i], 0);
		outcome = add_file(backup,
		    beneath_open(fd, listing.name[i], O_RDONLY, 0), path.ptr,
		    &sum);
	}
	listing_done(&listing);
	return outcome;
}

static enum outcome
add_blob(struct backup *backup, blob_id id, const struct blob_record *record)
{
	char name[BLOB_NAME_SIZE], path[BLOB_NAME_SIZE + 16];
	struct checksum sum;
	enum outcome outcome;

	blob_name(id, name);
	snprintf(path, sizeof(path), "state/blobs/%s", name);
	outcome = add_file(backup,
	    beneath_open(backup->store->blobs->blobs, name, O_RDONLY, 0), path,
	    &sum);
	if (outcome == OK && !checksum_equal(sum, record->sum)) {
		maintain_finding(backup->maintain,
		    "content %016llx: its file "
		    "is not what was stored",
		    (unsigned long long)id);
		outcome = DAMAGED;
	}
	return outcome;
}

static enum outcome
check_small(struct backup *backup, struct txn *txn, blob_id id)
{
	struct text bytes;
	enum outcome outcome = blob_bytes(txn, id, &bytes);

	if (outcome == DAMAGED || outcome == NOT_FOUND) {
		maintain_finding(backup->maintain,
		    "content %016llx in the "
		    "engine is not what was stored",
		    (unsigned long long)id);
		outcome = DAMAGED;
	}
	return outcome;
}

/* The copy is nobody else's: its transaction may live as long as it takes. */
static enum outcome
add_blobs(struct backup *backup)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = txn_begin_read(backup->copy, &txn);

	if (outcome == OK)
		outcome = cursor_open(txn, &cursor);
	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_BLOB, 0));
	while (outcome == OK && cursor->key.ptr[0] == KEY_BLOB) {
		blob_id id = key_id_of(cursor->key, 0);
		struct blob_record record;

		outcome = blob_record_decode(cursor->value, &record);
		if (outcome == OK)
			outcome = record.in_engine ?
			    check_small(backup, txn, id) :
			    add_blob(backup, id, &record);
		maintain_progress(backup->maintain, backup->files, backup->all);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
copy_engine(struct backup *backup)
{
	struct engine_options options = { .path = backup->copy_path,
		.map_size = backup->store->conf->store.map_size,
		.read_only = true };
	const struct engine_row *row = backup->store->engine->row;
	SCOPED(buffer) struct buffer message = { .max = 1000 };
	enum outcome outcome;

	if (mkdir(backup->copy_path, 0700) != 0) {
		maintain_finding(backup->maintain, "%s cannot be made: %s",
		    backup->copy_path, strerrordesc_np(errno));
		return file_outcome(errno) == NO_SPACE ? NO_SPACE : IO;
	}
	outcome = row->copy(backup->store->engine, backup->copy_path);
	if (outcome != OK) {
		maintain_finding(backup->maintain,
		    "the engine cannot be "
		    "copied to %s: %s",
		    backup->copy_path, outcome_name(outcome));
		return outcome;
	}
	return row->open(&options, &message, &backup->copy);
}

static void
remove_copy(struct backup *backup)
{
	SCOPED(fd) int fd = -1;
	struct listing listing;

	if (backup->copy != NULL)
		backup->copy->row->close(backup->copy);
	fd = open(backup->copy_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || listing_read(fd, &listing) != OK)
		return;
	for (size_t i = 0; i < listing.count; i++)
		(void)unlinkat(fd, listing.name[i], 0); /* ours alone */
	listing_done(&listing);
	(void)rmdir(backup->copy_path);
}

static enum outcome
add_configuration(struct backup *backup)
{
	const char *file = backup->store->conf->file;
	struct checksum sum;

	if (file == NULL)
		return OK;
	return add_file(backup, open(file, O_RDONLY | O_CLOEXEC),
	    "celldav.conf", &sum);
}

static enum outcome
add_checksums(struct backup *backup)
{
	struct text lines = buffer_text(&backup->checksums);
	enum outcome outcome = write_header(backup, BACKUP_CHECKSUMS,
	    lines.len);

	return outcome == OK ? write_block(backup, lines) : outcome;
}

static enum outcome
add_all(struct backup *backup)
{
	SCOPED(buffer) struct buffer secret = { 0 };
	enum outcome outcome;

	buffer_format(&backup->checksums, BACKUP_HEADING "%s\n",
	    backup->store->engine->row->name);
	buffer_format(&secret, "%s/secret%c", backup->store->path, 0);
	outcome = add_configuration(backup);
	if (outcome == OK)
		outcome = add_folder(backup, secret.ptr, "state/secret");
	if (outcome == OK)
		outcome = add_folder(backup, backup->copy_path, "state/engine");
	if (outcome == OK)
		outcome = add_blobs(backup);
	return outcome == OK ? add_checksums(backup) : outcome;
}

static enum outcome
write_archive(struct backup *backup)
{
	struct archive *archive = archive_write_new();
	enum outcome outcome;

	backup->archive = archive;
	if (archive_write_set_format_pax_restricted(archive) != ARCHIVE_OK ||
	    archive_write_open2(archive, backup, NULL, write_part, NULL,
		NULL) != ARCHIVE_OK)
		outcome = archive_outcome(backup);
	else
		outcome = add_all(backup);
	backup->dropped = outcome != OK;
	if (archive_write_close(archive) != ARCHIVE_OK && outcome == OK)
		outcome = archive_outcome(backup);
	archive_write_free(archive);
	if (outcome == OK && TEMP_FAILURE_RETRY(fsync(backup->fd)) != 0)
		outcome = file_outcome(errno);
	return outcome;
}

static enum outcome
write_part_file(struct backup *backup)
{
	enum outcome outcome;

	backup->fd = open(backup->part,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (backup->fd < 0) {
		maintain_finding(backup->maintain, "%s cannot be made: %s",
		    backup->part, strerrordesc_np(errno));
		return IO;
	}
	outcome = write_archive(backup);
	fd_close(backup->fd);
	return outcome;
}

static char *
with_suffix(const char *file, const char *suffix)
{
	SCOPED(buffer) struct buffer name = { 0 };

	buffer_format(&name, "%s%s", file, suffix);
	return memory_string(buffer_text(&name));
}

static enum outcome
run_backup(struct backup *backup, const char *file) ON_WORKER;

static enum outcome
run_backup(struct backup *backup, const char *file)
{
	SCOPED(fd) int hold = -1;
	struct engine_stats stats;
	enum outcome outcome = blob_hold(backup->store, &hold);

	if (outcome == OK)
		outcome = copy_engine(backup);
	if (outcome == OK) {
		backup->copy->row->stats(backup->copy, &stats);
		backup->all = stats.entries;
		outcome = write_part_file(backup);
	}
	remove_copy(backup);
	if (outcome == OK && rename(backup->part, file) != 0)
		outcome = file_outcome(errno);
	if (outcome != OK)
		(void)unlink(backup->part);
	return outcome;
}

enum outcome
store_backup(struct store *store, const char *file, struct maintain *maintain)
{
	struct backup backup = { .store = store, .maintain = maintain };
	enum outcome outcome;

	backup.part = with_suffix(file, ".part");
	backup.copy_path = with_suffix(file, ".engine");
	backup.block = memory_alloc(BACKUP_READ);
	outcome = run_backup(&backup, file);
	maintain_count(maintain, "files", backup.files);
	maintain_count(maintain, "bytes", backup.bytes);
	buffer_done(&backup.checksums);
	free(backup.block);
	free(backup.copy_path);
	free(backup.part);
	return outcome;
}
