/*
 * The care of a store, with calls to the engine failing one at a time. What
 * reads says so, or ends with the error; what changes something can be made
 * again, and the store is sound and whole then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/keys.h"
#include "store/maintain.h"
#include "store/maintain_verify.h"
#include "tests/unit/faulty.h"
#include "tests/unit/grove_care.h"

enum { CALLS_MAX = 20000, IMPORTED = 3 };

struct scene {
	struct grove grove;
	char source[128];
	struct maintain maintain;
	struct tidy_pace pace;
	uint64_t later_ns; /* all that ends has ended */
};

/* ---- What there is to care for ---------------------------------------------- */

static void
source_fill(struct scene *scene)
{
	static const char *const names[IMPORTED] = { "a", "b", "c" };
	char path[160];

	snprintf(scene->source, sizeof(scene->source), "%s",
	    state_path(&scene->grove.state, "source"));
	assert_int_equal(mkdir(scene->source, 0700), 0);
	for (size_t i = 0; i < IMPORTED; i++) {
		snprintf(path, sizeof(path), "%s/%s", scene->source, names[i]);
		write_whole(path, "imported", 8);
	}
	snprintf(path, sizeof(path), "%s/folder", scene->source);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
scene_begin(struct scene *scene)
    THREAD_ATTRIBUTE(assert_capability(role_worker));

static void
scene_begin(struct scene *scene)
{
	*scene = (struct scene){ 0 };
	grove_begin(&scene->grove, "memory");
	grove_furnish(&scene->grove);
	assert_ok(txn_commit(scene->grove.txn));
	scene->later_ns = clock_wall_ns() +
	    UINT64_C(366) * 86400 * NS_PER_SECOND;
	source_fill(scene);
	scene->maintain.report = json_object();
	faulty_begin(scene->grove.store->engine);
}

static void
scene_end(struct scene *scene)
{
	faulty_end(scene->grove.store->engine);
	json_decref(scene->maintain.report);
	arena_free(scene->grove.arena);
	state_end(&scene->grove.state);
}

static void
report_again(struct scene *scene)
{
	scene->maintain.findings = 0;
	assert_int_equal(json_object_clear(scene->maintain.report), 0);
}

static long long
number(const struct scene *scene, const char *name)
{
	return (long long)
	    json_integer_value(json_object_get(scene->maintain.report, name));
}

static enum outcome
verify(struct scene *scene) ON_WORKER;

static enum outcome
verify(struct scene *scene)
{
	struct verify verify = { .store = scene->grove.store,
		.maintain = &scene->maintain,
		.ids_end = UINT64_MAX,
		.keys_all = 1 };
	enum outcome outcome;

	report_again(scene);
	assert_ok(txn_begin_read(scene->grove.store->engine, &verify.txn));
	outcome = verify_run(&verify);
	txn_abort(verify.txn);
	return outcome;
}

static enum outcome
gc(struct scene *scene) ON_WORKER;

static enum outcome
gc(struct scene *scene)
{
	report_again(scene);
	return store_gc(scene->grove.store, &scene->maintain);
}

/* Until there is nothing to do, or an error. */
static enum outcome
tidy(struct scene *scene) ON_WORKER;

static enum outcome
tidy(struct scene *scene)
{
	enum outcome outcome = OK;
	bool more = true;

	while (outcome == OK && more)
		outcome = store_tidy(scene->grove.store, scene->later_ns,
		    &scene->pace, &more);
	return outcome;
}

static enum outcome
import(struct scene *scene) ON_WORKER;

static enum outcome
import(struct scene *scene)
{
	struct transfer_options options = { .folder = scene->source,
		.root = scene->grove.root,
		.actor = &scene->grove.actor };

	report_again(scene);
	return store_import(scene->grove.store, &options, &scene->maintain);
}

/* ---- What is left ------------------------------------------------------------- */

static size_t
count_keys(struct scene *scene, enum key_kind kind)
{
	char first = (char)kind;
	struct cursor *cursor;
	struct txn *txn;
	size_t count = 0;
	enum outcome outcome;

	assert_ok(txn_begin_read(scene->grove.store->engine, &txn));
	assert_ok(cursor_open(txn, &cursor));
	outcome = cursor_seek(cursor, (struct text){ &first, 1 });
	while (outcome == OK && cursor->key.ptr[0] == first) {
		count++;
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	txn_abort(txn);
	return count;
}

static void
assert_sound(struct scene *scene) ON_WORKER;

static void
assert_sound(struct scene *scene)
{
	assert_ok(verify(scene));
	assert_int_equal(scene->maintain.findings, 0);
}

static void
judge_verify(struct scene *scene) ON_WORKER;

static void
judge_verify(struct scene *scene)
{
	assert_sound(scene);
}

static void
judge_gc(struct scene *scene) ON_WORKER;

static void
judge_gc(struct scene *scene)
{
	assert_ok(gc(scene));
	assert_int_equal(count_keys(scene, KEY_RECLAIM), 0);
	assert_int_equal(count_keys(scene, KEY_TREE), 1);
	assert_int_equal(count_keys(scene, KEY_TRASH), 1);
	assert_sound(scene);
}

static void
judge_tidy(struct scene *scene) ON_WORKER;

static void
judge_tidy(struct scene *scene)
{
	/* The first goes on where the one that failed was. */
	assert_ok(tidy(scene));
	assert_ok(tidy(scene));
	assert_int_equal(count_keys(scene, KEY_RECLAIM), 0);
	assert_int_equal(count_keys(scene, KEY_TREE), 1);
	assert_int_equal(count_keys(scene, KEY_TRASH), 0);
	assert_int_equal(count_keys(scene, KEY_LOCK), 0);
	assert_int_equal(count_keys(scene, KEY_TOKEN), 0);
	assert_int_equal(count_keys(scene, KEY_VERSION), 1);
	assert_sound(scene);
}

static void
judge_import(struct scene *scene) ON_WORKER;

static void
judge_import(struct scene *scene)
{
	long long before = number(scene, "files");

	assert_ok(import(scene));
	assert_true(number(scene, "present") >= before);
	assert_int_equal(number(scene, "present") + number(scene, "files"),
	    IMPORTED);
	assert_int_equal(number(scene, "skipped"), 0);
	assert_sound(scene);
}

/* ---- The rounds ---------------------------------------------------------------- */

static const struct operation {
	const char *name;
	enum outcome (*run)(struct scene *scene);
	void (*judge)(struct scene *scene);
	bool reads;  /* one scene is enough */
	bool sweeps; /* what it cannot sweep it leaves, and says nothing */
} operations[] = {
	{ "verify", verify, judge_verify, true, false },
	{ "gc", gc, judge_gc, false, true },
	{ "tidy", tidy, judge_tidy, false, true },
	{ "import", import, judge_import, false, false },
};

/* False: the operation got through without meeting the call. */
static bool
one_round(struct scene *scene, const struct operation *operation,
    enum fault fault, size_t at) ON_WORKER;

static bool
one_round(struct scene *scene, const struct operation *operation,
    enum fault fault, size_t at)
{
	enum outcome outcome;
	bool met;

	faulty_arm(fault, at);
	outcome = operation->run(scene);
	met = faulty_disarm();
	if (!met && outcome != OK)
		fail_msg("%s without a fault: %s", operation->name,
		    outcome_name(outcome));
	if (met && fault == FAULT_IO && outcome == OK && !operation->sweeps &&
	    scene->maintain.findings == 0)
		fail_msg("%s, call %zu failed: nothing is said",
		    operation->name, at);
	return met;
}

/* Each of the first calls, then fewer and fewer. */
static void
rounds(const struct operation *operation, enum fault fault, bool lasts)
{
	struct scene scene;
	size_t at = 1;
	bool met = true;

	scene_begin(&scene);
	while (met && at < CALLS_MAX) {
		met = one_round(&scene, operation, fault, at);
		if (lasts)
			operation->judge(&scene);
		at += 1 + at / 8;
		if (!operation->reads || !lasts) {
			scene_end(&scene);
			scene_begin(&scene);
		}
	}
	assert_in_range(at, 3, CALLS_MAX - 1);
	scene_end(&scene);
}

static void
all_rounds(enum fault fault, bool lasts)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		rounds(&operations[i], fault, lasts);
}

static void
test_errors(void **unused)
{
	(void)unused;
	all_rounds(FAULT_IO, true);
}

static void
test_cut_records(void **unused)
{
	(void)unused;
	all_rounds(FAULT_CUT, true);
}

static enum outcome
cut_record(struct txn *txn, void *context)
{
	char first = *(const char *)context, bytes[256];
	struct key key;
	struct cursor *cursor;
	size_t len = 0;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome == OK)
		outcome = cursor_seek(cursor, (struct text){ &first, 1 });
	if (outcome == OK) {
		memcpy(key.bytes, cursor->key.ptr, cursor->key.len);
		key.len = cursor->key.len;
		len = cursor->value.len - 1;
		assert_in_range(len, 1, sizeof(bytes));
		memcpy(bytes, cursor->value.ptr, len);
	}
	cursor_close(cursor);
	return outcome != OK ?
	    outcome :
	    txn_put(txn, (struct text){ (char *)key.bytes, key.len },
		(struct text){ bytes, len });
}

