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
#include "store/layout.h"
#include "store/maintain_archive.h"
#include "store/maintain_files.h"
#include "store/maintain_report.h"
#include "store/maintain_stage.h"
#include "store/meta.h"
#include "store/scopes.h"
#include "store/tree_change.h"

/*
 * The inverse of a backup. Only names that a backup has are written, into a
 * stage, and take their place in the folder when all of them are right.
 * Checksums are compared twice: what was read with the list at the end of the
 * archive, and the contents with their records in the engine. Then the store
 * is moved on: ids and change logs go past all that the lost store may have
 * given out after the backup, so that no entity tag is given twice and no sync
 * token of then is taken for one of now.
 */
enum { RESTORE_READ = 256 * 1024, RESTORE_ID_BLOCKS = 16384 };

static const uint64_t restore_sequence_jump = UINT64_C(1) << 32;
static const uint64_t restore_map_size = UINT64_C(1) << 40;

struct restored_blob {
	blob_id id;
	uint64_t size;
	struct checksum sum;
};

struct restore {
	struct maintain *maintain;
	struct archive *archive;
	struct stage stage;
	int root;                   /* the stage, open */
	char *block;                /* owned; RESTORE_READ */
	struct buffer lines;        /* as computed, without the heading */
	struct buffer checksums;    /* as read */
	struct restored_blob *blob; /* owned, in the order of the archive */
	size_t blobs, blobs_room;
	char engine[16];
	uint64_t files, bytes;
};

static enum outcome
damaged(struct restore *restore, const char *what)
{
	maintain_finding(restore->maintain, "the backup is damaged: %s", what);
	return DAMAGED;
}

static bool
is_plain_name(struct text name)
{
	if (name.len == 0 || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '/' || (unsigned char)name.ptr[i] < ' ')
			return false;
	return true;
}

/* The id of "ab/0123456789abcdef", 0 for any other text. */
static blob_id
blob_of_name(struct text name)
{
	char expected[BLOB_NAME_SIZE];
	uint64_t id;

	if (name.len != BLOB_NAME_SIZE - 1 ||
	    !text_parse_u64(text_slice(name, 3, name.len), 16, &id))
		return 0;
	blob_name(id, expected);
	return text_equal(name, text_from(expected)) ? id : 0;
}

/* The names that a backup has; the id if it is a blob. */
static bool
name_allowed(struct text path, blob_id *ret_id)
{
	static const struct text folders[] = { { "state/secret/", 13 },
		{ "state/engine/", 13 } };
	static const struct text blobs = { "state/blobs/", 12 };

	*ret_id = 0;
	if (text_equal(path, TEXT("celldav.conf")))
		return true;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (text_starts(path, folders[i]))
			return is_plain_name(text_slice(path, folders[i].len,
			    path.len));
	if (!text_starts(path, blobs))
		return false;
	*ret_id = blob_of_name(text_slice(path, blobs.len, path.len));
	return *ret_id != 0;
}

/* The folders above a name; all of them are ours and new. */
static enum outcome
make_parents(struct restore *restore, const char *path)
{
	char part[64];

	for (const char *at = strchr(path, '/'); at != NULL;
	    at = strchr(at + 1, '/')) {
		size_t len = (size_t)(at - path);

		if (len >= sizeof(part))
			return BAD_INPUT;
		memcpy(part, path, len);
		part[len] = '\0';
		if (mkdirat(restore->root, part, 0700) != 0 && errno != EEXIST)
			return file_outcome(errno);
	}
	return OK;
}

static enum outcome
read_block(struct restore *restore, size_t *ret_len)
{
	la_ssize_t n = archive_read_data(restore->archive, restore->block,
	    RESTORE_READ);

	if (n < 0)
		return damaged(restore, archive_error_string(restore->archive));
	*ret_len = (size_t)n;
	return OK;
}

/* Until the entry ends: into the file, through the hash. */
static enum outcome
read_bytes(struct restore *restore, int fd, struct restored_blob *ret_read)
{
	XXH3_state_t *hash = XXH3_createState();
	uint64_t size = 0;
	size_t len = 1;
	enum outcome outcome = hash != NULL &&
		XXH3_128bits_reset(hash) == XXH_OK ?
	    OK :
	    BUSY;

	while (outcome == OK && len > 0) {
		outcome = read_block(restore, &len);
		if (outcome != OK)
			break;
		(void)XXH3_128bits_update(hash, restore->block, len);
		outcome = file_write(fd, (struct text){ restore->block, len });
		size += len;
	}
	if (outcome == OK) {
		XXH128_hash_t digest = XXH3_128bits_digest(hash);

		ret_read->sum = (struct checksum){ digest.low64,
			digest.high64 };
		ret_read->size = size;
	}
	XXH3_freeState(hash);
	return outcome;
}

static void
note_blob(struct restore *restore, const struct restored_blob *blob)
{
	if (restore->blobs == restore->blobs_room) {
		restore->blobs_room = restore->blobs_room == 0 ?
		    1024 :
		    restore->blobs_room * 2;
		restore->blob = memory_resize(restore->blob,
		    restore->blobs_room * sizeof(*restore->blob));
	}
	restore->blob[restore->blobs++] = *blob;
}

