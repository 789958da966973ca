#include "auth_world.h"

#include <stdio.h>
#include <string.h>

#include "auth/rights.h"

/*
 * The rights check against rights.md 2 and 3: inheritance, no-access, owners,
 * groups, periods, what the granter holds, and what a refusal says.
 */
struct scene {
	struct world *world;
	user_id alice, bob, eve, staff;
	struct cell cell; /* alice's, with /docs and /docs/x */
};

static struct scene
scene_make(struct world *world)
{
	struct scene scene = { .world = world };

	scene.alice = world_user(world, "alice");
	scene.bob = world_user(world, "bob");
	scene.eve = world_user(world, "eve");
	scene.staff = world_group(world, "staff", "bob");
	scene.cell = world_cell(world, "a", scene.alice);
	(void)world_folder(world, &scene.cell, "/docs");
	(void)world_folder(world, &scene.cell, "/docs/x");
	return scene;
}

static void
give(struct scene *scene, const char *path, user_id subject, const char *what,
    user_id granter)
{
	struct trail trail = world_folder(scene->world, &scene->cell, path);
	struct grant grant = { .subject = subject,
		.granter = granter,
		.subject_is_group = subject == scene->staff };

	world_grant_set(scene->world, &trail, &grant, what);
}

static atom_set
held(struct scene *scene, const char *user, const char *path)
{
	return world_rights(scene->world, user, &scene->cell, path, 100).atoms;
}

static atom_set
preset_atoms(const char *name)
{
	return preset_find(text_from(name))->atoms;
}

static void
nobody_holds_anything_by_default(void **state)
{
	struct scene scene = scene_make(*state);
	struct world *world = *state;
	struct principal nobody = { .kind = PRINCIPAL_NONE };
	struct trail trail = world_folder(world, &scene.cell, "/docs");
	struct rights rights = { .atoms = ATOMS_ALL };

	assert_int_equal(held(&scene, "bob", "/"), ATOMS_NONE);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
	assert_int_equal(rights_of(world->txn, &nobody, &trail, 100, &rights),
	    OK);
	assert_int_equal(rights.atoms, ATOMS_NONE);
}

static void
an_administrator_holds_no_content(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);
	struct user root = { .name = TEXT("root"), .role = ROLE_ADMIN };

	assert_int_equal(user_add(world->txn, world->store, &root), OK);
	assert_int_equal(held(&scene, "root", "/docs"), ATOMS_NONE);
}

static void
grants_add_up_downwards(void **state)
{
	struct scene scene = scene_make(*state);

	give(&scene, "/", scene.bob, "view", 0);
	give(&scene, "/docs", scene.bob, "atoms:create", 0);
	assert_int_equal(held(&scene, "bob", "/"), preset_atoms("view"));
	assert_int_equal(held(&scene, "bob", "/docs"),
	    preset_atoms("view") | ATOM(CREATE));
	assert_int_equal(held(&scene, "bob", "/docs/x"),
	    preset_atoms("view") | ATOM(CREATE));
	assert_int_equal(held(&scene, "eve", "/docs/x"), ATOMS_NONE);
}

static void
a_deeper_grant_leaves_its_ancestors_hidden(void **state)
{
	struct scene scene = scene_make(*state);

	give(&scene, "/docs/x", scene.bob, "view", 0);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
	assert_int_equal(held(&scene, "bob", "/docs/x"), preset_atoms("view"));
}

static void
no_access_cancels_what_stands_above(void **state)
{
	struct scene scene = scene_make(*state);

	give(&scene, "/", scene.bob, "co-owner", 0);
	give(&scene, "/docs", scene.bob, "no-access", 0);
	assert_int_equal(held(&scene, "bob", "/"), ATOMS_ALL);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
	assert_int_equal(held(&scene, "bob", "/docs/x"), ATOMS_NONE);
	give(&scene, "/docs/x", scene.bob, "view", 0);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
	assert_int_equal(held(&scene, "bob", "/docs/x"), preset_atoms("view"));
}

static void
no_access_wins_at_one_node(void **state)
{
	struct scene scene = scene_make(*state);

	give(&scene, "/docs", scene.bob, "co-owner", 0);
	give(&scene, "/docs", scene.staff, "no-access", 0);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
	give(&scene, "/docs", scene.bob, "no-access", 0);
	give(&scene, "/docs", scene.staff, "co-owner", 0);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
}

static void
owners_are_immune(void **state)
{
	struct scene scene = scene_make(*state);

	give(&scene, "/", scene.alice, "no-access", 0);
	give(&scene, "/docs", scene.alice, "no-access", 0);
	assert_int_equal(held(&scene, "alice", "/"), ATOMS_ALL);
	assert_int_equal(held(&scene, "alice", "/docs/x"), ATOMS_ALL);
}

