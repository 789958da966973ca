#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/random.h"
#include "store/blobs.h"
#include "store/keys.h"
#include "tests/unit/state.h"

/*
 * Contents: in the engine and as files, counted references, what goes when,
 * damage that is seen, and a real file system without space.
 */
static bool
file_exists(const struct state *state, blob_id id)
{
	char name[BLOB_NAME_SIZE];
	struct stat status;

	blob_name(id, name);
	return fstatat(state->store->blobs->blobs, name, &status, 0) == 0;
}

static size_t
staged_files(const struct state *state)
{
	char command[300];
	unsigned long count = 0;
	FILE *pipe;

	snprintf(command, sizeof(command),
	    "find %s/state/staging -type f | "
	    "wc -l",
	    state->folder);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%lu", &count), 1);
	pclose(pipe);
	return count;
}

/* A file content of `size` bytes, written in pieces of odd sizes. */
static struct blob_writer *
write_file(struct state *state, const char *bytes, size_t size,
    struct blob_ref *ret_ref) ON_WORKER;

static struct blob_writer *
write_file(struct state *state, const char *bytes, size_t size,
    struct blob_ref *ret_ref)
{
	struct blob_writer *writer;
	size_t piece = 1;

	assert_int_equal(blob_writer_open(state->store, &writer), OK);
	for (size_t at = 0; at < size; at += piece, piece = piece * 3 + 1) {
		size_t len = size - at < piece ? size - at : piece;

		assert_int_equal(blob_writer_write(writer,
				     (struct text){ bytes + at, len }),
		    OK);
	}
	assert_int_equal(blob_writer_finish(writer, ret_ref), OK);
	return writer;
}

enum what { LINK, REFERENCE, RELEASE };

struct action {
	enum what what;
	struct blob_ref ref;
	struct store *store;
};

static enum outcome
act(struct txn *txn, void *context)
{
	const struct action *action = context;

	if (action->what == LINK)
		return blob_link(txn, &action->ref);
	if (action->what == REFERENCE)
		return blob_reference(txn, action->ref.id);
	return blob_release(txn, action->store, action->ref.id);
}

static void
change(struct state *state, enum what what, const struct blob_ref *ref)
    ON_WORKER;

static void
change(struct state *state, enum what what, const struct blob_ref *ref)
{
	struct action action = {
		.what = what, .ref = *ref, .store = state->store
	};

	assert_int_equal(store_change(state->store, act, &action), OK);
}

static void
assert_references(struct state *state, blob_id id, uint64_t count)
{
	struct blob_record record;
	struct txn *txn;
	enum outcome outcome;

	assert_int_equal(txn_begin_read(state->store->engine, &txn), OK);
	outcome = blob_get(txn, id, &record);
	txn_abort(txn);
	assert_int_equal(outcome, count == 0 ? NOT_FOUND : OK);
	if (count > 0)
		assert_int_equal(record.references, count);
}

static void
assert_bytes(struct state *state, blob_id id, struct text expected)
{
	struct text bytes;
	struct txn *txn;

	assert_int_equal(txn_begin_read(state->store->engine, &txn), OK);
	assert_int_equal(blob_bytes(txn, id, &bytes), OK);
	assert_true(text_equal(bytes, expected));
	txn_abort(txn);
}

static void
test_small_contents(void **unused)
{
	struct state state;
	struct blob_ref ref, empty;
	struct text bytes;
	struct txn *txn;

	(void)unused;
	state_begin(&state, "memory");
	blob_small(state.store, TEXT("hello"), &ref);
	assert_true(ref.id != 0);
	assert_int_equal(ref.size, 5);
	change(&state, LINK, &ref);
	assert_bytes(&state, ref.id, TEXT("hello"));
	change(&state, LINK, &ref);
	change(&state, REFERENCE, &ref);
	assert_references(&state, ref.id, 3);
	change(&state, RELEASE, &ref);
	change(&state, RELEASE, &ref);
	assert_bytes(&state, ref.id, TEXT("hello"));
	change(&state, RELEASE, &ref);
	assert_references(&state, ref.id, 0);
	assert_int_equal(txn_begin_read(state.store->engine, &txn), OK);
	assert_int_equal(blob_bytes(txn, ref.id, &bytes), NOT_FOUND);
	txn_abort(txn);
	blob_small(state.store, TEXT_NONE, &empty);
	assert_int_equal(empty.id, 0);
	change(&state, LINK, &empty);
	change(&state, RELEASE, &empty);
	assert_bytes(&state, 0, TEXT_NONE);
	state_end(&state);
}

