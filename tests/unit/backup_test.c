#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/meta.h"
#include "tests/unit/world.h"

/* A backup comes back whole, and a broken one does not come back at all. */
static void
backup_to(struct world *world, const char *file) ON_WORKER;

static void
backup_to(struct world *world, const char *file)
{
	report_begin(world, true);
	assert_int_equal(store_backup(world->state.store, file,
			     &world->maintain),
	    OK);
	assert_int_equal(world->maintain.findings, 0);
}

static enum outcome
read_ids(struct world *world, uint64_t *ret_ids, uint64_t *ret_sequence)
{
	struct txn *txn;
	struct meta meta;
	struct tree tree;
	enum outcome outcome = txn_begin_read(world->state.store->engine, &txn);

	if (outcome != OK)
		return outcome;
	outcome = meta_read(txn, &meta);
	if (outcome == OK)
		outcome = tree_get(txn, world->root, &tree);
	txn_abort(txn);
	*ret_ids = meta.ids;
	*ret_sequence = tree.sequence;
	return outcome;
}

static void
test_backup_and_restore(void **unused)
{
	uint64_t ids, sequence, new_ids, new_sequence;
	char file[160], dir[160];
	struct world world;

	(void)unused;
	world_begin(&world);
	write_whole(state_path(&world.state, "state/secret/key"), "s3cret", 6);
	assert_int_equal(transfer(&world, true), OK);
	snprintf(file, sizeof(file), "%s", state_path(&world.state, "b.tar"));
	snprintf(dir, sizeof(dir), "%s", state_path(&world.state, "new"));
	backup_to(&world, file);
	assert_int_equal(read_ids(&world, &ids, &sequence), OK);
	shell("tar -tf '%s' > '%s.list'", file, file);
	shell("grep -q '^state/secret/key$' '%s.list' && grep -q "
	      "'^checksums$' '%s.list'",
	    file, file);
	/* What comes after the backup is not in it, and does no harm. */
	shell("printf later > '%s/later'%s", world.source, "");
	assert_int_equal(transfer(&world, true), OK);
	store_close(world.state.store);
	world.state.store = NULL;
	report_begin(&world, true);
	assert_int_equal(store_restore(file, dir, &world.maintain), OK);
	report_begin(&world, false);
	assert_int_equal(store_restore(file, dir, &world.maintain), EXISTS);
	shell("cd '%s' && rm -rf state && mv new/state .%s", world.state.folder,
	    "");
	state_reopen(&world.state);
	assert_verified(&world);
	assert_int_equal(read_ids(&world, &new_ids, &new_sequence), OK);
	assert_true(new_ids > ids + (UINT64_C(1) << META_ID_BITS));
	assert_true(new_sequence > sequence);
	assert_int_equal(transfer(&world, false), OK);
	clean_source(&world);
	shell("rm '%s/later'%s", world.source, "");
	shell("diff -r '%s' '%s'", world.source, world.out);
	world_end(&world);
}

/* The folder is there, and holds nothing. */
static bool
is_bare(const char *dir)
{
	DIR *folder = opendir(dir);
	size_t names = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		names++;
	closedir(folder);
	return names == 2; /* "." and ".." */
}

/* Every way to break the file is refused, and nothing of it is left. */
static void
test_broken_backups_are_refused(void **unused)
{
	static const char *const ways[] = {
		"truncate -s 60000 '%s'%.0s",
		"printf X | dd of='%s' bs=1 seek=50000 conv=notrunc "
		"status=none%.0s",
		"tar --delete -f '%s' checksums%.0s",
		"cd /tmp && tar --append -f '%s' --transform "
		"'s|.*|../../escape|' /etc/hostname 2>/dev/null%.0s",
	};
	char file[160], broken[160], dir[160];
	struct world world;
	struct stat status;

	(void)unused;
	world_begin(&world);
	assert_int_equal(transfer(&world, true), OK);
	snprintf(file, sizeof(file), "%s", state_path(&world.state, "b.tar"));
	snprintf(broken, sizeof(broken), "%s",
	    state_path(&world.state, "broken.tar"));
	backup_to(&world, file);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(dir, sizeof(dir), "%s/new%zu", world.state.folder, i);
		shell("cp '%s' '%s'", file, broken);
		shell(ways[i], broken, "");
		report_begin(&world, false);
		assert_int_not_equal(store_restore(broken, dir,
					 &world.maintain),
		    OK);
		assert_true(world.maintain.findings > 0);
		assert_int_equal(stat(dir, &status), -1);
		/* A folder that was there stays, as it was. */
		assert_int_equal(mkdir(dir, 0700), 0);
		report_begin(&world, false);
		assert_int_not_equal(store_restore(broken, dir,
					 &world.maintain),
		    OK);
		assert_true(is_bare(dir));
		report_begin(&world, false);
		assert_int_equal(store_restore(file, dir, &world.maintain), OK);
	}
	world_end(&world);
}

/* What was there before is neither overwritten nor taken away. */
static void
test_a_taken_folder_stays_as_it_is(void **unused)
{
	char file[160], dir[160], conf[160];
	struct world world;

	(void)unused;
	world_begin(&world);
	snprintf(file, sizeof(file), "%s", state_path(&world.state, "b.tar"));
	snprintf(dir, sizeof(dir), "%s", state_path(&world.state, "new"));
	snprintf(conf, sizeof(conf), "%s", state_path(&world.state, "ours"));
	write_whole(conf, "# ours", 6);
	world.state.conf->file = conf;
	backup_to(&world, file);
	shell("mkdir '%s' && printf theirs > '%s/celldav.conf'", dir, dir);
	report_begin(&world, false);
	assert_int_equal(store_restore(file, dir, &world.maintain), EXISTS);
	assert_true(world.maintain.findings > 0);
	shell("test \"$(ls -A '%s')\" = celldav.conf && "
	      "grep -q theirs '%s/celldav.conf'",
	    dir, dir);
	world.state.conf->file = NULL;
	world_end(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backup_and_restore),
		cmocka_unit_test(test_broken_backups_are_refused),
		cmocka_unit_test(test_a_taken_folder_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
