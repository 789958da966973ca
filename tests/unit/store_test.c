#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/blob.h"
#include "store/keys.h"
#include "store/meta.h"
#include "tests/unit/state.h"

/* Opening: layout, format, identity, ids, and every refusal with its line. */
static enum outcome
try_open(struct state *state, enum store_open how, char *ret_message,
    size_t size)
{
	struct buffer message = { .max = 4096 };
	struct store *store = NULL;
	enum outcome outcome = store_open(state->conf, how, &message, &store);

	snprintf(ret_message, size, "%.*s", TEXT_ARGS(buffer_text(&message)));
	buffer_done(&message);
	store_close(store);
	return outcome;
}

static void
assert_mode(const struct state *state, const char *name, mode_t mode)
{
	struct stat status;

	assert_int_equal(stat(state_path(state, name), &status), 0);
	assert_int_equal(status.st_mode & 07777, mode);
}

static void
test_layout(void **unused)
{
	struct state state;

	(void)unused;
	state_begin(&state, "lmdb");
	assert_mode(&state, "state", 0700);
	assert_mode(&state, "state/engine", 0700);
	assert_mode(&state, "state/blobs", 0700);
	assert_mode(&state, "state/staging", 0700);
	assert_mode(&state, "state/secret", 0700);
	assert_mode(&state, "state/engine/data.mdb", 0600);
	assert_mode(&state, "state/reserve", 0600);
	state_end(&state);
}

static void
test_ids_grow_and_are_never_given_twice(void **unused)
{
	struct state state;
	uint64_t first, last, identity;

	(void)unused;
	state_begin(&state, "lmdb");
	identity = state.store->identity;
	assert_true(identity != 0);
	first = store_next_id(state.store);
	last = store_next_id(state.store);
	assert_true(first > 0 && last > first);
	state_reopen(&state);
	assert_true(store_next_id(state.store) > last);
	assert_int_equal(state.store->identity, identity);
	state_end(&state);
}

static enum outcome
put_newer(struct txn *txn, void *context)
{
	(void)context;
	return meta_put(txn, TEXT("format"), STORE_FORMAT + 1);
}

static enum outcome
put_older(struct txn *txn, void *context)
{
	(void)context;
	return meta_put(txn, TEXT("format"), 0);
}

static enum outcome
put_first(struct txn *txn, void *context)
{
	(void)context;
	return meta_put(txn, TEXT("format"), 1);
}

/* Read only it is refused, for it would have to be written. */
static void
test_the_first_format_is_migrated(void **unused)
{
	struct state state;
	struct txn *txn;
	struct meta meta;
	char message[4096];

	(void)unused;
	state_begin(&state, "lmdb");
	assert_int_equal(store_change(state.store, put_first, NULL), OK);
	store_close(state.store);
	state.store = NULL;
	assert_int_equal(try_open(&state, STORE_READ_ONLY, message,
			     sizeof(message)),
	    UNSUPPORTED);
	assert_non_null(strstr(message, "format 1"));
	state_reopen(&state);
	assert_int_equal(txn_begin_read(state.store->engine, &txn), OK);
	assert_int_equal(meta_read(txn, &meta), OK);
	assert_int_equal(meta.format, STORE_FORMAT);
	txn_abort(txn);
	state_end(&state);
}

static enum outcome
put_nonsense(struct txn *txn, void *context)
{
	struct key key;

	(void)context;
	return txn_put(txn, key_text(&key, KEY_META, TEXT("format")),
	    TEXT("nonsense"));
}

static void
refused_after(enum outcome (*run)(struct txn *txn, void *context),
    enum outcome expected, const char *word)
{
	struct state state;
	char message[4096];

	state_begin(&state, "lmdb");
	assert_int_equal(store_change(state.store, run, NULL), OK);
	store_close(state.store);
	state.store = NULL;
	assert_int_equal(try_open(&state, STORE_USE, message, sizeof(message)),
	    expected);
	assert_non_null(strstr(message, word));
	assert_null(strchr(message, '\n'));
	assert_int_equal(try_open(&state, STORE_READ_ONLY, message,
			     sizeof(message)),
	    expected);
	state_end(&state);
}

static void
test_other_formats_are_refused(void **unused)
{
	(void)unused;
	refused_after(put_newer, UNSUPPORTED, "format 3");
	refused_after(put_older, UNSUPPORTED, "cannot be opened");
	refused_after(put_nonsense, DAMAGED, "verify");
}