static void
a_cell_on_a_folder_has_two_owners(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);
	struct trail docs = world_folder(world, &scene.cell, "/docs");
	struct cell inner = { .slug = TEXT("inner"),
		.owner = scene.bob,
		.root = trail_last(&docs)->id };

	assert_int_equal(cell_create(world->txn, world->store, &inner), OK);
	give(&scene, "/docs/x", scene.bob, "no-access", 0);
	give(&scene, "/", scene.eve, "view", 0);
	assert_int_equal(held(&scene, "bob", "/"), ATOMS_NONE);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_ALL);
	assert_int_equal(held(&scene, "bob", "/docs/x"), ATOMS_ALL);
	assert_int_equal(held(&scene, "alice", "/docs/x"), ATOMS_ALL);
	assert_int_equal(held(&scene, "eve", "/docs/x"), preset_atoms("view"));
}

static void
groups_give_to_their_members(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);

	give(&scene, "/docs", scene.staff, "print", 0);
	give(&scene, "/docs", scene.bob, "atoms:create", 0);
	assert_int_equal(held(&scene, "bob", "/docs"),
	    preset_atoms("print") | ATOM(CREATE));
	assert_int_equal(held(&scene, "eve", "/docs"), ATOMS_NONE);
	assert_int_equal(group_leave(world->txn, TEXT("staff"), TEXT("bob")),
	    OK);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOM(CREATE));
}

static void
periods_include_their_start_only(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);
	struct trail docs = world_folder(world, &scene.cell, "/docs");
	struct grant grant = {
		.subject = scene.bob, .from_ns = 50, .until_ns = 80
	};
	struct rights rights;

	world_grant_set(world, &docs, &grant, "view");
	rights = world_rights(world, "bob", &scene.cell, "/docs", 49);
	assert_int_equal(rights.atoms, ATOMS_NONE);
	rights = world_rights(world, "bob", &scene.cell, "/docs", 50);
	assert_int_equal(rights.atoms, preset_atoms("view"));
	assert_int_equal(rights.until_ns, 80);
	rights = world_rights(world, "bob", &scene.cell, "/docs", 79);
	assert_int_equal(rights.atoms, preset_atoms("view"));
	rights = world_rights(world, "bob", &scene.cell, "/docs", 80);
	assert_int_equal(rights.atoms, ATOMS_NONE);
}

static void
no_access_has_a_period_too(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);
	struct trail docs = world_folder(world, &scene.cell, "/docs");
	struct grant grant = {
		.subject = scene.bob, .from_ns = 50, .until_ns = 80
	};
	struct rights rights;

	give(&scene, "/", scene.bob, "view", 0);
	world_grant_set(world, &docs, &grant, "no-access");
	rights = world_rights(world, "bob", &scene.cell, "/docs", 49);
	assert_int_equal(rights.atoms, preset_atoms("view"));
	assert_int_equal(rights.until_ns, 50);
	rights = world_rights(world, "bob", &scene.cell, "/docs", 50);
	assert_int_equal(rights.atoms, ATOMS_NONE);
	rights = world_rights(world, "bob", &scene.cell, "/docs", 80);
	assert_int_equal(rights.atoms, preset_atoms("view"));
	assert_int_equal(rights.until_ns, 0);
}

static void
a_granter_gives_what_it_holds_now(void **state)
{
	struct scene scene = scene_make(*state);

	give(&scene, "/docs", scene.eve, "co-owner", scene.bob);
	assert_int_equal(held(&scene, "eve", "/docs"), ATOMS_NONE);
	give(&scene, "/", scene.bob, "contributor", 0);
	assert_int_equal(held(&scene, "eve", "/docs"),
	    preset_atoms("contributor"));
	give(&scene, "/", scene.bob, "view", 0);
	assert_int_equal(held(&scene, "eve", "/docs"), preset_atoms("view"));
	give(&scene, "/docs", scene.bob, "no-access", 0);
	assert_int_equal(held(&scene, "eve", "/docs"), ATOMS_NONE);
}

static void
a_granter_who_is_gone_gives_nothing(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);
	struct user bob;

	give(&scene, "/", scene.bob, "co-owner", 0);
	give(&scene, "/docs", scene.eve, "view", scene.bob);
	assert_int_equal(held(&scene, "eve", "/docs"), preset_atoms("view"));
	assert_int_equal(user_find(world->txn, TEXT("bob"), &bob), OK);
	bob.disabled = true;
	assert_int_equal(user_update(world->txn, &bob), OK);
	assert_int_equal(held(&scene, "eve", "/docs"), ATOMS_NONE);
	assert_int_equal(user_find(world->txn, TEXT("bob"), &bob), OK);
	bob.disabled = false;
	assert_int_equal(user_update(world->txn, &bob), OK);
	assert_int_equal(held(&scene, "eve", "/docs"), preset_atoms("view"));
	assert_int_equal(user_remove(world->txn, world->store, TEXT("bob")),
	    OK);
	assert_int_equal(held(&scene, "eve", "/docs"), ATOMS_NONE);
}