static enum outcome
flip_byte(struct txn *txn, void *context)
{
	blob_id id = *(blob_id *)context;
	char bytes[64];
	struct text value;
	struct key key;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_DATA, id), &value);

	if (outcome != OK || value.len > sizeof(bytes))
		return BUG;
	memcpy(bytes, value.ptr, value.len);
	bytes[value.len - 1] ^= 1;
	return txn_put(txn, key_id(&key, KEY_DATA, id),
	    (struct text){ bytes, value.len });
}

static void
test_damaged_small_content(void **unused)
{
	struct state state;
	struct blob_ref ref;
	struct text bytes;
	struct txn *txn;

	(void)unused;
	state_begin(&state, "memory");
	blob_small(state.store, TEXT("hello"), &ref);
	change(&state, LINK, &ref);
	assert_int_equal(store_change(state.store, flip_byte, &ref.id), OK);
	assert_int_equal(txn_begin_read(state.store->engine, &txn), OK);
	assert_int_equal(blob_bytes(txn, ref.id, &bytes), DAMAGED);
	txn_abort(txn);
	state_end(&state);
}

static void
test_file_contents(void **unused)
{
	enum { SIZE = 3000001 };
	char *bytes = malloc(SIZE), *back = malloc(SIZE);
	struct blob_record record;
	struct blob_writer *writer;
	struct blob_file *file, *again;
	struct blob_ref ref;
	struct state state;

	(void)unused;
	state_begin(&state, "memory");
	random_fill(bytes, SIZE);
	writer = write_file(&state, bytes, SIZE, &ref);
	assert_true(file_exists(&state, ref.id));
	assert_int_equal(staged_files(&state), 0);
	assert_int_equal(ref.size, SIZE);
	assert_null(ref.bytes.ptr);
	change(&state, LINK, &ref);
	blob_writer_close(writer, true);
	assert_int_equal(blob_file_open(state.store, ref.id, SIZE, &file), OK);
	assert_int_equal(pread(file->fd, back, SIZE, 0), SIZE);
	assert_memory_equal(bytes, back, SIZE);
	assert_false(atomic_load(&file->trusted));
	record = (struct blob_record){ .size = SIZE, .sum = ref.sum };
	assert_int_equal(blob_file_verify(file, &record), OK);
	assert_true(atomic_load(&file->trusted));
	assert_int_equal(blob_file_open(state.store, ref.id, SIZE, &again), OK);
	assert_ptr_equal(file, again);
	blob_file_close(state.store, again);
	blob_file_close(state.store, file);
	free(bytes);
	free(back);
	state_end(&state);
}

static void
test_what_was_not_kept_goes(void **unused)
{
	struct blob_writer *writer;
	struct blob_ref ref;
	struct state state;

	(void)unused;
	state_begin(&state, "memory");
	assert_int_equal(blob_writer_open(state.store, &writer), OK);
	assert_int_equal(blob_writer_write(writer, TEXT("half")), OK);
	assert_int_equal(staged_files(&state), 1);
	/* A sweep, here or in another process, leaves what is written. */
	assert_int_equal(blob_sweep_staging(state.store->blobs), 0);
	blob_writer_close(writer, false);
	assert_int_equal(staged_files(&state), 0);
	writer = write_file(&state, "whole", 5, &ref);
	assert_int_equal(blob_remove_orphan(state.store, ref.id), BUSY);
	blob_writer_close(writer, false);
	assert_false(file_exists(&state, ref.id));
	writer = write_file(&state, "", 0, &ref);
	assert_int_equal(ref.id, 0);
	blob_writer_close(writer, true);
	assert_int_equal(staged_files(&state), 0);
	blob_writer_close(NULL, true);
	write_whole(state_path(&state, "state/staging/0123"), "x", 1);
	assert_int_equal(blob_sweep_staging(state.store->blobs), 1);
	state_end(&state);
}

