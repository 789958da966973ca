/*
 * Every operation of the store with every one of its calls to the engine
 * failing, one at a time: an error of the disk is always told, a record that
 * is gone or cut short never does more harm than an error, and after the
 * change is dropped everything is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/faulty.h"
#include "tests/unit/grove.h"

enum { CALLS_MAX = 20000 };

struct scene {
	struct grove grove;
	struct trail plan, docs, deep, fresh, loose, other;
	uint64_t version, trashed;
	unsigned char token[LOCK_TOKEN_BYTES];
};

static bool
note_version(const struct version *version, void *context)
{
	*(uint64_t *)context = version->id;
	return true;
}

static const struct lock *
scene_lock(struct scene *scene, unsigned char first)
{
	static struct lock lock;

	lock = (struct lock){ .principal = 7,
		.exclusive = true,
		.infinite = true,
		.timeout_seconds = 60,
		.owner = TEXT("who"),
		.root = TEXT("/dav/a/docs") };
	memcpy(lock.token, scene->token, sizeof(lock.token));
	lock.token[0] = first;
	return &lock;
}

static void
scene_resolve(struct scene *scene)
{
	struct grove *grove = &scene->grove;

	scene->plan = grove_trail(grove, "docs/plan");
	scene->docs = grove_trail(grove, "docs");
	scene->deep = grove_trail(grove, "docs/sub/deep");
	scene->fresh = grove_trail(grove, "docs/fresh");
	scene->loose = grove_trail(grove, "other/loose");
	scene->other = grove_trail(grove, "other");
}

static void
properties_fill(struct scene *scene)
{
	struct dead_property one = { TEXT("urn:t"), TEXT("p"), TEXT(">v") };
	struct dead_properties all = { &one, 1 };
	struct grove *grove = &scene->grove;

	scene_resolve(scene);
	assert_ok(property_write(grove->txn, grove->state.conf,
	    trail_last(&scene->plan)->id, &all));
	scene_resolve(scene);
	assert_ok(tree_set_flag(grove->txn, &scene->plan, NODE_HAS_PROPERTIES,
	    true));
}

static void
scene_fill(struct scene *scene)
{
	static char large[4000];
	struct grove *grove = &scene->grove;
	size_t items;

	memset(large, 'x', sizeof(large) - 1);
	assert_ok(grove_mkcol(grove, "docs"));
	assert_ok(grove_mkcol(grove, "docs/sub"));
	assert_ok(grove_mkcol(grove, "other"));
	assert_ok(grove_put(grove, "docs/plan", "one"));
	grove->actor.now_ns += NS_PER_SECOND * 3600;
	assert_ok(grove_put(grove, "docs/plan", "two"));
	assert_ok(grove_put(grove, "docs/sub/deep", large));
	assert_ok(grove_put(grove, "other/loose", "loose"));
	assert_ok(grove_put(grove, "other/old", "old"));
	assert_ok(grove_delete(grove, "other/old"));
	assert_ok(trash_empty(grove->txn, grove->store, grove->root, UINT64_MAX,
	    &items));
	assert_ok(grove_put(grove, "other/gone", "gone"));
	assert_ok(grove_delete(grove, "other/gone"));
	scene->trashed = grove_trash(grove).sequence;
	properties_fill(scene);
	scene_resolve(scene);
	assert_ok(lock_add(grove->txn, grove->state.conf, &scene->deep,
	    scene_lock(scene, 1), grove->actor.now_ns));
	scene_resolve(scene);
	assert_ok(version_each(grove->txn, trail_last(&scene->plan)->id,
	    note_version, &scene->version));
}

static void
scene_begin(struct scene *scene, const char *engine)
{
	memset(scene, 0, sizeof(*scene));
	grove_begin(&scene->grove, engine);
	scene_fill(scene);
	grove_commit(&scene->grove);
	faulty_begin(scene->grove.store->engine);
}

static void
scene_end(struct scene *scene)
{
	faulty_end(scene->grove.store->engine);
	grove_end(&scene->grove);
}

/* ---- Changes of the tree ------------------------------------------------- */

