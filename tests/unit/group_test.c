#include "auth_world.h"

/* Groups: membership both ways, and what a removed one leaves. */
static void
joining_and_leaving_tell_what_changed(void **state)
{
	struct world *world = *state;
	struct principal bob;
	user_id staff;

	(void)world_user(world, "bob");
	staff = world_group(world, "Staff", "bob");
	assert_int_equal(group_join(world->txn, TEXT("staff"), TEXT("BOB")),
	    EXISTS);
	assert_int_equal(group_join(world->txn, TEXT("none"), TEXT("bob")),
	    NOT_FOUND);
	assert_int_equal(group_join(world->txn, TEXT("staff"), TEXT("none")),
	    NOT_FOUND);
	bob = world_principal(world, "bob");
	assert_int_equal(bob.group_count, 1);
	assert_int_equal(bob.group[0], staff);
	assert_int_equal(group_leave(world->txn, TEXT("staff"), TEXT("bob")),
	    OK);
	assert_int_equal(group_leave(world->txn, TEXT("staff"), TEXT("bob")),
	    NOT_FOUND);
	assert_int_equal(world_principal(world, "bob").group_count, 0);
}

static bool
count_member(const struct user *user, void *context)
{
	size_t *count = context;

	assert_true(user->name.len == 2);
	(*count)++;
	return true;
}

static void
members_are_those_of_the_group(void **state)
{
	struct world *world = *state;
	user_id one, two;
	size_t count = 0;

	(void)world_user(world, "u1");
	(void)world_user(world, "u2");
	(void)world_user(world, "other");
	one = world_group(world, "one", "u1");
	two = world_group(world, "two", "other");
	assert_true(one != two);
	assert_int_equal(group_join(world->txn, TEXT("one"), TEXT("u2")), OK);
	assert_int_equal(group_members(world->txn, one, count_member, &count),
	    OK);
	assert_int_equal(count, 2);
}

static void
many_groups_are_loaded(void **state)
{
	struct world *world = *state;
	char name[8] = "g000";

	(void)world_user(world, "bob");
	for (size_t i = 0; i < 100; i++) {
		name[1] = (char)('0' + i / 100);
		name[2] = (char)('0' + i / 10 % 10);
		name[3] = (char)('0' + i % 10);
		(void)world_group(world, name, "bob");
	}
	assert_int_equal(world_principal(world, "bob").group_count, 100);
}

static void
removed_group_takes_its_grants(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	struct cell cell = world_cell(world, "a", alice);
	struct trail docs = world_folder(world, &cell, "/docs");
	struct grant grant = { .subject_is_group = true };
	struct group group;

	(void)world_user(world, "bob");
	grant.subject = world_group(world, "staff", "bob");
	world_grant_set(world, &docs, &grant, "view");
	assert_true(rights_hold(
	    &(struct rights){
		.atoms = world_rights(world, "bob", &cell, "/docs", 1).atoms },
	    ATOM(VIEW)));
	assert_int_equal(group_remove(world->txn, world->store, TEXT("staff")),
	    OK);
	assert_int_equal(group_find_id(world->txn, grant.subject, &group),
	    NOT_FOUND);
	assert_int_equal(world_principal(world, "bob").group_count, 0);
	assert_int_equal(world_rights(world, "bob", &cell, "/docs", 1).atoms,
	    ATOMS_NONE);
	assert_int_equal(group_remove(world->txn, world->store, TEXT("staff")),
	    NOT_FOUND);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(joining_and_leaving_tell_what_changed),
		CASE(members_are_those_of_the_group),
		CASE(many_groups_are_loaded),
		CASE(removed_group_takes_its_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