static void
circles_carry_nothing(void **state)
{
	struct scene scene = scene_make(*state);

	give(&scene, "/docs", scene.bob, "co-owner", scene.eve);
	give(&scene, "/docs", scene.eve, "co-owner", scene.bob);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
	assert_int_equal(held(&scene, "eve", "/docs"), ATOMS_NONE);
	give(&scene, "/docs", scene.bob, "co-owner", scene.bob);
	assert_int_equal(held(&scene, "bob", "/docs"), ATOMS_NONE);
	give(&scene, "/", scene.eve, "view", 0);
	give(&scene, "/docs", scene.bob, "co-owner", scene.eve);
	assert_int_equal(held(&scene, "bob", "/docs"), preset_atoms("view"));
	assert_int_equal(held(&scene, "eve", "/docs"), preset_atoms("view"));
}

/* Each gives to the next; the chain breaks where its bound is. */
static void
chains_are_bounded(void **state)
{
	struct scene scene = scene_make(*state);
	char name[8] = "u00";
	user_id granter = 0;
	atom_set last = ATOMS_ALL;
	size_t carried = 0;

	for (int i = 0; i < 40; i++) {
		user_id user;

		name[1] = (char)('0' + i / 10);
		name[2] = (char)('0' + i % 10);
		user = world_user(scene.world, name);
		give(&scene, "/docs", user, "view", granter);
		granter = user;
		last = held(&scene, name, "/docs");
		carried += last != ATOMS_NONE ? 1 : 0;
	}
	assert_int_equal(last, ATOMS_NONE);
	assert_int_equal(carried, 16);
}

/* Everybody gives to everybody at several depths: it must still end soon. */
static void
webs_of_grants_end(void **state)
{
	static const char *const places[] = { "/", "/docs", "/docs/x" };
	struct scene scene = scene_make(*state);
	user_id user[12];
	char name[8] = "u00";

	for (int i = 0; i < 12; i++) {
		name[1] = (char)('0' + i / 10);
		name[2] = (char)('0' + i % 10);
		user[i] = world_user(scene.world, name);
	}
	for (size_t i = 0; i < 12; i++)
		for (size_t at = 0; at < 3; at++)
			give(&scene, places[at], user[i], "view",
			    user[(i + at + 1) % 12]);
	assert_int_equal(held(&scene, "u00", "/docs/x"), ATOMS_NONE);
}

static void
members_cost_nothing_without_grants(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);
	struct principal bob = world_principal(world, "bob");
	struct trail docs, below;
	struct rights collection = { .atoms = ATOM(STAT) }, rights;
	struct node member;

	give(&scene, "/docs", scene.bob, "view", 0);
	give(&scene, "/docs/x", scene.bob, "no-access", 0);
	docs = world_folder(world, &scene.cell, "/docs");
	below = world_folder(world, &scene.cell, "/docs/x");
	member = *trail_last(&below);
	assert_int_equal(rights_of_member(world->txn, &bob, &collection, &docs,
			     &member, 100, &rights),
	    OK);
	assert_int_equal(rights.atoms, ATOMS_NONE);
	member.flags = 0;
	assert_int_equal(rights_of_member(world->txn, &bob, &collection, &docs,
			     &member, 100, &rights),
	    OK);
	assert_int_equal(rights.atoms, ATOM(STAT));
}

static void
unions_lose_a_rule_that_one_side_lacks(void **state)
{
	struct rights portal = { preset_atoms("portal"),
		RULE_RENAME_OWN | RULE_DELETE_TEMP, 0, false };
	struct rights rename = { ATOM(STAT) | ATOM(RENAME), 0, 0, false };
	struct rights view = { preset_atoms("view"), 0, 0, false };
	struct rights all;

	(void)state;
	all = rights_union(&portal, &view);
	assert_int_equal(all.rules, RULE_RENAME_OWN | RULE_DELETE_TEMP);
	all = rights_union(&portal, &rename);
	assert_int_equal(all.rules, RULE_DELETE_TEMP);
	all = rights_union(&rename, &portal);
	assert_int_equal(all.rules, RULE_DELETE_TEMP);
	all = rights_cut(&rename, &portal);
	assert_int_equal(all.atoms, ATOM(STAT) | ATOM(RENAME));
	assert_int_equal(all.rules, RULE_RENAME_OWN);
	all = rights_cut(&portal, &view);
	assert_int_equal(all.rules, 0);
}

