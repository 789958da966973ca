#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/quota.h"
#include "tests/unit/world.h"

/*
 * What an import leaves out: one entry, named and counted, while the others go
 * in; or all that is left, when the store as a whole can take no more.
 */
static void
begin(struct world *world) THREAD_ATTRIBUTE(assert_capability(role_worker));

static void
begin(struct world *world)
{
	world_begin_bare(world);
	shell("mkdir '%s'%s", world->source, "");
}

/* Findings of one import, one after the other. */
static struct buffer lines;

static void
keep_line(void *context, const char *line)
{
	(void)context;
	buffer_format(&lines, "%s\n", line);
}

static enum outcome
import(struct world *world, const char *folder) ON_WORKER;

static enum outcome
import(struct world *world, const char *folder)
{
	struct transfer_options options = {
		.folder = folder, .root = world->root, .actor = &world->actor
	};
	enum outcome outcome;

	report_begin(world, false);
	world->maintain.finding = keep_line;
	buffer_clear(&lines);
	outcome = store_import(world->state.store, &options, &world->maintain);
	buffer_append_byte(&lines, 0);
	return outcome;
}

static void
assert_said(const char *words)
{
	if (strstr(lines.ptr, words) == NULL)
		fail_msg("\"%s\" is not said, but: %s", words, lines.ptr);
}

static void
end(struct world *world) ON_WORKER;

static void
end(struct world *world)
{
	assert_verified(world);
	buffer_done(&lines);
	world_end(world);
}

/* One letter, or a letter and a mark: the same name to a store. */
static void
test_two_spellings_of_one_name(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	shell("cd '%s' && printf one > \"$(printf 'caf\\303\\251')\" && "
	      "printf two > \"$(printf 'cafe\\314\\201')\"%s",
	    world.source, "");
	shell("cd '%s' && mkdir \"$(printf 'd\\303\\251')\" \"$(printf "
	      "'de\\314\\201')\" && echo x > \"$(printf 'de\\314\\201')/in\" "
	      "&& echo > other%s",
	    world.source, "");
	assert_int_equal(import(&world, world.source), OK);
	assert_said("another entry has that name in the store");
	assert_int_equal(number(&world, "files"), 3); /* one, in, other */
	assert_int_equal(number(&world, "folders"), 1);
	assert_int_equal(number(&world, "skipped"), 2);
	end(&world);
}

/* A file stands where a folder shall be: what is in the folder has no place. */
static void
test_a_file_in_the_way(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	shell("cd '%s' && echo file > taken && echo > kept%s", world.source,
	    "");
	assert_int_equal(import(&world, world.source), OK);
	assert_int_equal(number(&world, "files"), 2);
	shell("cd '%s' && rm taken && mkdir -p taken/deep && echo > taken/a%s",
	    world.source, "");
	assert_int_equal(import(&world, world.source), OK);
	assert_said("taken: skipped: another entry has that name");
	assert_said("taken/a: skipped: its folder was skipped");
	assert_int_equal(number(&world, "files"), 0);
	assert_int_equal(number(&world, "folders"), 0);
	assert_int_equal(number(&world, "present"), 1);
	assert_true(number(&world, "skipped") >= 3);
	end(&world);
}

enum { OWNER = 7 };

static enum outcome
make_tree(struct txn *txn, void *context)
{
	struct world *world = context;
	struct node root;
	enum outcome outcome = tree_create(txn, world->state.store, OWNER,
	    &root);

	if (outcome == OK)
		world->root = root.id;
	return outcome;
}

static enum outcome
limit_set(struct txn *txn, void *context)
{
	const uint64_t *limit = context;

	return quota_set_user(txn, OWNER, *limit);
}

/* A quota ends an import; with more of it, the next one goes on. */
static void
test_a_quota_ends_it(void **unused)
{
	uint64_t limit = 30000;
	struct world world;

	(void)unused;
	begin(&world);
	shell("cd '%s' && for i in 1 2 3 4 5; do head -c 10000 /dev/zero > "
	      "f$i; done; head -c 50000 /dev/zero > large%s",
	    world.source, "");
	assert_int_equal(store_change(world.state.store, make_tree, &world),
	    OK);
	assert_int_equal(store_change(world.state.store, limit_set, &limit),
	    OK);
	assert_int_equal(import(&world, world.source), NO_SPACE);
	assert_true(number(&world, "files") + number(&world, "present") < 6);
	limit = 1000000;
	assert_int_equal(store_change(world.state.store, limit_set, &limit),
	    OK);
	assert_int_equal(import(&world, world.source), OK);
	assert_int_equal(number(&world, "files") + number(&world, "present"),
	    6);
	end(&world);
}

static void
test_names_that_no_store_takes(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	shell("cd '%s' && touch \"$(printf 'a\\tb')\" && touch "
	      "\"$(printf 'x\\303')\" && touch fine%s",
	    world.source, "");
	assert_int_equal(import(&world, world.source), OK);
	assert_said("its name is no UTF-8 or holds control characters");
	assert_int_equal(number(&world, "skipped"), 2);
	assert_int_equal(number(&world, "files"), 1);
	end(&world);
}

/* Deeper than a path may be: named once where it ends. */
static void
test_folders_that_lie_too_deep(void **unused)
{
	struct world world;
	long long folders;

	(void)unused;
	begin(&world);
	shell("cd '%s' && for i in $(seq 1 150); do mkdir d && cd d; done; "
	      "echo > end%s",
	    world.source, "");
	assert_int_equal(import(&world, world.source), OK);
	assert_said("its name or path is too long");
	folders = number(&world, "folders");
	assert_in_range(folders, 10, 149);
	assert_int_equal(number(&world, "files"), 0);
	assert_int_equal(number(&world, "skipped"), 1);
	end(&world);
}

/* Times before 1970 become the first there is; far ones stay as they are. */
static void
test_times_of_old(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	shell("cd '%s' && touch -d '1960-01-01 UTC' old && touch -d "
	      "'2100-01-01 UTC' new%s",
	    world.source, "");
	assert_int_equal(import(&world, world.source), OK);
	assert_int_equal(number(&world, "files"), 2);
	assert_int_equal(import(&world, world.source), OK);
	assert_int_equal(number(&world, "present"), 2);
	assert_int_equal(transfer(&world, false), OK);
	shell("test \"$(stat -c %%Y '%s/old')\" = 0 && "
	      "test \"$(stat -c %%Y '%s/new')\" = 4102444800",
	    world.out, world.out);
	end(&world);
}

static void
test_what_is_no_folder(void **unused)
{
	struct world world;
	char path[160];

	(void)unused;
	begin(&world);
	snprintf(path, sizeof(path), "%s/none", world.source);
	assert_int_equal(import(&world, path), NOT_FOUND);
	assert_said("No such file or directory");
	write_whole(path, "x", 1);
	assert_int_equal(import(&world, path), IO);
	assert_said("Not a directory");
	end(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_spellings_of_one_name),
		cmocka_unit_test(test_a_file_in_the_way),
		cmocka_unit_test(test_a_quota_ends_it),
		cmocka_unit_test(test_names_that_no_store_takes),
		cmocka_unit_test(test_folders_that_lie_too_deep),
		cmocka_unit_test(test_times_of_old),
		cmocka_unit_test(test_what_is_no_folder),
	};

	(void)setenv("MAGIC", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
