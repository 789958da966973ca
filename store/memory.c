#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/codec.h"
#include "server/base/memory.h"
#include "store/engine.h"
#include "store/memory_tree.h"
#include "store/scopes.h"

/*
 * The memory engine: the readable reference of the contract, and the store of
 * unit tests. All keys hang in a tree whose branches never change
 * (memory_tree.h), so a snapshot is one counted pointer, and begin, abort and
 * commit move one pointer. Lookups and cursors search from the root each time:
 * clear before fast.
 *
 * copy() writes all records into one file, and open() reads it back, so that
 * backup and restore work; nothing else is ever written.
 */
struct memory {
	struct engine engine;
	uint64_t size_max;
	pthread_mutex_t writing; /* held while a write transaction lives */
	pthread_mutex_t mutex;   /* guards the state below */
	struct branch *root;
	uint64_t entries, used, readers;
};

struct memory_txn {
	struct txn txn;
	struct branch *root; /* counted: what this transaction sees */
	uint64_t entries, used;
};

struct memory_cursor {
	struct cursor cursor;
	bool placed, ended;
	struct pair *pair; /* counted: where it stands */
};

static enum outcome
memory_begin(struct engine *engine, bool writable, struct txn **ret_txn)
{
	struct memory *db = (struct memory *)engine;
	struct memory_txn *txn = memory_alloc(sizeof(*txn));

	if (writable)
		pthread_mutex_lock(&db->writing);
	pthread_mutex_lock(&db->mutex);
	txn->root = branch_ref(db->root);
	txn->entries = db->entries;
	txn->used = db->used;
	if (!writable)
		db->readers++;
	pthread_mutex_unlock(&db->mutex);
	*ret_txn = &txn->txn;
	return OK;
}

static enum outcome
memory_commit(struct txn *base)
{
	struct memory_txn *txn = (struct memory_txn *)base;
	struct memory *db = (struct memory *)base->engine;
	struct branch *old;

	pthread_mutex_lock(&db->mutex);
	old = db->root;
	db->root = txn->root;
	db->entries = txn->entries;
	db->used = txn->used;
	pthread_mutex_unlock(&db->mutex);
	pthread_mutex_unlock(&db->writing);
	branch_unref(old);
	free(txn);
	return OK;
}

static void
memory_abort(struct txn *base)
{
	struct memory_txn *txn = (struct memory_txn *)base;
	struct memory *db = (struct memory *)base->engine;

	if (base->writable) {
		pthread_mutex_unlock(&db->writing);
	} else {
		pthread_mutex_lock(&db->mutex);
		db->readers--;
		pthread_mutex_unlock(&db->mutex);
	}
	branch_unref(txn->root);
	free(txn);
}

static enum outcome
memory_get(struct txn *base, struct text key, struct text *ret_value)
{
	struct memory_txn *txn = (struct memory_txn *)base;
	const struct pair *pair = treap_find(txn->root, key);

	if (pair == NULL)
		return NOT_FOUND;
	*ret_value = pair_value(pair);
	return OK;
}

static void
replace_root(struct memory_txn *txn, struct branch *root)
{
	branch_unref(txn->root);
	txn->root = root;
}

static enum outcome
memory_put(struct txn *base, struct text key, struct text value)
{
	struct memory_txn *txn = (struct memory_txn *)base;
	struct memory *db = (struct memory *)base->engine;
	const struct pair *old = treap_find(txn->root, key);
	uint64_t before = old != NULL ? pair_size(old) : 0;
	uint64_t after = pair_size_of(key, value);

	if (after > before && txn->used + (after - before) > db->size_max)
		return NO_SPACE;
	txn->used = txn->used - before + after;
	if (old == NULL)
		txn->entries++;
	replace_root(txn, treap_with(txn->root, pair_new(key, value)));
	return OK;
}

static enum outcome
memory_remove(struct txn *base, struct text key)
{
	struct memory_txn *txn = (struct memory_txn *)base;
	const struct pair *old = treap_find(txn->root, key);

	if (old == NULL)
		return NOT_FOUND;
	txn->used -= pair_size(old);
	txn->entries--;
	replace_root(txn, treap_without(txn->root, key));
	return OK;
}

static enum outcome
memory_cursor_open(struct txn *txn, struct cursor **ret_cursor)
{
	struct memory_cursor *cursor = memory_alloc(sizeof(*cursor));

	(void)txn; /* the wrapper notes it in the cursor */
	*ret_cursor = &cursor->cursor;
	return OK;
}

static void
memory_cursor_close(struct cursor *base)
{
	struct memory_cursor *cursor = (struct memory_cursor *)base;

	pair_unref(cursor->pair);
	free(cursor);
}

static enum outcome
arrive(struct memory_cursor *cursor, struct pair *pair)
{
	cursor->placed = true;
	cursor->ended = pair == NULL;
	if (pair == NULL)
		return NOT_FOUND;
	pair_ref(pair);
	pair_unref(cursor->pair);
	cursor->pair = pair;
	cursor->cursor.key = pair_key(pair);
	cursor->cursor.value = pair_value(pair);
	return OK;
}

static const struct branch *
root_of(const struct cursor *cursor)
{
	return ((const struct memory_txn *)cursor->txn)->root;
}

static enum outcome
memory_cursor_seek(struct cursor *base, struct text key)
{
	return arrive((struct memory_cursor *)base,
	    treap_after(root_of(base), key, KEY_OR_EQUAL));
}