static void
test_released_files_are_swept(void **unused)
{
	struct blob_writer *writer;
	struct blob_file *file;
	struct blob_ref ref;
	struct state state;
	char back[8];
	int hold;

	(void)unused;
	state_begin(&state, "memory");
	writer = write_file(&state, "content", 7, &ref);
	change(&state, LINK, &ref);
	blob_writer_close(writer, true);
	assert_int_equal(blob_remove_orphan(state.store, ref.id), CONFLICT);
	assert_int_equal(blob_file_open(state.store, ref.id, 7, &file), OK);
	change(&state, RELEASE, &ref);
	assert_references(&state, ref.id, 0);
	/* Just released: a reader may be about to open it. */
	assert_int_equal(blob_sweep_before(state.store, 1), 0);
	assert_true(file_exists(&state, ref.id));
	/* A backup keeps everything. */
	assert_int_equal(blob_hold(state.store, &hold), OK);
	assert_int_equal(blob_sweep_before(state.store, UINT64_MAX), 0);
	assert_int_equal(blob_remove_orphan(state.store, ref.id), BUSY);
	close(hold);
	assert_true(file_exists(&state, ref.id));
	assert_int_equal(blob_sweep_before(state.store, UINT64_MAX), 1);
	assert_false(file_exists(&state, ref.id));
	assert_int_equal(blob_sweep_before(state.store, UINT64_MAX), 0);
	/* Who has it open still reads it. */
	assert_int_equal(pread(file->fd, back, 8, 0), 7);
	blob_file_close(state.store, file);
	assert_int_equal(blob_file_open(state.store, ref.id, 7, &file),
	    NOT_FOUND);
	state_end(&state);
}

static void
test_damaged_files_are_seen(void **unused)
{
	char name[BLOB_NAME_SIZE], path[64], bytes[1000] = "content";
	struct blob_record record;
	struct blob_writer *writer;
	struct blob_file *file;
	struct blob_ref ref;
	struct state state;

	(void)unused;
	state_begin(&state, "memory");
	writer = write_file(&state, bytes, sizeof(bytes), &ref);
	change(&state, LINK, &ref);
	blob_writer_close(writer, true);
	record = (struct blob_record){ .size = sizeof(bytes), .sum = ref.sum };
	blob_name(ref.id, name);
	snprintf(path, sizeof(path), "state/blobs/%s", name);
	bytes[999] = 1;
	write_whole(state_path(&state, path), bytes, sizeof(bytes));
	assert_int_equal(blob_file_open(state.store, ref.id, sizeof(bytes),
			     &file),
	    OK);
	assert_int_equal(blob_file_verify(file, &record), DAMAGED);
	assert_false(atomic_load(&file->trusted));
	blob_file_close(state.store, file);
	blob_cache_forget(state.store->blobs, ref.id);
	write_whole(state_path(&state, path), bytes, 10);
	assert_int_equal(blob_file_open(state.store, ref.id, sizeof(bytes),
			     &file),
	    DAMAGED);
	state_end(&state);
}

/* Another process has unlinked it: the cache lets go of its space. */
static void
test_unlinked_files_leave_the_cache(void **unused)
{
	char name[BLOB_NAME_SIZE];
	struct blob_file *file;
	struct blob_ref ref;
	struct state state;
	char back[8];

	(void)unused;
	state_begin(&state, "memory");
	blob_writer_close(write_file(&state, "content", 7, &ref), true);
	assert_int_equal(blob_file_open(state.store, ref.id, 7, &file), OK);
	assert_int_equal(blob_sweep_released(state.store), 0);
	assert_int_equal(state.store->blobs->files, 1);
	blob_name(ref.id, name);
	assert_int_equal(unlinkat(state.store->blobs->blobs, name, 0), 0);
	assert_int_equal(blob_sweep_released(state.store), 0);
	assert_int_equal(state.store->blobs->files, 0);
	assert_int_equal(pread(file->fd, back, 8, 0), 7);
	blob_file_close(state.store, file);
	state_end(&state);
}

/* Eight threads open, read and close few files in a cache of fewer. */
enum { FILES = 12, THREADS = 8 };

struct readers {
	struct state *state;
	struct blob_ref ref[FILES];
};