static enum outcome
content_put(struct scene *scene, const struct trail *trail, const char *name)
{
	struct grove *grove = &scene->grove;
	struct tree_content content = { .name = text_from(name),
		.media = TEXT("text/plain") };
	struct node node;

	blob_small(grove->store, TEXT("new bytes"), &content.blob);
	return tree_put(grove->txn, grove->store, trail, &content,
	    &grove->actor, &node);
}

static enum outcome
put_new(struct scene *scene)
{
	return content_put(scene, &scene->fresh, "fresh");
}

static enum outcome
put_over(struct scene *scene)
{
	scene->grove.actor.now_ns += NS_PER_SECOND;
	return content_put(scene, &scene->plan, "plan");
}

static enum outcome
mkcol(struct scene *scene)
{
	struct node node;

	return tree_mkcol(scene->grove.txn, scene->grove.store, &scene->fresh,
	    TEXT("fresh"), &scene->grove.actor, &node);
}

static enum outcome
delete_tree(struct scene *scene)
{
	return tree_delete(scene->grove.txn, scene->grove.store, &scene->docs,
	    &scene->grove.actor);
}

static enum outcome
move_tree(struct scene *scene)
{
	return tree_move(scene->grove.txn, scene->grove.store, &scene->docs,
	    &scene->other, TEXT("moved"), TREE_MOVE_PLACE, &scene->grove.actor);
}

static enum outcome
move_fold(struct scene *scene)
{
	return tree_move(scene->grove.txn, scene->grove.store, &scene->loose,
	    &scene->plan, TEXT("plan"), TREE_MOVE_FOLD, &scene->grove.actor);
}

static enum outcome
copy_tree(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	struct tree_copy copy = { .source = trail_last(&scene->docs),
		.arena = grove->arena,
		.actor = grove->actor,
		.slice = 1 };
	struct node node;
	enum outcome outcome = OK;

	while (outcome == OK && !copy.complete)
		outcome = tree_copy_slice(grove->txn, grove->store, &copy);
	if (outcome == OK)
		outcome = tree_copy_publish(grove->txn, grove->store, &copy,
		    &scene->other, TEXT("copy"), &node);
	return outcome;
}

static enum outcome
copy_dropped(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	struct tree_copy copy = { .source = trail_last(&scene->docs),
		.arena = grove->arena,
		.actor = grove->actor,
		.slice = 1 };
	enum outcome outcome = tree_copy_slice(grove->txn, grove->store, &copy);

	return outcome == OK ?
	    tree_copy_discard(grove->txn, grove->store, &copy) :
	    outcome;
}

static enum outcome
set_times(struct scene *scene)
{
	return tree_set_times(scene->grove.txn, &scene->plan,
	    &scene->grove.actor, 5, 6);
}

static enum outcome
touch(struct scene *scene)
{
	return tree_touch(scene->grove.txn, &scene->plan, &scene->grove.actor);
}

static enum outcome
regrant(struct scene *scene)
{
	return tree_regrant(scene->grove.txn, &scene->plan,
	    &(struct regrant){ .subject = 9 }, &scene->grove.actor);
}

static enum outcome
set_flag(struct scene *scene)
{
	return tree_set_flag(scene->grove.txn, &scene->plan, NODE_HAS_GRANTS,
	    true);
}

static enum outcome
reclaim(struct scene *scene)
{
	bool more = true;
	enum outcome outcome = tree_reclaim_due(scene->grove.txn, &more);

	while (outcome == OK && more)
		outcome = tree_reclaim(scene->grove.txn, scene->grove.store, 2,
		    &more);
	return outcome;
}

static enum outcome
create(struct scene *scene)
{
	struct node root;

	return tree_create(scene->grove.txn, scene->grove.store, 8, &root);
}

/* ---- History ---------------------------------------------------------------- */

