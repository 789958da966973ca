/*
 * Every operation on accounts, groups and grants, and the evaluation of
 * rights, with every one of their calls to the engine failing, one at a time.
 * An error of the disk is always told; a record that is gone or cut short
 * gives nobody more rights than the whole one.
 */
#include "auth_world.h"

#include <string.h>

#include "auth/app_password.h"
#include "auth/grant.h"
#include "server/base/clock.h"
#include "tests/unit/faulty.h"

enum { CALLS_MAX = 5000 };

struct scene {
	struct world *world;
	struct cell cell;
	struct trail docs, sub;
	struct user bob;
	struct principal reader;
	user_id staff, alice, late;
	uint64_t app;
};

static bool
note_app(const struct app_password *app, void *context)
{
	*(uint64_t *)context = app->id;
	return true;
}

static void
scene_people(struct scene *scene)
{
	struct world *world = scene->world;
	struct secret password;

	scene->alice = world_user(world, "alice");
	(void)world_user(world, "bob");
	(void)world_user(world, "carol");
	scene->late = world_user(world, "late");
	scene->staff = world_group(world, "staff", "bob");
	assert_int_equal(user_find(world->txn, TEXT("bob"), &scene->bob), OK);
	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, scene->bob.id, TEXT("phone"),
			     &password),
	    OK);
	assert_int_equal(app_password_each(world->txn, scene->bob.id, note_app,
			     &scene->app),
	    OK);
}

/* alice gives to the staff, carol could give further but holds little. */
static void
scene_begin(struct scene *scene, struct world *world)
{
	memset(scene, 0, sizeof(*scene));
	scene->world = world;
	scene_people(scene);
	scene->cell = world_cell(world, "a", scene->alice);
	scene->docs = world_folder(world, &scene->cell, "/docs");
	(void)world_grant(world, &scene->docs, scene->bob.id, "view",
	    scene->alice);
	scene->sub = world_folder(world, &scene->cell, "/docs/sub");
	(void)world_grant(world, &scene->sub, scene->bob.id, "contributor",
	    scene->alice);
	world_commit(world);
	faulty_begin(world->store->engine);
}

static void
scene_resolve(struct scene *scene)
{
	struct world *world = scene->world;

	txn_abort(world->txn);
	assert_int_equal(txn_begin_write(world->store->engine, &world->txn),
	    OK);
	scene->docs = world_folder(world, &scene->cell, "/docs");
	scene->sub = world_folder(world, &scene->cell, "/docs/sub");
	assert_int_equal(user_find(world->txn, TEXT("bob"), &scene->bob), OK);
	scene->reader = world_principal(world, "bob");
}

/* ---- Accounts and groups -------------------------------------------------- */

static enum outcome
add_user(struct scene *scene)
{
	struct user user = { .name = TEXT("dave") };

	return user_add(scene->world->txn, scene->world->store, &user);
}

static enum outcome
change_user(struct scene *scene)
{
	struct user user = scene->bob;

	user.quota = 4096;
	user.password_version++;
	return user_update(scene->world->txn, &user);
}

static enum outcome
remove_user(struct scene *scene)
{
	return user_remove(scene->world->txn, scene->world->store, TEXT("bob"));
}

static bool
pass_user(const struct user *user, void *context)
{
	return user != context;
}

static bool
pass_group(const struct group *group, void *context)
{
	return group != context;
}

static enum outcome
walk(struct scene *scene)
{
	struct txn *txn = scene->world->txn;
	struct group group;
	enum outcome outcome = user_each(txn, pass_user, NULL);

	if (outcome == OK)
		outcome = group_each(txn, pass_group, NULL);
	if (outcome == OK)
		outcome = group_members(txn, scene->staff, pass_user, NULL);
	if (outcome == OK)
		outcome = group_find_id(txn, scene->staff, &group);
	return outcome;
}

static enum outcome
group_life(struct scene *scene)
{
	struct txn *txn = scene->world->txn;
	struct store *store = scene->world->store;
	enum outcome outcome = group_add(txn, store, TEXT("crew"));

	if (outcome == OK)
		outcome = group_join(txn, TEXT("crew"), TEXT("late"));
	if (outcome == OK)
		outcome = group_leave(txn, TEXT("crew"), TEXT("late"));
	if (outcome == OK)
		outcome = group_remove(txn, store, TEXT("crew"));
	return outcome == OK ? group_remove(txn, store, TEXT("staff")) :
			       outcome;
}

