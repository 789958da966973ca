#include "tests/unit/calls_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "store/blobs.h"

/* Two contents in the engine, two in files. */
static const struct {
	const char *name;
	size_t size;
} source[CALLS_FILES] = {
	{ "a.txt", 5 },
	{ "big", 40000 },
	{ "sub/small", 100 },
	{ "sub/large", 20000 },
};

/* ---- Folders --------------------------------------------------------------- */

static char copy_to[512];
static size_t copy_base;

static void
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(in >= 0 && out >= 0);
	while (sendfile(out, in, NULL, 1 << 30) > 0)
		continue;
	close(in);
	close(out);
}

static int
copy_entry(const char *path, const struct stat *status, int type,
    struct FTW *ftw)
{
	char to[1024];

	(void)status;
	(void)ftw;
	snprintf(to, sizeof(to), "%s%s", copy_to, path + copy_base);
	if (type == FTW_D)
		return mkdir(to, 0700);
	copy_file(path, to);
	return 0;
}

void
copy_state(const struct world *world, const char *from, const char *to)
{
	char folder[512];

	snprintf(folder, sizeof(folder), "%s", state_path(&world->state, from));
	snprintf(copy_to, sizeof(copy_to), "%s", state_path(&world->state, to));
	copy_base = strlen(folder);
	remove_tree(copy_to);
	assert_int_equal(nftw(folder, copy_entry, 16, FTW_PHYS), 0);
}

static char
source_byte(size_t file, size_t at)
{
	return (char)('a' + (file + at / 7) % 26);
}

static void
make_source(const struct world *world)
{
	shell("mkdir -p '%s/sub'%s", world->source, "");
	for (size_t i = 0; i < CALLS_FILES; i++) {
		char *bytes = malloc(source[i].size), path[256];

		for (size_t at = 0; at < source[i].size; at++)
			bytes[at] = source_byte(i, at);
		snprintf(path, sizeof(path), "%s/%s", world->source,
		    source[i].name);
		write_whole(path, bytes, source[i].size);
		free(bytes);
	}
}

size_t
count_exported(const struct world *world)
{
	size_t count = 0;

	for (size_t i = 0; i < CALLS_FILES; i++) {
		char path[256], *bytes = malloc(source[i].size + 1);
		ssize_t len;
		int fd;

		snprintf(path, sizeof(path), "%s/%s", world->out,
		    source[i].name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			len = pread(fd, bytes, source[i].size + 1, 0);
			assert_int_equal(len, source[i].size);
			for (size_t at = 0; at < source[i].size; at++)
				assert_int_equal(bytes[at], source_byte(i, at));
			close(fd);
			count++;
		}
		free(bytes);
	}
	return count;
}

/* ---- The store ------------------------------------------------------------- */

enum outcome
state_open(struct world *world, enum store_open how, bool *told)
{
	struct buffer message = { .max = 4096 };
	enum outcome outcome = store_open(world->state.conf, how, &message,
	    &world->state.store);

	*told = message.len > 0;
	buffer_done(&message);
	return outcome;
}

void
state_close(struct world *world)
{
	store_close(world->state.store);
	world->state.store = NULL;
}

void
state_set(struct world *world, const char *copy, bool opened)
{
	bool told;

	state_close(world);
	copy_state(world, copy, "state");
	if (opened)
		assert_int_equal(state_open(world, STORE_USE, &told), OK);
}

void
assert_whole(struct world *world)
{
	report_begin(world, true);
	assert_int_equal(store_scrub(world->state.store, &world->maintain), OK);
	report_begin(world, true);
	assert_int_equal(store_stats(world->state.store, &world->maintain), OK);
	assert_int_equal(number(world, "files"), CALLS_FILES);
	remove_tree(world->out);
	assert_int_equal(transfer(world, false), OK);
	assert_int_equal(number(world, "skipped"), 0);
	assert_int_equal(count_exported(world), CALLS_FILES);
}

/* ---- The copies ------------------------------------------------------------ */

static enum outcome
delete_junk(struct txn *txn, void *context)
{
	struct world *world = context;
	struct arena *arena = arena_new();
	struct trail trail;
	struct path path;
	size_t items;
	enum outcome outcome = path_parse_decoded(arena, TEXT("/junk"), &path);

	if (outcome == OK)
		outcome = trail_find(txn, arena, world->root, &path, &trail);
	if (outcome == OK)
		outcome = tree_delete(txn, world->state.store, &trail,
		    &world->actor);
	if (outcome == OK)
		outcome = trash_empty(txn, world->state.store, world->root,
		    UINT64_MAX, &items);
	arena_free(arena);
	return outcome;
}

/* A file that is written, but named by nothing. */
static struct blob_writer *
write_file(struct world *world, bool finish) ON_WORKER;

static struct blob_writer *
write_file(struct world *world, bool finish)
{
	static const char bytes[30000];
	struct blob_writer *writer;
	struct blob_ref ref;

	assert_int_equal(blob_writer_open(world->state.store, &writer), OK);
	assert_int_equal(blob_writer_write(writer,
			     (struct text){ bytes, sizeof(bytes) }),
	    OK);
	if (finish)
		assert_int_equal(blob_writer_finish(writer, &ref), OK);
	return writer;
}

/* A deleted folder, an orphan, and the half of an upload. */
static void
make_litter(struct world *world) ON_WORKER;

static void
make_litter(struct world *world)
{
	struct blob_writer *orphan, *half;

	state_set(world, STATE_EMPTY, true);
	shell("mkdir '%s/junk'%s", world->source, "");
	shell("cp '%s/big' '%s/junk'", world->source, world->source);
	assert_int_equal(transfer(world, true), OK);
	assert_int_equal(store_change(world->state.store, delete_junk, world),
	    OK);
	orphan = write_file(world, true);
	half = write_file(world, false);
	copy_state(world, "state", STATE_LITTER);
	blob_writer_close(orphan, false);
	blob_writer_close(half, false);
	shell("rm -r '%s/junk'%s", world->source, "");
	state_close(world);
}

void
calls_world_begin(struct world *world)
{
	world_begin_bare(world);
	make_source(world);
	world->state.conf->store.reserve = 65536;
	state_close(world);
	copy_state(world, "state", STATE_EMPTY);
	state_set(world, STATE_EMPTY, true);
	assert_int_equal(transfer(world, true), OK);
	copy_state(world, "state", STATE_KILLED);
	state_close(world);
	copy_state(world, "state", STATE_SOUND);
	make_litter(world);
}