static enum outcome
restore_file(struct restore *restore, const char *path)
{
	SCOPED(fd) int fd = -1;
	struct restored_blob read = { 0 };
	enum outcome outcome;

	if (!name_allowed(text_from(path), &read.id)) {
		maintain_finding(restore->maintain,
		    "%s is not part of a "
		    "backup",
		    path);
		return BAD_INPUT;
	}
	if (strchr(path, '/') == NULL && stage_taken(&restore->stage, path))
		return EXISTS;
	outcome = make_parents(restore, path);
	if (outcome != OK)
		return outcome;
	fd = beneath_open(restore->root, path, O_WRONLY | O_CREAT | O_EXCL,
	    0600);
	if (fd < 0) {
		maintain_finding(restore->maintain, "%s cannot be made: %s",
		    path, strerrordesc_np(errno));
		return file_outcome(errno);
	}
	outcome = read_bytes(restore, fd, &read);
	if (outcome != OK)
		return outcome;
	checksum_line(&restore->lines, read.sum, path);
	if (read.id != 0)
		note_blob(restore, &read);
	restore->files++;
	restore->bytes += read.size;
	return OK;
}

static enum outcome
restore_checksums(struct restore *restore)
{
	size_t len = 1;
	enum outcome outcome = OK;

	while (outcome == OK && len > 0) {
		outcome = read_block(restore, &len);
		if (outcome == OK)
			buffer_append(&restore->checksums,
			    (struct text){ restore->block, len });
	}
	return outcome;
}

static enum outcome
restore_entries(struct restore *restore)
{
	enum outcome outcome = OK;

	while (outcome == OK) {
		struct archive_entry *entry;
		int rc = archive_read_next_header(restore->archive, &entry);
		const char *path;

		if (rc == ARCHIVE_EOF)
			return OK;
		if (rc != ARCHIVE_OK)
			return damaged(restore,
			    archive_error_string(restore->archive));
		path = archive_entry_pathname(entry);
		if (path == NULL || archive_entry_filetype(entry) != AE_IFREG)
			return damaged(restore, "an entry is no file");
		if (strcmp(path, BACKUP_CHECKSUMS) == 0)
			outcome = restore_checksums(restore);
		else
			outcome = restore_file(restore, path);
		maintain_progress(restore->maintain, restore->files, 0);
	}
	return outcome;
}

/* Names the first line that differs. */
static enum outcome
compare_lines(struct restore *restore, struct text wanted)
{
	struct text found = buffer_text(&restore->lines);

	while (found.len > 0 || wanted.len > 0) {
		struct text a = text_split(&found, '\n');
		struct text b = text_split(&wanted, '\n');

		if (text_equal(a, b))
			continue;
		maintain_finding(restore->maintain,
		    "the backup is damaged: "
		    "%.*s does not have its checksum",
		    TEXT_ARGS(text_slice(b.len > 0 ? b : a, 34, 300)));
		return DAMAGED;
	}
	return OK;
}

static enum outcome
compare_checksums(struct restore *restore)
{
	struct text wanted = buffer_text(&restore->checksums);
	struct text heading = text_split(&wanted, '\n');

	if (!text_starts(heading, TEXT(BACKUP_HEADING)))
		return damaged(restore, "its list of checksums is missing");
	heading = text_slice(heading, sizeof(BACKUP_HEADING) - 1, heading.len);
	if (heading.len >= sizeof(restore->engine))
		return damaged(restore, "its heading is wrong");
	memcpy(restore->engine, heading.ptr, heading.len);
	restore->engine[heading.len] = '\0';
	return compare_lines(restore, wanted);
}