/* What one record keeps from being done is told; all else is done. */
static void
tidy_past(char kind, size_t trash, size_t locks, size_t reclaims) ON_WORKER;

static void
tidy_past(char kind, size_t trash, size_t locks, size_t reclaims)
{
	struct scene scene;

	scene_begin(&scene);
	assert_ok(store_change(scene.grove.store, cut_record, &kind));
	for (int i = 0; i < 10; i++)
		assert_int_equal(tidy(&scene), DAMAGED);
	assert_int_equal(count_keys(&scene, KEY_TRASH), trash);
	assert_int_equal(count_keys(&scene, KEY_LOCK), locks);
	assert_int_equal(count_keys(&scene, KEY_RECLAIM), reclaims);
	scene_end(&scene);
}

static void
test_damage_is_passed(void **unused)
{
	(void)unused;
	thread_enter_worker();
	tidy_past(KEY_TRASH, 1, 0, 0);
	tidy_past(KEY_TOKEN, 0, 1, 0);
	tidy_past(KEY_RECLAIM, 0, 0, 4);
}

/* Who is told that something is not there may act upon it: no crash, no more. */
static void
test_lost_records(void **unused)
{
	(void)unused;
	all_rounds(FAULT_LOST, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_cut_records),
		cmocka_unit_test(test_lost_records),
		cmocka_unit_test(test_damage_is_passed),
	};

	/* Each round has a store of its own, and types are no matter. */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	(void)setenv("MAGIC", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