static void
the_end_is_never_too_late(void **state)
{
	struct rights view = { preset_atoms("view"), 0, 50, false };
	struct rights print = { preset_atoms("print"), 0, 40, false };
	struct rights ever = { preset_atoms("view"), 0, 0, false };
	struct rights create = { ATOM(CREATE), 0, 30, false };

	(void)state;
	assert_int_equal(rights_union(&view, &print).until_ns, 40);
	assert_int_equal(rights_union(&print, &view).until_ns, 40);
	assert_int_equal(rights_union(&view, &ever).until_ns, 0);
	assert_int_equal(rights_union(&ever, &view).until_ns, 0);
	assert_int_equal(rights_union(&ever, &create).until_ns, 30);
	assert_int_equal(rights_cut(&view, &print).until_ns, 40);
	assert_int_equal(rights_cut(&view, &ever).until_ns, 50);
}

static void
refusals_name_what_is_missing(void **state)
{
	struct rights rights = { preset_atoms("view"), 0, 0, false };
	struct demand demand = { ATOM(STAT) | ATOM(CREATE),
		TEXT("/dav/a/docs") };
	struct problem problem = { .status = 999 };

	(void)state;
	assert_int_equal(authorise(&rights, &demand, &problem), FORBIDDEN);
	assert_int_equal(problem.status, 0);
	assert_string_equal(problem.condition, "need-privileges");
	assert_string_equal(problem.privilege_space, "DAV:");
	assert_string_equal(problem.privilege, "bind");
	assert_true(text_equal(problem.href, TEXT("/dav/a/docs")));
	demand.needed = ATOM(DELETE_OWN);
	assert_int_equal(authorise(&rights, &demand, &problem), FORBIDDEN);
	assert_string_equal(problem.privilege_space, "urn:celldav:");
	assert_string_equal(problem.privilege, "delete-own");
	demand.needed = ATOM(STAT) | ATOM(VIEW);
	assert_int_equal(authorise(&rights, &demand, &problem), OK);
}

static void
the_invisible_is_not_found(void **state)
{
	struct rights rights = { ATOM(CREATE) | ATOM(MODIFY), 0, 0, false };
	struct demand demand = { ATOM(CREATE), TEXT("/dav/a") };
	struct problem problem = { .status = 999 };

	(void)state;
	assert_int_equal(authorise(&rights, &demand, &problem), NOT_FOUND);
	assert_int_equal(problem.status, 999);
}

static bool
note_cell(const struct cell *cell, void *context)
{
	char *seen = context;

	strncat(seen, cell->slug.ptr, cell->slug.len);
	return true;
}

static void
cells_are_shown_to_those_who_may_stat(void **state)
{
	struct world *world = *state;
	struct scene scene = scene_make(world);
	struct principal bob = world_principal(world, "bob");
	struct trail trail;
	struct cell b = world_cell(world, "b", scene.alice);
	char seen[16] = "";

	(void)world_cell(world, "c", scene.bob);
	(void)world_cell(world, "d", scene.alice);
	trail = world_folder(world, &b, "/");
	(void)world_grant(world, &trail, scene.bob, "view", 0);
	give(&scene, "/docs", scene.bob, "view", 0);
	assert_int_equal(cells_visible(world->txn, &bob, 100, world->arena,
			     note_cell, seen),
	    OK);
	assert_string_equal(seen, "bc");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nobody_holds_anything_by_default),
		CASE(an_administrator_holds_no_content),
		CASE(grants_add_up_downwards),
		CASE(a_deeper_grant_leaves_its_ancestors_hidden),
		CASE(no_access_cancels_what_stands_above),
		CASE(no_access_wins_at_one_node),
		CASE(owners_are_immune),
		CASE(a_cell_on_a_folder_has_two_owners),
		CASE(groups_give_to_their_members),
		CASE(periods_include_their_start_only),
		CASE(no_access_has_a_period_too),
		CASE(a_granter_gives_what_it_holds_now),
		CASE(a_granter_who_is_gone_gives_nothing),
		CASE(circles_carry_nothing),
		CASE(chains_are_bounded),
		CASE(webs_of_grants_end),
		CASE(members_cost_nothing_without_grants),
		cmocka_unit_test(unions_lose_a_rule_that_one_side_lacks),
		cmocka_unit_test(the_end_is_never_too_late),
		cmocka_unit_test(refusals_name_what_is_missing),
		cmocka_unit_test(the_invisible_is_not_found),
		CASE(cells_are_shown_to_those_who_may_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