static enum outcome
app_life(struct scene *scene)
{
	struct world *world = scene->world;
	struct secret password;
	enum outcome outcome = app_password_add(world->txn, world->store,
	    world->arena, scene->late, TEXT("desk"), &password);

	if (outcome == OK)
		outcome = app_password_used(world->txn, scene->bob.id,
		    scene->app, clock_wall_ns());
	if (outcome == OK)
		outcome = app_password_revoke(world->txn, scene->bob.id,
		    scene->app);
	return outcome;
}

static enum outcome
sign_in(struct scene *scene)
{
	struct world *world = scene->world;
	struct principal principal;
	enum outcome outcome = principal_load(world->txn, world->arena,
	    &scene->bob, &principal);

	return outcome == OK ? principal_check(world->txn, &principal) :
			       outcome;
}

/* ---- Grants ------------------------------------------------------------------ */

static enum outcome
give(struct scene *scene, user_id subject, bool group)
{
	struct grant grant = { .subject = subject,
		.subject_is_group = group,
		.granter = scene->alice,
		.preset = TEXT("view"),
		.atoms = ATOM(STAT) | ATOM(VIEW) };

	return grant_set(scene->world->txn, scene->world->store, &scene->docs,
	    &grant);
}

static enum outcome
give_new(struct scene *scene)
{
	return give(scene, scene->staff, true);
}

static enum outcome
give_again(struct scene *scene)
{
	return give(scene, scene->bob.id, false);
}

static enum outcome
take_back(struct scene *scene)
{
	return grant_revoke(scene->world->txn, &scene->docs, scene->bob.id);
}

static enum outcome
take_all(struct scene *scene)
{
	return grant_remove_tree(scene->world->txn, trail_last(&scene->docs));
}

/* What is not whole may refuse, and may not give. */
static enum outcome
evaluate(struct scene *scene)
{
	const atom_set most = preset_find(TEXT("contributor"))->atoms |
	    preset_find(TEXT("view"))->atoms | ATOM(STAT);
	struct rights rights = { .atoms = 0 };
	enum outcome outcome = rights_of(scene->world->txn, &scene->reader,
	    &scene->sub, clock_wall_ns(), &rights);

	assert_int_equal(rights.atoms & ~most, 0);
	if (outcome != OK)
		assert_int_equal(rights.atoms, 0);
	return outcome;
}

/* ---- The rounds ---------------------------------------------------------------- */

static const struct {
	const char *name;
	enum outcome (*run)(struct scene *scene);
} operations[] = {
	{ "add_user", add_user },
	{ "change_user", change_user },
	{ "remove_user", remove_user },
	{ "walk", walk },
	{ "group_life", group_life },
	{ "app_life", app_life },
	{ "sign_in", sign_in },
	{ "give_new", give_new },
	{ "give_again", give_again },
	{ "take_back", take_back },
	{ "take_all", take_all },
	{ "evaluate", evaluate },
};

/* False: the operation got through without meeting the call. */
static bool
one_round(struct scene *scene, size_t operation, enum fault fault,
    size_t number)
{
	enum outcome outcome;
	bool met;

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
all_rounds(struct world *world, enum fault fault)
{
	struct scene scene;

	scene_begin(&scene, world);
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]);
	    i++) {
		size_t number = 1;

		while (number < CALLS_MAX &&
		    one_round(&scene, i, fault, number))
			number++;
		assert_in_range(number, 2, CALLS_MAX - 1);
	}
	faulty_end(world->store->engine);
}

static void
errors_are_told(void **state)
{
	all_rounds(*state, FAULT_IO);
}

static void
lost_records_give_nothing(void **state)
{
	all_rounds(*state, FAULT_LOST);
}

static void
cut_records_give_nothing(void **state)
{
	all_rounds(*state, FAULT_CUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(errors_are_told, world_setup,
		    world_teardown),
		cmocka_unit_test_setup_teardown(lost_records_give_nothing,
		    world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(cut_records_give_nothing,
		    world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