static enum outcome
memory_cursor_next(struct cursor *base)
{
	struct memory_cursor *cursor = (struct memory_cursor *)base;

	if (cursor->ended)
		return NOT_FOUND;
	return arrive(cursor,
	    treap_after(root_of(base), base->key,
		cursor->placed ? KEY_BEHIND : KEY_OR_EQUAL));
}

static enum outcome
memory_cursor_before(struct cursor *base, struct text key)
{
	return arrive((struct memory_cursor *)base,
	    treap_before(root_of(base), key));
}

static enum outcome
memory_make_room(struct engine *engine)
{
	struct memory *db = (struct memory *)engine;

	pthread_mutex_lock(&db->writing);
	db->size_max += db->size_max / 64 + 4096;
	pthread_mutex_unlock(&db->writing);
	return OK;
}

/* Memory does not fail: there is nothing to open again. */
static enum outcome
memory_reopen(struct engine *engine)
{
	(void)engine;
	return OK;
}

static void
memory_stats(struct engine *engine, struct engine_stats *ret_stats)
{
	struct memory *db = (struct memory *)engine;

	pthread_mutex_lock(&db->mutex);
	*ret_stats = (struct engine_stats){ .entries = db->entries,
		.used_bytes = db->used,
		.map_bytes = db->size_max,
		.readers = db->readers };
	pthread_mutex_unlock(&db->mutex);
}

static void
write_branch(const struct branch *root, struct buffer *out)
{
	if (root == NULL)
		return;
	write_branch(root->left, out);
	writer_text16(out, pair_key(root->pair));
	writer_text32(out, pair_value(root->pair));
	write_branch(root->right, out);
}

static enum outcome
write_all(int fd, struct text bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOSPC || errno == EDQUOT ? NO_SPACE :
								    IO;
		bytes = text_slice(bytes, (size_t)n, bytes.len);
	}
	return OK;
}

static enum outcome
memory_copy(struct engine *engine, const char *folder)
{
	SCOPED(buffer) struct buffer path = { .max = 8192 };
	SCOPED(buffer) struct buffer out = { 0 };
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(fd) int fd = -1;
	enum outcome outcome = txn_begin_read(engine, &txn);

	if (outcome != OK)
		return outcome;
	buffer_format(&path, "%s/records%c", folder, 0);
	write_branch(((struct memory_txn *)txn)->root, &out);
	fd = open(path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return IO;
	return write_all(fd, buffer_text(&out));
}

static enum outcome
read_file(const char *folder, struct buffer *out)
{
	SCOPED(buffer) struct buffer path = { .max = 8192 };
	SCOPED(fd) int fd = -1;

	buffer_format(&path, "%s/records%c", folder, 0);
	fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? OK : IO;
	for (;;) {
		ssize_t n = read(fd, buffer_room(out, 65536), 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? OK : IO;
		buffer_added(out, (size_t)n);
	}
}

/* Puts the records of an earlier copy, if there is one. */
static enum outcome
load(struct engine *engine, const char *folder)
{
	SCOPED(buffer) struct buffer bytes = { 0 };
	SCOPED(txn) struct txn *txn = NULL;
	struct reader reader;
	enum outcome outcome = read_file(folder, &bytes);

	if (outcome == OK)
		outcome = txn_begin_write(engine, &txn);
	reader = reader_from(buffer_text(&bytes));
	while (outcome == OK && reader.rest.len > 0) {
		struct text key = reader_text16(&reader);
		struct text value = reader_text32(&reader);

		if (reader.failed || key.len == 0 || key.len > ENGINE_KEY_MAX)
			return DAMAGED;
		outcome = txn_put(txn, key, value);
	}
	if (outcome != OK)
		return outcome;
	outcome = txn_commit(txn);
	txn = NULL;
	return outcome;
}

static void
memory_close(struct engine *engine)
{
	struct memory *db = (struct memory *)engine;

	branch_unref(db->root);
	pthread_mutex_destroy(&db->writing);
	pthread_mutex_destroy(&db->mutex);
	free(db);
}

static enum outcome
memory_open(const struct engine_options *options, struct buffer *message,
    struct engine **ret_engine)
{
	struct memory *db = memory_alloc(sizeof(*db));
	enum outcome outcome;

	db->engine.row = engine_row_find("memory");
	db->size_max = options->map_size;
	pthread_mutex_init(&db->writing, NULL);
	pthread_mutex_init(&db->mutex, NULL);
	outcome = options->path == NULL ? OK : load(&db->engine, options->path);
	if (outcome != OK) {
		buffer_format(message, "%s/records cannot be read: %s",
		    options->path, outcome_name(outcome));
		memory_close(&db->engine);
		return outcome;
	}
	*ret_engine = &db->engine;
	return OK;
}

const struct engine_row engine_memory = {
	.name = "memory",
	.durable = false,
	.open = memory_open,
	.close = memory_close,
	.begin = memory_begin,
	.commit = memory_commit,
	.abort = memory_abort,
	.get = memory_get,
	.put = memory_put,
	.remove = memory_remove,
	.cursor_open = memory_cursor_open,
	.cursor_seek = memory_cursor_seek,
	.cursor_next = memory_cursor_next,
	.cursor_before = memory_cursor_before,
	.cursor_close = memory_cursor_close,
	.make_room = memory_make_room,
	.reopen = memory_reopen,
	.copy = memory_copy,
	.stats = memory_stats,
};