static void *
read_files(void *context)
{
	const struct readers *readers = context;
	unsigned seed = 1;

	for (int i = 0; i < 2000; i++) {
		size_t at = (size_t)rand_r(&seed) % FILES;
		const struct blob_ref *ref = &readers->ref[at];
		struct blob_file *file;
		char byte;

		assert_int_equal(blob_file_open(readers->state->store, ref->id,
				     ref->size, &file),
		    OK);
		assert_int_equal(pread(file->fd, &byte, 1, 0), 1);
		assert_int_equal(byte, 'a' + (int)at);
		blob_file_close(readers->state->store, file);
		if (i % 16 == 0)
			blob_cache_forget(readers->state->store->blobs,
			    ref->id);
	}
	return NULL;
}

static void
test_cache_is_shared_by_threads(void **unused)
{
	pthread_t threads[THREADS];
	struct readers readers;
	struct state state;

	(void)unused;
	state_begin(&state, "memory");
	readers.state = &state;
	state.store->blobs->files_max = 4;
	for (int i = 0; i < FILES; i++) {
		char byte = (char)('a' + i);

		blob_writer_close(write_file(&state, &byte, 1, &readers.ref[i]),
		    true);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, read_files, &readers);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(state.store->blobs->files <= 4);
	state_end(&state);
}

/* SIGXFSZ is ignored as the server does: the write then says EFBIG. */
static int
write_past_limit(struct state *state) ON_WORKER;

static int
write_past_limit(struct state *state)
{
	static const char bytes[1 << 20];
	const struct rlimit limit = { 1 << 20, 1 << 20 };
	struct blob_writer *writer;
	enum outcome outcome = OK;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
	    blob_writer_open(state->store, &writer) != OK)
		return 1;
	for (int i = 0; i < 3 && outcome == OK; i++)
		outcome = blob_writer_write(writer,
		    (struct text){ bytes, sizeof(bytes) });
	if (outcome != NO_SPACE)
		return 2;
	if (blob_writer_write(writer, TEXT("x")) != NO_SPACE)
		return 3;
	blob_writer_close(writer, false);
	return staged_files(state) == 0 ? 0 : 4;
}

static void
test_size_limit_of_the_process(void **unused)
{
	struct state state;
	int status;
	pid_t child;

	(void)unused;
	state_begin(&state, "memory");
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(write_past_limit(&state));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	state_end(&state);
}

static void
fill_and_write(struct state *state) ON_WORKER;

static void
fill_and_write(struct state *state)
{
	static char bytes[1 << 20];
	struct blob_writer *writer;
	struct blob_ref ref;
	enum outcome outcome = OK;

	assert_int_equal(blob_writer_open(state->store, &writer), OK);
	for (int i = 0; i < 16 && outcome == OK; i++)
		outcome = blob_writer_write(writer,
		    (struct text){ bytes, sizeof(bytes) });
	assert_int_equal(outcome, NO_SPACE);
	assert_int_equal(blob_writer_finish(writer, &ref), NO_SPACE);
	blob_writer_close(writer, true);
	assert_int_equal(staged_files(state), 0);
	/* What was given up is free again. */
	writer = write_file(state, bytes, sizeof(bytes), &ref);
	assert_true(file_exists(state, ref.id));
	blob_writer_close(writer, true);
}

static void
test_full_disk(void **unused)
{
	char folder[] = "/tmp/blob_test.XXXXXX";
	struct state state;

	(void)unused;
	assert_non_null(mkdtemp(folder));
	if (mount("tmpfs", folder, "tmpfs", 0, "size=8m") != 0) {
		rmdir(folder);
		print_message("SKIPPED: this user may not mount a tmpfs\n");
		skip();
	}
	setenv("TMPDIR", folder, 1);
	state_begin(&state, "memory");
	unsetenv("TMPDIR");
	fill_and_write(&state);
	state_end(&state);
	assert_int_equal(umount2(folder, MNT_DETACH), 0);
	rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_contents),
		cmocka_unit_test(test_damaged_small_content),
		cmocka_unit_test(test_file_contents),
		cmocka_unit_test(test_what_was_not_kept_goes),
		cmocka_unit_test(test_released_files_are_swept),
		cmocka_unit_test(test_damaged_files_are_seen),
		cmocka_unit_test(test_unlinked_files_leave_the_cache),
		cmocka_unit_test(test_cache_is_shared_by_threads),
		cmocka_unit_test(test_size_limit_of_the_process),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
