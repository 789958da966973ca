#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "server/base/clock.h"
#include "server/base/memory.h"
#include "store/blobs.h"
#include "store/maintain_files.h"
#include "store/maintain_report.h"
#include "store/node.h"
#include "store/scopes.h"

/*
 * A tree out, with its times. A file appears under its name only when it is
 * whole and its checksum agreed, so a second run can pass over what has the
 * same size and time. Members are read in blocks, each in a transaction of its
 * own; no transaction lives while bytes are written.
 */
enum { EXPORT_BLOCK = 256, EXPORT_READ = 256 * 1024 };

struct member { /* what a node leaves behind when its transaction ends */
	enum node_kind kind;
	node_id id;
	blob_id blob;
	uint64_t size, modified_ns;
	char name[PATH_SEGMENT_MAX + 1];
	char key[PATH_SEGMENT_MAX + 1];
};

struct members {
	struct member *member; /* EXPORT_BLOCK */
	size_t count;
};

struct export
{
	struct store *store;
	struct maintain *maintain;
	char *block; /* owned; EXPORT_READ */
	uint64_t all, done, files, folders, present, skipped, bytes;
};

static void
skip(struct export *export, const struct member *member, const char *why)
{
	export->skipped++;
	maintain_finding(export->maintain, "%s (node %016llx): skipped: %s",
	    member->name, (unsigned long long)member->id, why);
}

static bool
add_member(const struct node *node, void *context)
{
	struct members *members = context;
	struct member *member = &members->member[members->count++];

	*member = (struct member){ .kind = node->kind,
		.id = node->id,
		.blob = node->blob,
		.size = node->size,
		.modified_ns = node->modified_ns };
	memcpy(member->name, node->name.ptr, node->name.len);
	memcpy(member->key, node->key.ptr, node->key.len);
	return members->count < EXPORT_BLOCK;
}

static enum outcome
read_members(struct export *export, node_id parent, const char *after,
    struct members *members)
{
	SCOPED(txn) struct txn *txn = NULL;
	enum outcome outcome = txn_begin_read(export->store->engine, &txn);

	members->count = 0;
	if (outcome != OK)
		return outcome;
	return node_each(txn, parent, text_from(after), add_member, members);
}

static enum outcome
write_small(struct export *export, int fd, const struct member *member)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(buffer) struct buffer copy = { 0 };
	struct text bytes;
	enum outcome outcome = txn_begin_read(export->store->engine, &txn);

	if (outcome == OK)
		outcome = blob_bytes(txn, member->blob, &bytes);
	if (outcome != OK)
		return outcome;
	buffer_append(&copy, bytes);
	txn_abort(txn);
	txn = NULL;
	return file_write(fd, buffer_text(&copy));
}

static enum outcome
record_of(struct export *export, blob_id id, struct blob_record *ret_record)
{
	SCOPED(txn) struct txn *txn = NULL;
	enum outcome outcome = txn_begin_read(export->store->engine, &txn);

	return outcome == OK ? blob_get(txn, id, ret_record) : outcome;
}

