#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "server/base/memory.h"
#include "store/maintain_verify.h"

/*
 * References counted in the trees against those in the records, by one walk
 * over both in the order of ids; then the files against the records.
 */
void
pair_list_add(struct pair_list *list, uint64_t id, uint64_t number)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 256 : list->room * 2;
		list->pair = memory_resize(list->pair,
		    list->room * sizeof(*list->pair));
	}
	list->pair[list->count++] = (struct id_number){ id, number };
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct id_number *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

void
pair_list_sum(struct pair_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->pair, list->count, sizeof(*list->pair), compare_pairs);
	for (size_t i = 1; i < list->count; i++) {
		if (list->pair[i].id == list->pair[kept].id)
			list->pair[kept].number += list->pair[i].number;
		else
			list->pair[++kept] = list->pair[i];
	}
	list->count = kept + 1;
}

void
pair_list_done(struct pair_list *list)
{
	free(list->pair);
	*list = (struct pair_list){ 0 };
}

static void
check_file(struct verify *verify, blob_id id, uint64_t size)
{
	char name[BLOB_NAME_SIZE];
	struct stat status;

	blob_name(id, name);
	if (fstatat(verify->store->blobs->blobs, name, &status,
		AT_SYMLINK_NOFOLLOW) != 0)
		maintain_finding(verify->maintain,
		    "content %016llx: its file "
		    "blobs/%s is missing",
		    HEX(id), name);
	else if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != size)
		maintain_finding(verify->maintain,
		    "content %016llx: its file "
		    "has %llu bytes instead of %llu",
		    HEX(id), HEX(status.st_size), HEX(size));
}

static enum outcome
check_content(struct verify *verify, blob_id id,
    const struct blob_record *record)
{
	struct text bytes;
	enum outcome outcome;

	if (!record->in_engine) {
		check_file(verify, id, record->size);
		return OK;
	}
	outcome = blob_bytes(verify->txn, id, &bytes);
	if (outcome != DAMAGED)
		return outcome;
	maintain_finding(verify->maintain,
	    "content %016llx in the engine is "
	    "not what was stored",
	    HEX(id));
	return OK;
}

/* How often the trees name it; those below it have no record. */
static uint64_t
take_references(struct verify *verify, size_t *at, blob_id id)
{
	const struct id_list *list = &verify->references;
	uint64_t count = 0;

	while (*at < list->count && list->id[*at] < id) {
		maintain_finding(verify->maintain,
		    "content %016llx is named, "
		    "but has no record",
		    HEX(list->id[*at]));
		(*at)++;
	}
	while (*at < list->count && list->id[*at] == id) {
		count++;
		(*at)++;
	}
	return count;
}

static enum outcome
check_record(struct verify *verify, const struct cursor *cursor, size_t *at)
{
	blob_id id = key_id_of(cursor->key, 0);
	uint64_t count = take_references(verify, at, id);
	struct blob_record record;

	if (blob_record_decode(cursor->value, &record) != OK) {
		maintain_finding(verify->maintain,
		    "the record of content "
		    "%016llx cannot be read",
		    HEX(id));
		return OK;
	}
	if (record.references != count)
		maintain_finding(verify->maintain,
		    "content %016llx has %llu "
		    "references, but is named %llu times",
		    HEX(id), HEX(record.references), HEX(count));
	return check_content(verify, id, &record);
}

static enum outcome
check_records(struct verify *verify)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	size_t at = 0;
	enum outcome outcome = cursor_open(verify->txn, &cursor);

	id_list_sort(&verify->references);
	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_BLOB, 0));
	while (outcome == OK && cursor->key.ptr[0] == KEY_BLOB) {
		outcome = check_record(verify, cursor, &at);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	(void)take_references(verify, &at, UINT64_MAX);
	return outcome == NOT_FOUND ? OK : outcome;
}

struct file_check {
	struct verify *verify;
	uint64_t files, orphans;
};

/*
 * A file without a record is no damage: a crash between its rename and its
 * commit leaves one, and gc takes it. It is counted, so that it can be seen.
 */
static enum outcome
check_name(blob_id id, const char *name, void *context)
{
	struct file_check *check = context;
	struct blob_record record;
	struct text value;
	struct key key;
	enum outcome outcome;

	check->files++;
	if (id == 0) {
		maintain_finding(check->verify->maintain,
		    "blobs/%s is no content of this store", name);
		return OK;
	}
	outcome = blob_get(check->verify->txn, id, &record);
	if (outcome == NOT_FOUND &&
	    txn_get(check->verify->txn, key_id(&key, KEY_RELEASED, id),
		&value) == NOT_FOUND)
		check->orphans++;
	else if (outcome == OK && record.in_engine)
		maintain_finding(check->verify->maintain,
		    "content %016llx "
		    "is in the engine and in blobs/%s",
		    HEX(id), name);
	return outcome == NOT_FOUND || outcome == DAMAGED ? OK : outcome;
}

enum outcome
verify_blobs(struct verify *verify)
{
	struct file_check check = { .verify = verify };
	enum outcome outcome = check_records(verify);

	if (outcome == OK)
		outcome = blob_each_file(verify->store->blobs, check_name,
		    &check);
	maintain_count(verify->maintain, "blob_files", check.files);
	maintain_count(verify->maintain, "orphan_files", check.orphans);
	return outcome;
}
