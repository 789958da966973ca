#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/calls_world.h"

/*
 * What is promised when a call fails: an operation that says OK has done all
 * of its work; one that does not can be made again; and what was answered for
 * before is there either way. A backup and a restore are all or nothing.
 */
static bool told; /* the last opening said why not */

static void
state_again(struct world *world)
{
	assert_int_equal(state_open(world, STORE_USE, &told), OK);
}

/* ---- Opening, recovering, closing, making ---------------------------------- */

static void
ready_killed(struct world *world) ON_WORKER;

static void
ready_killed(struct world *world)
{
	state_set(world, STATE_KILLED, false);
}

static enum outcome
run_open(struct world *world) ON_WORKER;

static enum outcome
run_open(struct world *world)
{
	return state_open(world, STORE_USE, &told);
}

static void
judge_open(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_open(struct world *world, enum outcome outcome)
{
	if (outcome != OK) {
		assert_true(told);
		state_again(world);
	}
	assert_whole(world);
}

static void
ready_none(struct world *world) ON_WORKER;

static void
ready_none(struct world *world)
{
	state_close(world);
	remove_tree(state_path(&world->state, "state"));
}

static enum outcome
run_create(struct world *world) ON_WORKER;

static enum outcome
run_create(struct world *world)
{
	return state_open(world, STORE_CREATE, &told);
}

static void
judge_create(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_create(struct world *world, enum outcome outcome)
{
	if (outcome != OK) {
		assert_true(told);
		outcome = run_create(world);
		if (outcome != OK)
			assert_int_equal(outcome, EXISTS);
	}
	state_close(world);
	state_again(world);
}

static void
ready_written(struct world *world) ON_WORKER;

static void
ready_written(struct world *world)
{
	state_set(world, STATE_KILLED, true);
}

static enum outcome
run_close(struct world *world) ON_WORKER;

static enum outcome
run_close(struct world *world)
{
	state_close(world);
	return OK;
}

static void
judge_close(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_close(struct world *world, enum outcome outcome)
{
	(void)outcome;
	state_again(world);
	assert_whole(world);
}

/* ---- Import and export ------------------------------------------------------ */

static void
ready_empty(struct world *world) ON_WORKER;

static void
ready_empty(struct world *world)
{
	state_set(world, STATE_EMPTY, true);
}

static enum outcome
run_import(struct world *world) ON_WORKER;

static enum outcome
run_import(struct world *world)
{
	return transfer(world, true);
}

/* What was said to be in is in; the next run brings the rest. */
static void
judge_import(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_import(struct world *world, enum outcome outcome)
{
	long long files = number(world, "files");
	long long skipped = number(world, "skipped");

	assert_true(skipped == 0 || world->maintain.findings > 0);
	if (outcome == OK && skipped == 0)
		assert_int_equal(files, CALLS_FILES);
	state_close(world);
	state_again(world);
	assert_int_equal(transfer(world, true), OK);
	assert_true(number(world, "present") >= files);
	assert_int_equal(number(world, "present") + number(world, "files"),
	    CALLS_FILES);
	assert_whole(world);
}

static void
ready_export(struct world *world) ON_WORKER;

static void
ready_export(struct world *world)
{
	if (world->state.store == NULL)
		state_set(world, STATE_SOUND, true);
	remove_tree(world->out);
}

static enum outcome
run_export(struct world *world) ON_WORKER;

static enum outcome
run_export(struct world *world)
{
	return transfer(world, false);
}

/* Names that begin with a dot: halves of files. */
static int
is_half(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	return path[ftw->base] == '.';
}

static void
judge_export(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_export(struct world *world, enum outcome outcome)
{
	size_t came = count_exported(world);

	if (outcome == OK && number(world, "skipped") == 0)
		assert_int_equal(came, CALLS_FILES);
	else
		assert_true(outcome != OK || world->maintain.findings > 0);
	assert_int_equal(transfer(world, false), OK);
	assert_int_equal(number(world, "skipped"), 0);
	assert_true(number(world, "present") >= (long long)came);
	assert_int_equal(count_exported(world), CALLS_FILES);
	assert_int_equal(nftw(world->out, is_half, 16, FTW_PHYS), 0);
}

/* ---- Backup and restore ------------------------------------------------------ */

static const char backup_file[] = "b.tar", restored[] = "back";

static bool
is_there(const struct world *world, const char *name)
{
	struct stat status;

	return lstat(state_path(&world->state, name), &status) == 0;
}

static void
ready_backup(struct world *world) ON_WORKER;

static void
ready_backup(struct world *world)
{
	if (world->state.store == NULL)
		state_set(world, STATE_SOUND, true);
	remove_tree(state_path(&world->state, "b.tar.engine"));
	write_whole(state_path(&world->state, backup_file), "old", 3);
}

static enum outcome
run_backup(struct world *world) ON_WORKER;

static enum outcome
run_backup(struct world *world)
{
	report_begin(world, false);
	return store_backup(world->state.store,
	    state_path(&world->state, backup_file), &world->maintain);
}

static enum outcome
run_restore(struct world *world) ON_WORKER;

static enum outcome
run_restore(struct world *world)
{
	char file[256];

	snprintf(file, sizeof(file), "%s",
	    state_path(&world->state, backup_file));
	report_begin(world, false);
	return store_restore(file, state_path(&world->state, restored),
	    &world->maintain);
}

static void
assert_restored(struct world *world) ON_WORKER;

static void
assert_restored(struct world *world)
{
	state_close(world);
	copy_state(world, "back/state", "state");
	state_again(world);
	assert_whole(world);
}

/* The older file stays until the new one is whole. */
static void
judge_backup(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_backup(struct world *world, enum outcome outcome)
{
	struct stat status;

	if (outcome != OK) {
		assert_int_equal(stat(state_path(&world->state, backup_file),
				     &status),
		    0);
		assert_int_equal(status.st_size, 3);
		return;
	}
	remove_tree(state_path(&world->state, restored));
	assert_int_equal(run_restore(world), OK);
	assert_restored(world);
}

static void
ready_restore(struct world *world) ON_WORKER;

static void
ready_restore(struct world *world)
{
	if (!is_there(world, backup_file)) {
		state_set(world, STATE_SOUND, true);
		assert_int_equal(run_backup(world), OK);
	}
	remove_tree(state_path(&world->state, restored));
}

static void
judge_restore(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_restore(struct world *world, enum outcome outcome)
{
	if (outcome != OK) {
		assert_false(is_there(world, "back/state"));
		remove_tree(state_path(&world->state, restored));
		assert_int_equal(run_restore(world), OK);
	}
	assert_restored(world);
}

/* ---- Care ------------------------------------------------------------------- */

static void
ready_litter(struct world *world) ON_WORKER;

static void
ready_litter(struct world *world)
{
	state_set(world, STATE_LITTER, true);
}

static enum outcome
run_gc(struct world *world) ON_WORKER;

static enum outcome
run_gc(struct world *world)
{
	report_begin(world, false);
	return store_gc(world->state.store, &world->maintain);
}

/* A second run takes what the first has left; what counts stays. */
static void
judge_gc(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_gc(struct world *world, enum outcome outcome)
{
	(void)outcome;
	state_close(world);
	state_again(world);
	assert_int_equal(run_gc(world), OK);
	assert_int_equal(run_gc(world), OK);
	assert_int_equal(number(world, "files"), 2);
	assert_int_equal(number(world, "orphans"), 0);
	assert_whole(world);
}

static void
ready_damaged(struct world *world) ON_WORKER;

static void
ready_damaged(struct world *world)
{
	state_set(world, STATE_SOUND, true);
	assert_int_equal(
	    truncate(content_path(world, find_content(world, false)), 100), 0);
	state_close(world);
}

static enum outcome
run_verify(struct world *world) ON_WORKER;

static enum outcome
run_verify(struct world *world)
{
	report_begin(world, false);
	return store_verify(world->state.conf, &world->maintain);
}

/* Whatever fails, it does not say that all is well. */
static void
judge_verify(struct world *world, enum outcome outcome) ON_WORKER;

static void
judge_verify(struct world *world, enum outcome outcome)
{
	assert_int_not_equal(outcome, OK);
	assert_true(world->maintain.findings > 0 || outcome == BUSY);
}

/* ---- All --------------------------------------------------------------------- */

const struct calls_operation calls_operations[] = {
	{ "recover", ready_killed, run_open, judge_open, OK, false },
	{ "create", ready_none, run_create, judge_create, OK, false },
	{ "close", ready_written, run_close, judge_close, OK, false },
	{ "import", ready_empty, run_import, judge_import, OK, false },
	{ "export", ready_export, run_export, judge_export, OK, false },
	{ "backup", ready_backup, run_backup, judge_backup, OK, true },
	{ "restore", ready_restore, run_restore, judge_restore, OK, false },
	{ "gc", ready_litter, run_gc, judge_gc, OK, false },
	{ "verify", ready_damaged, run_verify, judge_verify, DAMAGED, false },
};

const size_t calls_operation_count = sizeof(calls_operations) /
    sizeof(calls_operations[0]);
