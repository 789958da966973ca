/* celldav cell: shared workspaces, on trees of their own or on folders. */
#include <string.h>

#include "auth/principal.h"
#include "server/commands/place.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "store/quota.h"

struct cell_change {
	struct store *store;
	struct arena *arena;
	const char *slug, *owner, *title, *root;
	bool quota_given;
	uint64_t quota;
	const char *failed, *kind; /* the word that was not found */
};

static enum outcome
find_owner(struct txn *txn, struct cell_change *change, struct cell *cell)
{
	struct user user;
	enum outcome outcome;

	if (change->owner == NULL)
		return OK;
	outcome = user_find(txn, text_from(change->owner), &user);
	if (outcome == OK) {
		cell->owner = user.id;
		return OK;
	}
	change->kind = "user";
	change->failed = change->owner;
	return outcome;
}

static enum outcome
find_root(struct txn *txn, struct cell_change *change, struct cell *cell)
{
	struct place place;
	enum outcome outcome;

	if (change->root == NULL)
		return OK;
	outcome = place_get(txn, change->arena, change->root, &place);
	if (outcome == OK) {
		cell->root = trail_last(&place.trail)->id;
		return OK;
	}
	change->kind = "place";
	change->failed = change->root;
	return outcome;
}

static void
apply(const struct cell_change *change, struct cell *cell)
{
	if (change->title != NULL)
		cell->title = text_from(change->title);
	if (change->quota_given)
		cell->quota = change->quota;
}

static enum outcome
run_create(struct txn *txn, void *context)
{
	struct cell_change *change = context;
	struct cell cell = { .slug = text_from(change->slug) };
	enum outcome outcome;

	change->kind = "cell";
	change->failed = change->slug;
	apply(change, &cell);
	outcome = find_owner(txn, change, &cell);
	if (outcome == OK)
		outcome = find_root(txn, change, &cell);
	return outcome == OK ? cell_create(txn, change->store, &cell) : outcome;
}

static enum outcome
run_update(struct txn *txn, void *context)
{
	struct cell_change *change = context;
	struct place place;
	enum outcome outcome;

	change->kind = "cell";
	change->failed = change->slug;
	outcome = place_get(txn, change->arena, change->slug, &place);
	if (outcome != OK)
		return outcome;
	apply(change, &place.cell);
	outcome = find_owner(txn, change, &place.cell);
	return outcome == OK ? cell_update(txn, &place.cell) : outcome;
}

static enum outcome
run_remove(struct txn *txn, void *context)
{
	struct cell_change *change = context;

	change->kind = "cell";
	change->failed = change->slug;
	if (!cell_slug_valid(text_from(change->slug)))
		return NOT_FOUND;
	return cell_remove(txn, change->store, text_from(change->slug));
}

static int
cell_run(struct invocation *invocation,
    enum outcome (*run)(struct txn *txn, void *context))
{
	struct cell_change change = {
		.arena = invocation->arena,
		.slug = invocation->argument[0],
		.owner = invocation_option(invocation, "owner"),
		.title = invocation_option(invocation, "title"),
		.root = invocation_option(invocation, "root"),
		.quota_given = invocation_option(invocation, "quota") != NULL,
	};
	enum outcome outcome;
	int status = tool_size(invocation, "quota", &change.quota);

	if (status == EXIT_DONE)
		status = tool_store(invocation, STORE_USE);
	if (status != EXIT_DONE)
		return status;
	change.store = invocation->store;
	thread_enter_worker();
	outcome = store_change(invocation->store, run, &change);
	if (outcome == OK)
		return EXIT_DONE;
	if (outcome == BAD_INPUT)
		return command_fail("%s: is no slug; a-z, 0-9 and -, at most "
				    "63, and not my-files",
		    change.failed);
	if (outcome == CONFLICT && change.root != NULL)
		return command_fail("%s: is no folder, or is a cell already",
		    change.root);
	return tool_fail(outcome, change.kind, change.failed);
}

static int
create_run(struct invocation *invocation)
{
	return cell_run(invocation, run_create);
}

static int
update_run(struct invocation *invocation)
{
	return cell_run(invocation, run_update);
}

static int
remove_run(struct invocation *invocation)
{
	return cell_run(invocation, run_remove);
}

/* ---- Showing -------------------------------------------------------------- */