/* Hashed while it is copied: what disagrees is not shown. */
static enum outcome
copy_file(struct export *export, const struct blob_file *file, int fd,
    const struct blob_record *record)
{
	XXH3_state_t *hash = XXH3_createState();
	XXH128_hash_t digest;
	uint64_t at = 0;
	enum outcome outcome = hash != NULL &&
		XXH3_128bits_reset(hash) == XXH_OK ?
	    OK :
	    BUSY;

	while (outcome == OK) {
		ssize_t n = pread(file->fd, export->block, EXPORT_READ,
		    (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			outcome = IO;
		if (n <= 0)
			break;
		(void)XXH3_128bits_update(hash, export->block, (size_t)n);
		outcome = file_write(fd,
		    (struct text){ export->block, (size_t)n });
		at += (uint64_t)n;
	}
	if (outcome == OK) {
		digest = XXH3_128bits_digest(hash);
		if (at != record->size || digest.low64 != record->sum.low ||
		    digest.high64 != record->sum.high)
			outcome = DAMAGED;
	}
	XXH3_freeState(hash);
	return outcome;
}

static enum outcome
write_content(struct export *export, int fd, const struct member *member)
{
	struct blob_record record;
	struct blob_file *file;
	enum outcome outcome;

	if (member->blob == 0)
		return OK;
	outcome = record_of(export, member->blob, &record);
	if (outcome != OK)
		return outcome;
	if (record.in_engine)
		return write_small(export, fd, member);
	outcome = blob_file_open(export->store, member->blob, record.size,
	    &file);
	if (outcome != OK)
		return outcome;
	outcome = copy_file(export, file, fd, &record);
	blob_file_close(export->store, file);
	return outcome;
}

static void
times_of(uint64_t modified_ns, struct timespec times[2])
{
	times[0].tv_sec = 0;
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_sec = (time_t)(modified_ns / NS_PER_SECOND);
	times[1].tv_nsec = (long)(modified_ns % NS_PER_SECOND);
}

static enum outcome
publish_file(int folder, int fd, const char *staged,
    const struct member *member)
{
	struct timespec times[2];

	times_of(member->modified_ns, times);
	if (futimens(fd, times) != 0 ||
	    renameat(folder, staged, folder, member->name) != 0)
		return file_outcome(errno);
	return OK;
}

static bool
is_present(int folder, const struct member *member)
{
	struct stat status;

	return fstatat(folder, member->name, &status, AT_SYMLINK_NOFOLLOW) ==
	    0 &&
	    S_ISREG(status.st_mode) &&
	    (uint64_t)status.st_size == member->size &&
	    stat_modified_ns(&status) == member->modified_ns;
}

static enum outcome
export_file(struct export *export, int folder, const struct member *member)
{
	SCOPED(fd) int fd = -1;
	char staged[40];
	enum outcome outcome;

	if (is_present(folder, member)) {
		export->present++;
		return OK;
	}
	snprintf(staged, sizeof(staged), ".celldav-%016llx",
	    (unsigned long long)member->id);
	(void)unlinkat(folder, staged, 0); /* of a run that was ended */
	fd = beneath_open(folder, staged, O_WRONLY | O_CREAT | O_EXCL, 0644);
	outcome = fd < 0 ? file_outcome(errno) :
			   write_content(export, fd, member);
	if (outcome == OK)
		outcome = publish_file(folder, fd, staged, member);
	if (outcome == OK) {
		export->files++;
		export->bytes += member->size;
		return OK;
	}
	if (fd >= 0)
		(void)unlinkat(folder, staged, 0); /* half of a file */
	if (outcome == NO_SPACE)
		return NO_SPACE;
	skip(export, member, outcome_name(outcome));
	return OK;
}

static enum outcome
export_folder(struct export *export, int folder, node_id id, size_t levels);

static enum outcome
export_below(struct export *export, int folder, const struct member *member,
    size_t levels)
{
	SCOPED(fd) int fd = -1;
	struct timespec times[2];
	enum outcome outcome;

	if (mkdirat(folder, member->name, 0755) == 0)
		export->folders++;
	else if (errno != EEXIST) {
		skip(export, member, strerrordesc_np(errno));
		return errno == ENOSPC ? NO_SPACE : OK;
	}
	fd = beneath_open(folder, member->name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0) {
		skip(export, member, strerrordesc_np(errno));
		return OK;
	}
	outcome = export_folder(export, fd, member->id, levels + 1);
	times_of(member->modified_ns, times);
	if (outcome == OK && futimens(fd, times) != 0)
		skip(export, member, "its time cannot be set");
	return outcome;
}

static enum outcome
export_members(struct export *export, int folder, const struct members *members,
    size_t levels)
{
	enum outcome outcome = OK;

	for (size_t i = 0; outcome == OK && i < members->count; i++) {
		const struct member *member = &members->member[i];

		if (++export->done % 64 == 0)
			maintain_progress(export->maintain, export->done,
			    export->all);
		outcome = member->kind == NODE_COLLECTION ?
		    export_below(export, folder, member, levels) :
		    export_file(export, folder, member);
	}
	return outcome;
}

static enum outcome
export_folder(struct export *export, int folder, node_id id, size_t levels)
{
	struct members members = { .count = 0 };
	char after[PATH_SEGMENT_MAX + 1] = "";
	enum outcome outcome;

	if (levels > PATH_LEVELS_MAX + 1)
		return DAMAGED;
	members.member = memory_array(EXPORT_BLOCK, sizeof(struct member));
	do {
		outcome = read_members(export, id, after, &members);
		if (outcome == OK && members.count > 0)
			memcpy(after, members.member[members.count - 1].key,
			    sizeof(after));
		if (outcome == OK)
			outcome = export_members(export, folder, &members,
			    levels);
	} while (outcome == OK && members.count == EXPORT_BLOCK);
	free(members.member);
	return outcome;
}

static enum outcome
export_root(struct export *export, const struct transfer_options *options)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(fd) int fd = -1;
	struct node root;
	enum outcome outcome = txn_begin_read(export->store->engine, &txn);

	if (outcome == OK)
		outcome = node_find_id(txn, options->root, &root);
	if (outcome != OK)
		return outcome;
	txn_abort(txn);
	txn = NULL;
	export->all = root.tree_count;
	if (mkdir(options->folder, 0755) != 0 && errno != EEXIST)
		return file_outcome(errno);
	fd = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return file_outcome(errno);
	outcome = export_folder(export, fd, options->root, 0);
	/* One sync for all instead of one for each file. */
	if (outcome == OK && TEMP_FAILURE_RETRY(syncfs(fd)) != 0)
		outcome = file_outcome(errno);
	return outcome;
}

enum outcome
store_export(struct store *store, const struct transfer_options *options,
    struct maintain *maintain)
{
	struct export export = { .store = store, .maintain = maintain };
	enum outcome outcome;

	export.block = memory_alloc(EXPORT_READ);
	outcome = export_root(&export, options);
	maintain_progress(maintain, export.done, export.all);
	maintain_count(maintain, "files", export.files);
	maintain_count(maintain, "folders", export.folders);
	maintain_count(maintain, "present", export.present);
	maintain_count(maintain, "skipped", export.skipped);
	maintain_count(maintain, "bytes", export.bytes);
	free(export.block);
	return outcome;
}