static int
compare_blobs(const void *a, const void *b)
{
	const struct restored_blob *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static enum outcome
compare_record(struct restore *restore, blob_id id,
    const struct blob_record *record)
{
	const struct restored_blob wanted = { .id = id };
	const struct restored_blob *blob = restore->blobs == 0 ?
	    NULL :
	    bsearch(&wanted, restore->blob, restore->blobs, sizeof(wanted),
		compare_blobs);

	if (blob != NULL && blob->size == record->size &&
	    checksum_equal(blob->sum, record->sum))
		return OK;
	maintain_finding(restore->maintain, "content %016llx is %s",
	    (unsigned long long)id,
	    blob == NULL ? "missing" : "not what was stored");
	return DAMAGED;
}

static enum outcome
compare_records(struct restore *restore, struct txn *txn)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (restore->blobs > 0)
		qsort(restore->blob, restore->blobs, sizeof(*restore->blob),
		    compare_blobs);
	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_BLOB, 0));
	while (outcome == OK && cursor->key.ptr[0] == KEY_BLOB) {
		struct blob_record record;

		outcome = blob_record_decode(cursor->value, &record);
		if (outcome == OK && !record.in_engine)
			outcome = compare_record(restore,
			    key_id_of(cursor->key, 0), &record);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

/* All tokens from before are too old now: clients list anew. */
static enum outcome
move_trees_on(struct txn *txn)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_TREE, 0));
	while (outcome == OK && cursor->key.ptr[0] == KEY_TREE) {
		struct tree tree;

		outcome = tree_get(txn, key_id_of(cursor->key, 0), &tree);
		if (outcome != OK)
			break;
		tree.sequence += restore_sequence_jump;
		tree.pruned = tree.sequence;
		outcome = tree_store(txn, &tree);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
move_on(struct restore *restore, struct txn *txn)
{
	struct meta meta;
	enum outcome outcome = meta_read(txn, &meta);

	if (outcome == OK && meta.format > STORE_FORMAT) {
		maintain_finding(restore->maintain,
		    "the backup has the newer "
		    "format %llu: use the celldav that wrote it",
		    (unsigned long long)meta.format);
		return UNSUPPORTED;
	}
	if (outcome == OK)
		outcome = move_trees_on(txn);
	if (outcome == OK)
		outcome = meta_put(txn, TEXT("ids"),
		    meta.ids + ((uint64_t)RESTORE_ID_BLOCKS << META_ID_BITS));
	return outcome;
}

static enum outcome
change_engine(struct restore *restore, struct engine *engine)
{
	SCOPED(txn) struct txn *txn = NULL;
	enum outcome outcome = txn_begin_write(engine, &txn);

	if (outcome == OK)
		outcome = compare_records(restore, txn);
	if (outcome == OK)
		outcome = move_on(restore, txn);
	if (outcome != OK)
		return outcome;
	outcome = txn_commit(txn);
	txn = NULL;
	return outcome;
}

static enum outcome
finish_engine(struct restore *restore, const char *dir)
{
	const struct engine_row *row = engine_row_find(restore->engine);
	SCOPED(buffer) struct buffer path = { 0 };
	SCOPED(buffer) struct buffer message = { .max = 1000 };
	struct engine_options options = { .map_size = restore_map_size };
	struct engine *engine;
	enum outcome outcome;

	if (row == NULL)
		return damaged(restore, "its engine is not known");
	buffer_format(&path, "%s/state/engine%c", dir, 0);
	options.path = path.ptr;
	outcome = layout_probe(row, &options, &message);
	if (outcome == OK)
		outcome = row->open(&options, &message, &engine);
	if (outcome != OK) {
		maintain_finding(restore->maintain, "%.*s",
		    TEXT_ARGS(buffer_text(&message)));
		return outcome;
	}
	outcome = change_engine(restore, engine);
	row->close(engine);
	return outcome;
}

/* The folders of a state inside the stage. */
static enum outcome
prepare_folder(struct restore *restore)
{
	SCOPED(buffer) struct buffer message = { .max = 1000 };
	SCOPED(buffer) struct buffer state = { 0 };
	enum outcome outcome;

	buffer_format(&state, "%s/state%c", restore->stage.path, 0);
	outcome = layout_create(state.ptr, &message);
	if (outcome != OK) {
		maintain_finding(restore->maintain, "%.*s",
		    TEXT_ARGS(buffer_text(&message)));
		return outcome;
	}
	restore->root = open(restore->stage.path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return restore->root < 0 ? file_outcome(errno) : OK;
}

static enum outcome
restore_state(struct restore *restore)
{
	enum outcome outcome = prepare_folder(restore);

	if (outcome == OK)
		outcome = restore_entries(restore);
	if (outcome == OK)
		outcome = compare_checksums(restore);
	if (outcome == OK)
		outcome = finish_engine(restore, restore->stage.path);
	return outcome == OK ? stage_place(&restore->stage) : outcome;
}

static enum outcome
run_restore(struct restore *restore, const char *file, const char *dir)
{
	enum outcome outcome;

	if (archive_read_support_format_tar(restore->archive) != ARCHIVE_OK ||
	    archive_read_open_filename(restore->archive, file, RESTORE_READ) !=
		ARCHIVE_OK) {
		maintain_finding(restore->maintain, "%s cannot be read: %s",
		    file, archive_error_string(restore->archive));
		return IO;
	}
	outcome = stage_begin(restore->maintain, dir, &restore->stage);
	if (outcome != OK)
		return outcome;
	outcome = restore_state(restore);
	stage_end(&restore->stage);
	return outcome;
}

enum outcome
store_restore(const char *file, const char *dir, struct maintain *maintain)
{
	struct restore restore = { .maintain = maintain, .root = -1 };
	enum outcome outcome;

	restore.archive = archive_read_new();
	restore.block = memory_alloc(RESTORE_READ);
	outcome = run_restore(&restore, file, dir);
	maintain_count(maintain, "files", restore.files);
	maintain_count(maintain, "bytes", restore.bytes);
	archive_read_free(restore.archive);
	fd_close(restore.root);
	buffer_done(&restore.lines);
	buffer_done(&restore.checksums);
	free(restore.blob);
	free(restore.block);
	return outcome;
}