static void
test_missing_and_present(void **unused)
{
	struct state state;
	char message[4096];

	(void)unused;
	state_begin(&state, "lmdb");
	store_close(state.store);
	state.store = NULL;
	assert_int_equal(try_open(&state, STORE_CREATE, message,
			     sizeof(message)),
	    EXISTS);
	assert_non_null(strstr(message, "already"));
	assert_int_equal(try_open(&state, STORE_READ_ONLY, message,
			     sizeof(message)),
	    OK);
	remove_tree(state_path(&state, "state"));
	assert_int_equal(try_open(&state, STORE_USE, message, sizeof(message)),
	    NOT_FOUND);
	assert_non_null(strstr(message, "celldav init"));
	state_end(&state);
}

static enum outcome
put_many(struct txn *txn, void *context)
{
	static const char bytes[900];
	struct key key;
	enum outcome outcome = OK;

	(void)context;
	for (uint64_t i = 0; outcome == OK && i < 2000; i++)
		outcome = txn_put(txn, key_id(&key, KEY_PROPERTY, i),
		    (struct text){ bytes, sizeof(bytes) });
	return outcome;
}

/* Cut short, or with pages overwritten: a line, and no signal. */
static void
test_damaged_engine_is_refused(void **unused)
{
	static char noise[512 * 1024];
	char message[4096];
	struct state state;
	int fd;

	(void)unused;
	state_begin(&state, "lmdb");
	assert_int_equal(store_change(state.store, put_many, NULL), OK);
	store_close(state.store);
	state.store = NULL;
	fd = open(state_path(&state, "state/engine/data.mdb"), O_RDWR);
	assert_true(fd >= 0);
	memset(noise, 0xa5, sizeof(noise));
	assert_int_equal(pwrite(fd, noise, sizeof(noise), 8192), sizeof(noise));
	assert_int_equal(ftruncate(fd, 8192 + (off_t)sizeof(noise)), 0);
	close(fd);
	assert_int_equal(try_open(&state, STORE_USE, message, sizeof(message)),
	    DAMAGED);
	assert_non_null(strstr(message, "damaged"));
	assert_null(strchr(message, '\n'));
	state_end(&state);
}

static enum outcome
refuse(struct txn *txn, void *context)
{
	(void)txn;
	return *(enum outcome *)context;
}

static void
test_store_change_answers(void **unused)
{
	enum outcome wanted = LOCKED;
	struct state state;

	(void)unused;
	state_begin(&state, "memory");
	assert_int_equal(store_change(state.store, refuse, &wanted), LOCKED);
	wanted = OK;
	assert_int_equal(store_change(state.store, refuse, &wanted), OK);
	state_end(&state);
}

/* Ends 0 when the store was used as the owner of its folder. */
static int
use_as_root(struct state *state, uid_t owner) ON_WORKER;

static int
use_as_root(struct state *state, uid_t owner)
{
	struct buffer message = { .max = 4096 };
	struct blob_writer *writer;
	struct stat status;

	state->store = NULL;
	if (store_open(state->conf, STORE_USE, &message, &state->store) != OK)
		return 1;
	if (geteuid() != owner)
		return 2;
	if (blob_writer_open(state->store, &writer) != OK)
		return 3;
	if (stat(state_path(state, "state/engine/lock.mdb"), &status) != 0 ||
	    status.st_uid != owner)
		return 4;
	blob_writer_close(writer, false);
	store_close(state->store);
	return 0;
}

static int
give_away(const char *path, uid_t owner)
{
	char command[600];

	snprintf(command, sizeof(command), "chown -R %u %s", owner, path);
	return system(command);
}

static void
test_root_acts_as_the_owner(void **unused)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct state state;
	int status;
	pid_t child;

	(void)unused;
	if (geteuid() != 0 || nobody == NULL) {
		print_message("SKIPPED: needs root and a user nobody\n");
		skip();
	}
	state_begin(&state, "lmdb");
	store_close(state.store);
	state.store = NULL;
	assert_int_equal(give_away(state.folder, nobody->pw_uid), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(use_as_root(&state, nobody->pw_uid));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	state_end(&state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_ids_grow_and_are_never_given_twice),
		cmocka_unit_test(test_the_first_format_is_migrated),
		cmocka_unit_test(test_other_formats_are_refused),
		cmocka_unit_test(test_missing_and_present),
		cmocka_unit_test(test_damaged_engine_is_refused),
		cmocka_unit_test(test_store_change_answers),
		cmocka_unit_test(test_root_acts_as_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
