/*
 * What holds the root of another cell is not deleted with it, however much
 * lies beside that root: few members are looked at themselves, else all cells.
 */
#include "tests/unit/dav_world.h"

#include <stdio.h>

enum { MANY = 1200 };

static unsigned
status_of(struct world *world, const char *method, const char *target)
{
	return dav_status(world, "alice", method, target, NULL,
	    method[0] == 'P' ? "x" : NULL);
}

static void
fill(struct world *world, const char *folder)
{
	char target[100];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(target, sizeof(target), "%s/f%d", folder, i);
		assert_int_equal(status_of(world, "PUT", target), 201);
	}
}

static void
cell_stand_on(struct world *world, const char *slug, const char *folder)
{
	struct cell docs, cell = { .slug = text_from(slug) };
	struct trail trail;

	assert_int_equal(cell_find(world->txn, TEXT("docs"), &docs), OK);
	trail = world_folder(world, &docs, folder);
	cell.owner = docs.owner;
	cell.root = trail_last(&trail)->id;
	assert_int_equal(cell_create(world->txn, world->store, &cell), OK);
	world_commit(world);
}

static void
a_cell_keeps_its_folder(void **state)
{
	struct world *world = *state;

	(void)world_cell(world, "apart", world_user(world, "carol"));
	assert_int_equal(status_of(world, "MKCOL", "/dav/docs/dir/par"), 201);
	assert_int_equal(status_of(world, "MKCOL", "/dav/docs/dir/par/in"),
	    201);
	assert_int_equal(status_of(world, "MKCOL", "/dav/docs/dir/full"), 201);
	assert_int_equal(status_of(world, "MKCOL", "/dav/docs/dir/bare"), 201);
	cell_stand_on(world, "inner", "/dir/par/in");
	assert_int_equal(status_of(world, "DELETE", "/dav/docs/dir/par"), 403);
	assert_int_equal(status_of(world, "DELETE", "/dav/docs/dir/bare"), 204);
	fill(world, "/dav/docs/dir/par");
	fill(world, "/dav/docs/dir/full");
	assert_int_equal(status_of(world, "DELETE", "/dav/docs/dir/par"), 403);
	assert_int_equal(status_of(world, "DELETE", "/dav/docs/dir"), 403);
	assert_int_equal(status_of(world, "DELETE", "/dav/docs/dir/full"), 204);
	assert_int_equal(cell_remove(world->txn, world->store, TEXT("inner")),
	    OK);
	world_commit(world);
	assert_int_equal(status_of(world, "DELETE", "/dav/docs/dir/par"), 204);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_cell_keeps_its_folder,
		    dav_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
