#include "auth_world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"

static void
write_conf(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs("store {\n\tpath = \"state\"\n"
			  "\tengine = \"memory\"\n}\n",
			file) >= 0);
	assert_int_equal(fclose(file), 0);
}

int
world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct buffer message = { .max = 4096 };
	char path[128];

	assert_non_null(world);
	snprintf(world->folder, sizeof(world->folder),
	    "/tmp/celldav-auth-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(path, sizeof(path), "%s/celldav.conf", world->folder);
	write_conf(path);
	assert_int_equal(conf_load(path, &message, &world->conf), OK);
	assert_int_equal(store_open(world->conf, STORE_CREATE, &message,
			     &world->store),
	    OK);
	buffer_done(&message);
	world->arena = arena_new();
	assert_int_equal(txn_begin_write(world->store->engine, &world->txn),
	    OK);
	*state = world;
	return 0;
}

static int
remove_entry(const char *path, const struct stat *status, int type,
    struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
world_teardown(void **state)
{
	struct world *world = *state;

	txn_abort(world->txn);
	arena_free(world->arena);
	store_close(world->store);
	conf_unref(world->conf);
	(void)nftw(world->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(world);
	return 0;
}

void
world_commit(struct world *world)
{
	assert_int_equal(txn_commit(world->txn), OK);
	assert_int_equal(txn_begin_write(world->store->engine, &world->txn),
	    OK);
}

user_id
world_user(struct world *world, const char *name)
{
	struct user user = { .name = text_from(name) };

	assert_int_equal(user_add(world->txn, world->store, &user), OK);
	return user.id;
}

user_id
world_group(struct world *world, const char *name, const char *member)
{
	struct group group;

	assert_int_equal(group_add(world->txn, world->store, text_from(name)),
	    OK);
	assert_int_equal(group_join(world->txn, text_from(name),
			     text_from(member)),
	    OK);
	assert_int_equal(group_find(world->txn, text_from(name), &group), OK);
	return group.id;
}

struct principal
world_principal(struct world *world, const char *name)
{
	struct principal principal;
	struct user user;

	assert_int_equal(user_find(world->txn, text_from(name), &user), OK);
	assert_int_equal(principal_load(world->txn, world->arena, &user,
			     &principal),
	    OK);
	return principal;
}

static struct cell
cell_lasting(struct world *world, struct cell cell)
{
	cell.slug = arena_copy(world->arena, cell.slug);
	cell.title = arena_copy(world->arena, cell.title);
	return cell;
}

struct cell
world_cell(struct world *world, const char *slug, user_id owner)
{
	struct cell cell = { .slug = text_from(slug), .owner = owner };

	assert_int_equal(cell_create(world->txn, world->store, &cell), OK);
	assert_int_equal(cell_find(world->txn, text_from(slug), &cell), OK);
	return cell_lasting(world, cell);
}

static struct trail
find_trail(struct world *world, const struct cell *cell, struct path *path)
{
	struct trail trail;

	assert_int_equal(trail_find(world->txn, world->arena, cell->root, path,
			     &trail),
	    OK);
	return trail;
}

struct trail
world_folder(struct world *world, const struct cell *cell, const char *path)
{
	struct tree_actor actor = { cell->owner, clock_wall_ns() };
	struct path parsed;
	struct trail trail;
	struct node made;

	assert_int_equal(path_parse_decoded(world->arena, text_from(path),
			     &parsed),
	    OK);
	trail = find_trail(world, cell, &parsed);
	if (trail.missing == 0)
		return trail;
	assert_int_equal(trail.missing, 1);
	assert_int_equal(tree_mkcol(world->txn, world->store, &trail,
			     parsed.name[parsed.count - 1], &actor, &made),
	    OK);
	return find_trail(world, cell, &parsed);
}

void
world_grant_set(struct world *world, const struct trail *trail,
    struct grant *grant, const char *what)
{
	const struct preset *preset = preset_find(text_from(what));

	if (preset != NULL) {
		grant->preset = text_from(preset->name);
		grant->atoms = preset->atoms;
		grant->rules = preset->rules;
	} else {
		assert_int_equal(strncmp(what, "atoms:", 6), 0);
		assert_true(atoms_parse(text_from(what + 6), &grant->atoms));
	}
	assert_int_equal(grant_set(world->txn, world->store, trail, grant), OK);
}

struct grant
world_grant(struct world *world, const struct trail *trail, user_id subject,
    const char *what, user_id granter)
{
	struct grant grant = { .subject = subject, .granter = granter };

	world_grant_set(world, trail, &grant, what);
	return grant;
}

struct rights
world_rights(struct world *world, const char *user, const struct cell *cell,
    const char *path, uint64_t now_ns)
{
	struct principal principal = world_principal(world, user);
	struct trail trail = world_folder(world, cell, path);
	struct rights rights;

	assert_int_equal(rights_of(world->txn, &principal, &trail, now_ns,
			     &rights),
	    OK);
	return rights;
}