static const struct show_column columns[] = {
	{ "slug", SHOW_TEXT },
	{ "title", SHOW_TEXT },
	{ "owner", SHOW_TEXT },
	{ "items", SHOW_NUMBER },
	{ "size", SHOW_SIZE },
	{ "quota", SHOW_SIZE },
	{ "root", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

static const struct show_column details[] = {
	{ "slug", SHOW_TEXT },
	{ "title", SHOW_TEXT },
	{ "owner", SHOW_TEXT },
	{ "items", SHOW_NUMBER },
	{ "size", SHOW_SIZE },
	{ "used", SHOW_SIZE },
	{ "quota", SHOW_SIZE },
	{ "root", SHOW_TEXT },
	{ "created", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

struct listing {
	struct txn *txn;
	struct arena *arena;
	struct store *store;
	json_t *rows;
	enum outcome outcome;
};

/* The folder of another cell that it stands on; null for its own tree. */
static json_t *
root_json(struct listing *listing, const struct cell *cell,
    const struct trail *trail)
{
	struct cell outer;

	if (trail->count < 2)
		return json_null();
	for (size_t i = trail->count - 1; i-- > 0;) {
		if ((trail->node[i].flags & NODE_IS_CELL_ROOT) != 0 &&
		    cell_find_root(listing->txn, trail->node[i].id, &outer) ==
			OK &&
		    outer.id != cell->id)
			return show_text(place_name(listing->txn,
			    listing->arena, &outer, trail));
	}
	return json_null();
}

static enum outcome
cell_json(struct listing *listing, const struct cell *cell, json_t *row)
{
	struct trail trail;
	struct user owner = { .name = TEXT("") };
	struct quota quota;
	const struct node *root;
	enum outcome outcome;

	outcome = trail_find_id(listing->txn, listing->arena, cell->root,
	    &trail);
	if (outcome == OK)
		outcome = quota_of(listing->txn, listing->store, &trail,
		    &quota);
	if (outcome == OK)
		outcome = user_find_id(listing->txn, cell->owner, &owner);
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	json_object_set_new(row, "slug", show_text(cell->slug));
	json_object_set_new(row, "title", show_text(cell->title));
	json_object_set_new(row, "owner", show_text(owner.name));
	json_object_set_new(row, "quota",
	    cell->quota > 0 ? show_count(cell->quota) : json_null());
	json_object_set_new(row, "created", show_time(cell->created_ns));
	if (outcome == NOT_FOUND) /* its folder is in the trash */
		return OK;
	root = trail_last(&trail);
	json_object_set_new(row, "items", show_count(root->tree_count));
	json_object_set_new(row, "size", show_count(root->tree_size));
	json_object_set_new(row, "used", show_count(quota.used));
	json_object_set_new(row, "root", root_json(listing, cell, &trail));
	return OK;
}

static bool
list_cell(const struct cell *cell, void *context)
{
	struct listing *listing = context;
	json_t *row = json_object();

	json_array_append_new(listing->rows, row);
	listing->outcome = cell_json(listing, cell, row);
	return listing->outcome == OK;
}

static int
listing_begin(struct invocation *invocation, struct listing *listing)
{
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &listing->txn);
	listing->arena = invocation->arena;
	listing->store = invocation->store;
	return status;
}

static int
list_run(struct invocation *invocation)
{
	struct listing listing = { .outcome = OK };
	enum outcome outcome;
	int status = listing_begin(invocation, &listing);

	if (status != EXIT_DONE)
		return status;
	listing.rows = json_array();
	outcome = cell_each(listing.txn, list_cell, &listing);
	if (outcome == OK)
		outcome = listing.outcome;
	txn_abort(listing.txn);
	if (outcome == OK)
		return show_rows(invocation, listing.rows, columns);
	json_decref(listing.rows);
	return tool_fail(outcome, "list of", "cells");
}

static int
show_run(struct invocation *invocation)
{
	const char *slug = invocation->argument[0];
	struct listing listing = { .outcome = OK };
	struct place place;
	json_t *row;
	enum outcome outcome;
	int status = listing_begin(invocation, &listing);

	if (status != EXIT_DONE)
		return status;
	row = json_object();
	outcome = place_get(listing.txn, listing.arena, slug, &place);
	if (outcome == OK)
		outcome = cell_json(&listing, &place.cell, row);
	txn_abort(listing.txn);
	if (outcome == OK)
		return show_object(invocation, row, details);
	json_decref(row);
	return tool_fail(outcome, "cell", slug);
}

/* ---- Rows ----------------------------------------------------------------- */

static const struct option_row create_options[] = {
	{ .name = "owner",
	    .kind = OPTION_VALUE,
	    .value = "USER",
	    .required = true,
	    .help = "who holds every right in it" },
	{ .name = "title",
	    .kind = OPTION_VALUE,
	    .value = "TITLE",
	    .help = "the name that people see" },
	{ .name = "quota",
	    .kind = OPTION_VALUE,
	    .value = "SIZE",
	    .help = "most bytes, versions and trash included; 0: no limit" },
	{ .name = "root",
	    .kind = OPTION_VALUE,
	    .value = "CELL/PATH",
	    .help = "stand on this folder instead of a new empty one" },
	{ .name = NULL },
};

static const struct option_row update_options[] = {
	{ .name = "owner",
	    .kind = OPTION_VALUE,
	    .value = "USER",
	    .help = "give it to this user" },
	{ .name = "title",
	    .kind = OPTION_VALUE,
	    .value = "TITLE",
	    .help = "the name that people see" },
	{ .name = "quota",
	    .kind = OPTION_VALUE,
	    .value = "SIZE",
	    .help = "most bytes, versions and trash included; 0: no limit" },
	{ .name = NULL },
};

const struct command command_cell_create = {
	.name = "cell",
	.verb = "create",
	.arguments = "SLUG",
	.summary = "make a cell, seen below /dav/SLUG/",
	.options = create_options,
	.run = create_run,
};

const struct command command_cell_list = {
	.name = "cell",
	.verb = "list",
	.arguments = "",
	.summary = "print all cells",
	.run = list_run,
};

const struct command command_cell_show = {
	.name = "cell",
	.verb = "show",
	.arguments = "CELL",
	.summary = "print one cell",
	.run = show_run,
};

const struct command command_cell_update = {
	.name = "cell",
	.verb = "update",
	.arguments = "CELL",
	.summary = "change owner, title or quota",
	.options = update_options,
	.run = update_run,
};

const struct command command_cell_remove = {
	.name = "cell",
	.verb = "remove",
	.arguments = "SLUG",
	.summary = "remove a cell; a tree of its own goes with it",
	.run = remove_run,
};