static enum outcome
versions_restore(struct scene *scene)
{
	uint64_t id;
	enum outcome outcome = version_each(scene->grove.txn,
	    trail_last(&scene->plan)->id, note_version, &id);

	return outcome == OK ?
	    version_restore(scene->grove.txn, scene->grove.store, &scene->plan,
		scene->version, &scene->grove.actor) :
	    outcome;
}

static bool
pass_item(const struct trash_item *item, void *context)
{
	return item != context;
}

static enum outcome
trash_back(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	bool due;
	enum outcome outcome = trash_each(grove->txn, grove->root, pass_item,
	    NULL);

	if (outcome == OK)
		outcome = trash_due(grove->txn, grove->root, UINT64_MAX, &due);
	if (outcome == OK)
		outcome = trash_restore(grove->txn, grove->store, grove->root,
		    scene->trashed, TEXT_NONE, &grove->actor);
	return outcome;
}

static enum outcome
trash_away(struct scene *scene)
{
	size_t items;

	return trash_empty(scene->grove.txn, scene->grove.store,
	    scene->grove.root, UINT64_MAX, &items);
}

static bool
pass_entry(const struct log_entry *entry, void *context)
{
	return entry != context;
}

static enum outcome
log_walk(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	bool more = false;
	enum outcome outcome = log_each(grove->txn, grove->root, 0, pass_entry,
	    NULL);

	if (outcome == OK)
		outcome = log_prune_due(grove->txn, grove->root, UINT64_MAX,
		    &more);
	while (outcome == OK && more)
		outcome = log_prune(grove->txn, grove->root, UINT64_MAX, 2,
		    &more);
	return outcome;
}

/* ---- Locks ------------------------------------------------------------------- */

static enum outcome
locks_ask(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	struct lock *lock;
	size_t count;
	enum outcome outcome = lock_covering(grove->txn, grove->arena,
	    &scene->deep, grove->actor.now_ns, &lock, &count);

	return outcome == OK ?
	    lock_below(grove->txn, grove->arena, trail_last(&scene->docs),
		grove->actor.now_ns, 10, &lock, &count) :
	    outcome;
}

static enum outcome
lock_new(struct scene *scene)
{
	return lock_add(scene->grove.txn, scene->grove.state.conf,
	    &scene->other, scene_lock(scene, 2), scene->grove.actor.now_ns);
}

static enum outcome
lock_life(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	const struct lock *lock = scene_lock(scene, 1);
	enum outcome outcome = lock_refresh(grove->txn, lock->token, 90,
	    grove->actor.now_ns);

	return outcome == OK ? lock_remove(grove->txn, lock->token) : outcome;
}

static enum outcome
locks_end(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	bool more;

	return lock_expire(grove->txn, UINT64_MAX, 10, &more);
}

static enum outcome
locks_drop(struct scene *scene)
{
	return lock_remove_tree(scene->grove.txn, trail_last(&scene->docs));
}

/* ---- Properties, quota, cells ------------------------------------------------- */

static enum outcome
properties_copy(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	node_id from = trail_last(&scene->plan)->id;
	struct dead_properties all;
	enum outcome outcome = property_read(grove->txn, grove->arena, from,
	    &all);

	if (outcome == OK)
		outcome = property_copy(grove->txn, from,
		    trail_last(&scene->loose)->id);
	if (outcome == OK)
		outcome = property_remove(grove->txn, from);
	return outcome;
}

static enum outcome
quota_ask(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	struct quota quota;
	enum outcome outcome = quota_of(grove->txn, grove->store, &scene->plan,
	    &quota);

	if (outcome == OK)
		outcome = quota_check(grove->txn, grove->store, &scene->plan,
		    10);
	if (outcome == OK)
		outcome = quota_set_user(grove->txn, grove->actor.user, 1000);
	return outcome;
}

static bool
pass_cell(const struct cell *cell, void *context)
{
	return cell != context;
}

