#include "tests/unit/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "store/blobs.h"
#include "store/keys.h"

static void
keep_finding(void *context, const char *line)
{
	struct world *world = context;

	snprintf(world->last, sizeof(world->last), "%s", line);
	if (world->loud)
		print_message("finding: %s\n", line);
}

void
report_begin(struct world *world, bool loud)
{
	json_decref(world->maintain.report);
	world->maintain = (struct maintain){ .finding = keep_finding,
		.context = world,
		.report = json_object() };
	world->last[0] = '\0';
	world->loud = loud;
}

long long
number(const struct world *world, const char *name)
{
	json_t *value = json_object_get(world->maintain.report, name);

	assert_non_null(value);
	return (long long)json_integer_value(value);
}

static enum outcome
make_tree(struct txn *txn, void *context)
{
	struct world *world = context;
	struct node root;
	enum outcome outcome = tree_create(txn, world->state.store, 0, &root);

	if (outcome == OK)
		world->root = root.id;
	return outcome;
}

void
shell(const char *format, const char *a, const char *b)
{
	char command[1024];

	snprintf(command, sizeof(command), format, a, b);
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* Folders, files small and large, names of all sorts, things to skip. */
static void
make_source(struct world *world)
{
	shell("mkdir -p '%s/sub/deep er/a' '%s/empty'", world->source,
	    world->source);
	shell("cd '%s' && printf hello > a.txt && : > nothing && "
	      "echo x > '100%% #?&.txt' && printf x > \"$(printf "
	      "'sub/e\\314\\201t\\303\\251')\"%s",
	    world->source, "");
	shell("cd '%s' && seq 1 100000 > sub/long && head -c 16385 /dev/zero "
	      "> 'sub/deep er/zeros' && ln -s a.txt link && mkfifo pipe%s",
	    world->source, "");
	shell("cd '%s' && printf bad > \"$(printf 'b\\377d')\" && "
	      "for i in $(seq 1 600); do printf $i > sub/f$i; done && "
	      "touch -d '2001-02-03 04:05:06.789 UTC' a.txt sub empty%s",
	    world->source, "");
}

void
world_begin_bare(struct world *world)
{
	*world = (struct world){ .actor = { .user = 7 } };
	state_begin(&world->state, "lmdb");
	world->actor.now_ns = clock_wall_ns();
	assert_int_equal(store_change(world->state.store, make_tree, world),
	    OK);
	snprintf(world->source, sizeof(world->source), "%s",
	    state_path(&world->state, "source"));
	snprintf(world->out, sizeof(world->out), "%s",
	    state_path(&world->state, "out"));
	report_begin(world, false);
}

void
world_begin(struct world *world)
{
	world_begin_bare(world);
	make_source(world);
}

void
world_end(struct world *world)
{
	json_decref(world->maintain.report);
	state_end(&world->state);
}

enum outcome
transfer(struct world *world, bool in)
{
	struct transfer_options options = { .folder = in ? world->source :
							   world->out,
		.root = world->root,
		.actor = &world->actor };

	report_begin(world, false);
	return in ?
	    store_import(world->state.store, &options, &world->maintain) :
	    store_export(world->state.store, &options, &world->maintain);
}

void
assert_verified(struct world *world)
{
	report_begin(world, true);
	assert_int_equal(store_verify(world->state.conf, &world->maintain), OK);
	assert_int_equal(world->maintain.findings, 0);
	report_begin(world, true);
	assert_int_equal(store_scrub(world->state.store, &world->maintain), OK);
}

/* Finds a content of a kind; its id. */
blob_id
find_content(struct world *world, bool in_engine)
{
	struct blob_record record;
	struct cursor *cursor;
	struct txn *txn;
	struct key key;
	blob_id id = 0;

	assert_int_equal(txn_begin_read(world->state.store->engine, &txn), OK);
	assert_int_equal(cursor_open(txn, &cursor), OK);
	assert_int_equal(cursor_seek(cursor, key_id(&key, KEY_BLOB, 0)), OK);
	while (id == 0 && cursor->key.ptr[0] == KEY_BLOB) {
		assert_int_equal(blob_record_decode(cursor->value, &record),
		    OK);
		if (record.in_engine == in_engine)
			id = key_id_of(cursor->key, 0);
		else
			assert_int_equal(cursor_next(cursor), OK);
	}
	cursor_close(cursor);
	txn_abort(txn);
	assert_true(id != 0);
	return id;
}

const char *
content_path(struct world *world, blob_id id)
{
	static char path[400];
	char name[BLOB_NAME_SIZE];

	blob_name(id, name);
	snprintf(path, sizeof(path), "%s/state/blobs/%s", world->state.folder,
	    name);
	return path;
}

void
clean_source(struct world *world)
{
	shell("rm '%s/link' '%s'/pipe", world->source, world->source);
	shell("rm \"$(printf '%%s/b\\377d' '%s')\"%s", world->source, "");
}
