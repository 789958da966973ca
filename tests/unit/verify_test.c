#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/blobs.h"
#include "store/keys.h"
#include "tests/unit/world.h"

/* What is broken is found: in files, in records, in the engine itself. */
/* Flip, cut, delete: scrub and backup say so; verify sees the last two. */
static void
damage(struct world *world, const char *how, bool verify_sees) ON_WORKER;

static void
damage(struct world *world, const char *how, bool verify_sees)
{
	const char *path = content_path(world, find_content(world, false));
	struct stat status;

	shell("cp '%s' '%s/saved'", path, world->state.folder);
	shell(how, path, path);
	report_begin(world, false);
	assert_int_equal(store_scrub(world->state.store, &world->maintain),
	    DAMAGED);
	assert_int_equal(number(world, "damaged"), 1);
	report_begin(world, false);
	assert_int_equal(store_verify(world->state.conf, &world->maintain),
	    verify_sees ? DAMAGED : OK);
	report_begin(world, false);
	assert_int_equal(store_backup(world->state.store,
			     state_path(&world->state, "backup"),
			     &world->maintain),
	    DAMAGED);
	assert_true(world->maintain.findings > 0);
	assert_int_equal(stat(state_path(&world->state, "backup"), &status),
	    -1);
	assert_int_equal(stat(state_path(&world->state, "backup.part"),
			     &status),
	    -1);
	shell("cp '%s/saved' '%s'", world->state.folder, path);
	assert_verified(world);
}

static void
test_damaged_files_are_found(void **unused)
{
	struct world world;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	damage(&world,
	    "printf X | dd of='%s' bs=1 seek=9000 conv=notrunc "
	    "status=none%.0s",
	    false);
	damage(&world, "truncate -s 100 '%s'%.0s", true);
	damage(&world, "rm '%s'%.0s", true);
	world_end(&world);
}

enum breakage {
	REFERENCES,
	PLACE,
	LOST_NODE,
	LOST_BLOB,
	BYTES,
	UNKNOWN,
	COUNTER,
	TOKEN,
	PROPERTY,
	RIGHTS,
	BREAKAGES
};

static enum outcome
put_bytes(struct txn *txn, struct text key, const char *bytes, size_t len)
{
	return txn_put(txn, key, (struct text){ bytes, len });
}

static enum outcome
break_counter(struct txn *txn, node_id id)
{
	struct node node;
	struct buffer value = { .max = 4096 };
	struct key key;
	enum outcome outcome = node_find_id(txn, id, &node);

	if (outcome != OK)
		return outcome;
	node.tree_size++;
	node_encode(&node, &value);
	outcome = txn_put(txn, key_name(&key, KEY_NODE, node.parent, node.key),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

struct breaking {
	struct world *world;
	enum breakage what;
	blob_id blob;
};

static enum outcome
break_it(struct txn *txn, void *context)
{
	const struct breaking *breaking = context;
	struct key key;
	blob_id blob = breaking->blob;

	switch (breaking->what) {
	case REFERENCES:
		return blob_reference(txn, blob);
	case PLACE:
		return put_bytes(txn, key_id(&key, KEY_PLACE, 0x99),
		    "\1\1\0\0\0\0\0\0\0name", 13);
	case LOST_NODE:
		return put_bytes(txn,
		    key_name(&key, KEY_NODE, 0x77, TEXT("lost")), "\1", 1);
	case LOST_BLOB:
		return txn_remove(txn, key_id(&key, KEY_BLOB, blob));
	case BYTES:
		return put_bytes(txn, key_id(&key, KEY_DATA, blob), "\1bad", 4);
	case UNKNOWN:
		return put_bytes(txn, TEXT("\1unknown"), "\1", 1);
	case COUNTER:
		return break_counter(txn, breaking->world->root);
	case TOKEN:
		return put_bytes(txn,
		    key_text(&key, KEY_TOKEN, TEXT("0123456789abcdef")),
		    "\1\1\0\0\0\0\0\0\0", 9);
	case PROPERTY:
		return put_bytes(txn, key_id(&key, KEY_PROPERTY, 0x55), "\1",
		    1);
	case RIGHTS: /* an entry of the log that names no subject */
		return put_bytes(txn,
		    key_pair(&key, KEY_LOG, breaking->world->root, UINT32_MAX),
		    "\1\4\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1"
		    "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0",
		    37);
	case BREAKAGES:
		break;
	}
	return BUG;
}

/* Each breakage alone, in a copy of a sound store. */
static void
test_verify_finds_each(void **unused)
{
	static const char *const words[BREAKAGES] = {
		[REFERENCES] = "references",
		[PLACE] = "place",
		[LOST_NODE] = "no tree leads to",
		[LOST_BLOB] = "no record",
		[BYTES] = "not what was stored",
		[UNKNOWN] = "unknown kind",
		[COUNTER] = "tree size",
		[TOKEN] = "token",
		[PROPERTY] = "gone",
		[RIGHTS] = "log cannot be read"
	};
	struct world world;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	store_close(world.state.store);
	shell("cd '%s' && cp -a state sound%s", world.state.folder, "");
	for (int what = 0; what < BREAKAGES; what++) {
		struct breaking breaking = { .world = &world,
			.what = (enum breakage)what };

		world.state.store = NULL;
		shell("cd '%s' && rm -rf state && cp -a sound state%s",
		    world.state.folder, "");
		state_reopen(&world.state);
		breaking.blob = find_content(&world, true);
		assert_int_equal(store_change(world.state.store, break_it,
				     &breaking),
		    OK);
		report_begin(&world, false);
		assert_int_equal(store_verify(world.state.conf,
				     &world.maintain),
		    DAMAGED);
		assert_true(world.maintain.findings > 0);
		if (world.maintain.findings == 1 &&
		    strstr(world.last, words[what]) == NULL)
			fail_msg("%s: %s", words[what], world.last);
		store_close(world.state.store);
	}
	world.state.store = NULL;
	world_end(&world);
}

static void
test_verify_survives_a_broken_engine(void **unused)
{
	struct world world;
	struct stat status;
	const char *path;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	store_close(world.state.store);
	world.state.store = NULL;
	path = state_path(&world.state, "state/engine/data.mdb");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(truncate(path, status.st_size / 2), 0);
	report_begin(&world, false);
	assert_int_equal(store_verify(world.state.conf, &world.maintain),
	    DAMAGED);
	assert_non_null(strstr(world.last, "damaged"));
	assert_int_equal(truncate(path, 100), 0);
	report_begin(&world, false);
	assert_int_equal(store_verify(world.state.conf, &world.maintain),
	    DAMAGED);
	world_end(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_files_are_found),
		cmocka_unit_test(test_verify_finds_each),
		cmocka_unit_test(test_verify_survives_a_broken_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
