/*
 * verify finds every record that is damaged: each record of a store with
 * everything in it is cut short, or taken away, alone, and put back. Only the
 * log may lose entries unseen: pruning takes them as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/keys.h"
#include "store/maintain.h"
#include "tests/unit/grove.h"

enum { RECORDS_MAX = 200, VALUE_MAX = 8192 };

struct record {
	char key[ENGINE_KEY_MAX], value[VALUE_MAX];
	size_t key_len, value_len;
};

struct scene {
	struct grove grove;
	struct record record[RECORDS_MAX];
	size_t count;
	bool remove; /* else cut */
	const struct record *now;
	struct maintain maintain;
};

static void
locks_and_properties(struct grove *grove)
{
	struct dead_property one = { TEXT("urn:t"), TEXT("p"), TEXT(">v") };
	struct dead_properties all = { &one, 1 };
	struct trail trail = grove_trail(grove, "docs/plan");
	struct lock lock = { .principal = grove->actor.user,
		.token = "0123456789abcde",
		.exclusive = true,
		.timeout_seconds = 3600,
		.owner = TEXT(">who"),
		.root = TEXT("/dav/a/docs/plan") };

	assert_ok(property_write(grove->txn, grove->state.conf,
	    trail_last(&trail)->id, &all));
	trail = grove_trail(grove, "docs/plan");
	assert_ok(tree_set_flag(grove->txn, &trail, NODE_HAS_PROPERTIES, true));
	trail = grove_trail(grove, "docs/plan");
	assert_ok(lock_add(grove->txn, grove->state.conf, &trail, &lock,
	    grove->actor.now_ns));
}

static void
scene_fill(struct grove *grove)
{
	struct cell cell = { .slug = TEXT("inner"),
		.owner = grove->actor.user,
		.title = TEXT("Inner") };
	struct trail trail;

	assert_ok(grove_mkcol(grove, "docs"));
	assert_ok(grove_mkcol(grove, "docs/sub"));
	assert_ok(grove_put(grove, "docs/plan", "one"));
	grove->actor.now_ns += NS_PER_SECOND * 3600;
	assert_ok(grove_put(grove, "docs/plan", "two"));
	assert_ok(grove_put(grove, "docs/sub/deep", "deep"));
	assert_ok(grove_copy(grove, "docs/sub", "docs/copy"));
	assert_ok(grove_put(grove, "docs/gone", "gone"));
	assert_ok(grove_delete(grove, "docs/gone"));
	locks_and_properties(grove);
	trail = grove_trail(grove, "docs/sub");
	cell.root = trail_last(&trail)->id;
	assert_ok(cell_create(grove->txn, grove->store, &cell));
	assert_ok(quota_set_user(grove->txn, grove->actor.user, 1000000));
}

static void
records_take(struct scene *scene)
{
	struct cursor *cursor;
	enum outcome outcome;

	assert_ok(cursor_open(scene->grove.txn, &cursor));
	outcome = cursor_seek(cursor, (struct text){ "\0", 1 });
	for (; outcome == OK; outcome = cursor_next(cursor)) {
		struct record *record = &scene->record[scene->count++];

		assert_in_range(scene->count, 1, RECORDS_MAX - 1);
		assert_in_range(cursor->value.len, 0, VALUE_MAX);
		memcpy(record->key, cursor->key.ptr, cursor->key.len);
		memcpy(record->value, cursor->value.ptr, cursor->value.len);
		record->key_len = cursor->key.len;
		record->value_len = cursor->value.len;
	}
	assert_int_equal(outcome, NOT_FOUND);
	cursor_close(cursor);
}

static struct text
record_key(const struct record *record)
{
	return (struct text){ record->key, record->key_len };
}

static enum outcome
record_damage(struct txn *txn, void *context)
{
	const struct scene *scene = context;
	const struct record *now = scene->now;

	return scene->remove ?
	    txn_remove(txn, record_key(now)) :
	    txn_put(txn, record_key(now),
		(struct text){ now->value, now->value_len - 1 });
}

static enum outcome
record_mend(struct txn *txn, void *context)
{
	const struct scene *scene = context;
	const struct record *now = scene->now;

	return txn_put(txn, record_key(now),
	    (struct text){ now->value, now->value_len });
}

static enum outcome
scene_verify(struct scene *scene) ON_WORKER;

static enum outcome
scene_verify(struct scene *scene)
{
	struct maintain *maintain = &scene->maintain;
	enum outcome outcome;

	*maintain = (struct maintain){ .report = json_object() };
	store_close(scene->grove.state.store);
	scene->grove.state.store = NULL;
	outcome = store_verify(scene->grove.state.conf, maintain);
	json_decref(maintain->report);
	return outcome;
}

/* One record, there and back; false: verify did not see it. */
static bool
one_record(struct scene *scene, const struct record *record) ON_WORKER;

static bool
one_record(struct scene *scene, const struct record *record)
{
	struct state *state = &scene->grove.state;
	enum outcome outcome;

	scene->now = record;
	state_reopen(state);
	assert_ok(store_change(state->store, record_damage, scene));
	outcome = scene_verify(scene);
	state_reopen(state);
	assert_ok(store_change(state->store, record_mend, scene));
	return outcome == DAMAGED && scene->maintain.findings > 0;
}

static void
each_record(struct scene *scene, bool remove) ON_WORKER;

static void
each_record(struct scene *scene, bool remove)
{
	scene->remove = remove;
	for (size_t i = 0; i < scene->count; i++) {
		const struct record *record = &scene->record[i];

		if (record->value_len == 0 || record->key[0] == KEY_META)
			continue; /* a store without them does not open */
		if (remove && record->key[0] == KEY_LOG)
			continue;
		if (!one_record(scene, record))
			fail_msg("a %s record of kind '%c' is not seen",
			    remove ? "lost" : "cut", record->key[0]);
	}
	store_close(scene->grove.state.store);
	scene->grove.state.store = NULL;
	state_reopen(&scene->grove.state);
	assert_ok(scene_verify(scene));
	assert_int_equal(scene->maintain.findings, 0);
	state_reopen(&scene->grove.state);
}

static struct scene scene;

static void
scene_begin(void) THREAD_ATTRIBUTE(assert_capability(role_worker));

static void
scene_begin(void)
{
	memset(&scene, 0, sizeof(scene));
	grove_begin(&scene.grove, "lmdb");
	scene_fill(&scene.grove);
	grove_commit(&scene.grove);
	records_take(&scene);
	txn_abort(scene.grove.txn);
}

static void
scene_end(void)
{
	arena_free(scene.grove.arena);
	state_end(&scene.grove.state);
}

static void
test_cut_records_are_found(void **state)
{
	(void)state;
	scene_begin();
	each_record(&scene, false);
	scene_end();
}

static void
test_lost_records_are_found(void **state)
{
	(void)state;
	scene_begin();
	each_record(&scene, true);
	scene_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_records_are_found),
		cmocka_unit_test(test_lost_records_are_found),
	};

	thread_enter_worker();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