static enum outcome
cell_life(struct scene *scene)
{
	struct grove *grove = &scene->grove;
	struct cell cell = { .slug = TEXT("inner"),
		.owner = 7,
		.title = TEXT("Inner"),
		.root = trail_last(&scene->docs)->id };
	enum outcome outcome = cell_create(grove->txn, grove->store, &cell);

	if (outcome == OK)
		outcome = cell_find(grove->txn, TEXT("inner"), &cell);
	cell.quota = 5000;
	if (outcome == OK)
		outcome = cell_update(grove->txn, &cell);
	if (outcome == OK)
		outcome = cell_each(grove->txn, pass_cell, NULL);
	if (outcome == OK)
		outcome = cell_remove(grove->txn, grove->store, TEXT("inner"));
	return outcome;
}

static enum outcome
cell_own(struct scene *scene)
{
	struct cell cell;

	return cell_make_own(scene->grove.txn, scene->grove.store, 11, &cell);
}

static enum outcome
trail_back(struct scene *scene)
{
	struct trail trail;

	return trail_find_id(scene->grove.txn, scene->grove.arena,
	    trail_last(&scene->deep)->id, &trail);
}

/* ---- The rounds ---------------------------------------------------------------- */

static const struct {
	const char *name;
	enum outcome (*run)(struct scene *scene);
} operations[] = {
	{ "put_new", put_new },
	{ "put_over", put_over },
	{ "mkcol", mkcol },
	{ "delete_tree", delete_tree },
	{ "move_tree", move_tree },
	{ "move_fold", move_fold },
	{ "copy_tree", copy_tree },
	{ "copy_dropped", copy_dropped },
	{ "set_times", set_times },
	{ "touch", touch },
	{ "regrant", regrant },
	{ "set_flag", set_flag },
	{ "reclaim", reclaim },
	{ "create", create },
	{ "versions_restore", versions_restore },
	{ "trash_back", trash_back },
	{ "trash_away", trash_away },
	{ "log_walk", log_walk },
	{ "locks_ask", locks_ask },
	{ "lock_new", lock_new },
	{ "lock_life", lock_life },
	{ "locks_end", locks_end },
	{ "locks_drop", locks_drop },
	{ "properties_copy", properties_copy },
	{ "quota_ask", quota_ask },
	{ "cell_life", cell_life },
	{ "cell_own", cell_own },
	{ "trail_back", trail_back },
};

/* False: the operation got through without meeting the call. */
static bool
one_round(struct scene *scene, size_t operation, enum fault fault,
    size_t number)
{
	enum outcome outcome;
	bool met;

	grove_rollback(&scene->grove);
	scene_resolve(scene);
	faulty_arm(fault, number);
	outcome = operations[operation].run(scene);
	met = faulty_disarm();
	if (!met && outcome != OK)
		fail_msg("%s without a fault: %s", operations[operation].name,
		    outcome_name(outcome));
	if (met && fault == FAULT_IO && outcome != IO)
		fail_msg("%s, call %zu failed: %s", operations[operation].name,
		    number, outcome_name(outcome));
	return met;
}

static void
all_rounds(const char *engine, enum fault fault)
{
	struct scene scene;

	scene_begin(&scene, engine);
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]);
	    i++) {
		size_t number = 1;

		while (number < CALLS_MAX &&
		    one_round(&scene, i, fault, number))
			number++;
		assert_in_range(number, 2, CALLS_MAX - 1);
		grove_rollback(&scene.grove);
		grove_check(&scene.grove);
	}
	scene_end(&scene);
}

static void
test_errors_are_told(void **state)
{
	all_rounds(*state, FAULT_IO);
}

static void
test_lost_records_do_no_harm(void **state)
{
	all_rounds(*state, FAULT_LOST);
}

static void
test_cut_records_do_no_harm(void **state)
{
	all_rounds(*state, FAULT_CUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GROVE_TEST(test_errors_are_told),
		GROVE_TEST(test_lost_records_do_no_harm),
		GROVE_TEST(test_cut_records_do_no_harm),
	};

	thread_enter_worker();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
