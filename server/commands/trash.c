/*
 * celldav trash: what was deleted, and how it comes back. A tree has one
 * trash; a cell that stands on a folder shows what lay below that folder.
 */
#include "auth/principal.h"
#include "server/base/clock.h"
#include "server/commands/place.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "store/history.h"

static const struct show_column columns[] = {
	{ "id", SHOW_TEXT },
	{ "path", SHOW_TEXT },
	{ "size", SHOW_SIZE },
	{ "items", SHOW_NUMBER },
	{ "deleted", SHOW_TEXT },
	{ "by", SHOW_TEXT },
	{ "moved_out", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

/* "/a/b" of the cell's root in its tree; "/" for a tree of its own. */
static struct text
root_path(struct arena *arena, const struct trail *trail)
{
	struct text path = TEXT("");

	for (size_t i = 1; i < trail->count; i++)
		path = arena_format(arena, "%.*s/%.*s", TEXT_ARGS(path),
		    TEXT_ARGS(trail->node[i].name));
	return path;
}

/* Did it lie below the root, by the path that it had? */
static bool
item_below(const struct trash_item *item, struct text root)
{
	return text_starts(item->path, root) &&
	    (root.len == 0 || item->path.len == root.len ||
		item->path.ptr[root.len] == '/');
}

struct listing {
	struct txn *txn;
	struct arena *arena;
	struct text root;
	json_t *rows;
	enum outcome outcome;
};

static bool
list_item(const struct trash_item *item, void *context)
{
	struct listing *listing = context;
	struct user by = { .name = TEXT("") };
	struct text above;
	json_t *row;

	if (!item_below(item, listing->root))
		return true;
	listing->outcome = user_find_id(listing->txn, item->by, &by);
	if (listing->outcome != OK && listing->outcome != NOT_FOUND)
		return false;
	listing->outcome = OK;
	above = text_slice(item->path, listing->root.len, item->path.len);
	if (text_equal(above, TEXT("/")))
		above = TEXT("");
	row = json_object();
	json_object_set_new(row, "id", show_id(item->sequence));
	json_object_set_new(row, "path",
	    show_text(arena_format(listing->arena, "%.*s/%.*s",
		TEXT_ARGS(above), TEXT_ARGS(item->name))));
	json_object_set_new(row, "name", show_text(item->name));
	json_object_set_new(row, "size", show_count(item->size));
	json_object_set_new(row, "items", show_count(item->count));
	json_object_set_new(row, "deleted", show_time(item->deleted_ns));
	json_object_set_new(row, "by", show_text(by.name));
	json_object_set_new(row, "moved_out", json_boolean(item->moved_out));
	json_array_append_new(listing->rows, row);
	return true;
}

static int
list_run(struct invocation *invocation)
{
	struct listing listing = { .arena = invocation->arena, .outcome = OK };
	struct place place;
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &listing.txn);
	if (status != EXIT_DONE)
		return status;
	listing.rows = json_array();
	outcome = place_get(listing.txn, invocation->arena,
	    invocation->argument[0], &place);
	if (outcome == OK) {
		listing.root = root_path(invocation->arena, &place.trail);
		outcome = trash_each(listing.txn, place.trail.node[0].id,
		    list_item, &listing);
	}
	if (outcome == OK)
		outcome = listing.outcome;
	txn_abort(listing.txn);
	if (outcome == OK)
		return show_rows(invocation, listing.rows, columns);
	json_decref(listing.rows);
	return tool_fail(outcome, "place", invocation->argument[0]);
}

/* ---- Changes -------------------------------------------------------------- */

enum { EMPTY_ITEMS = 256 }; /* looked at in one change */

struct trash_change {
	struct store *store;
	struct arena *arena;
	const char *word;
	struct text name; /* the other one to take, or empty */
	struct text root;
	uint64_t sequence;
	bool found;
	struct trash_step step;
	uint64_t next; /* where the next step of emptying begins; 0: none */
};

static bool
find_item(const struct trash_item *item, void *context)
{
	struct trash_change *change = context;

	change->found = item->sequence == change->sequence &&
	    item_below(item, change->root);
	return !change->found;
}

static enum outcome
run_restore(struct txn *txn, void *context)
{
	struct trash_change *change = context;
	struct tree_actor actor;
	struct place place;
	node_id tree;
	enum outcome outcome;

	change->found = false;
	outcome = place_get(txn, change->arena, change->word, &place);
	if (outcome != OK)
		return outcome;
	tree = place.trail.node[0].id;
	change->root = root_path(change->arena, &place.trail);
	outcome = trash_each(txn, tree, find_item, change);
	if (outcome == OK && !change->found)
		outcome = NOT_FOUND;
	if (outcome != OK)
		return outcome;
	actor = place_actor(&place);
	return trash_restore(txn, change->store, tree, change->sequence,
	    change->name, &actor);
}

static enum outcome
run_empty(struct txn *txn, void *context)
{
	struct trash_change *change = context;
	struct place place;
	enum outcome outcome;

	outcome = place_get(txn, change->arena, change->word, &place);
	if (outcome != OK)
		return outcome;
	if (place.trail.count > 1)
		return UNSUPPORTED;
	return trash_empty_step(txn, change->store, place.trail.node[0].id,
	    &change->step, &change->next);
}

static int
trash_run(struct invocation *invocation, struct trash_change *change,
    enum outcome (*run)(struct txn *txn, void *context))
{
	enum outcome outcome;

	change->store = invocation->store;
	change->arena = invocation->arena;
	change->word = invocation->argument[0];
	thread_enter_worker();
	outcome = store_change(invocation->store, run, change);
	switch ((int)outcome) {
	case OK:
		return EXIT_DONE;
	case UNSUPPORTED:
		return command_fail("%s: is a folder of another cell; empty "
				    "the trash of the cell that it lies in",
		    change->word);
	case CONFLICT:
		return command_fail("%s: the folder that it lay in is gone; "
				    "restore that first",
		    change->word);
	case EXISTS:
		return command_fail("%s: its name is taken; give another "
				    "with --name",
		    change->word);
	case NOT_FOUND:
		return command_fail("%s: there is no such cell or item; see "
				    "celldav trash list",
		    change->word);
	default:
		return tool_fail(outcome, "trash of", change->word);
	}
}

static int
restore_run(struct invocation *invocation)
{
	struct trash_change change = {
		.name = text_from(invocation_option(invocation, "name")),
	};
	int status;

	if (!tool_id(invocation->argument[1], &change.sequence))
		return command_fail("%s: is no id of an item; see celldav "
				    "trash list",
		    invocation->argument[1]);
	status = tool_store(invocation, STORE_USE);
	if (status != EXIT_DONE)
		return status;
	return trash_run(invocation, &change, run_restore);
}

/* In steps, so that a server that runs waits for none of them long. */
static int
empty_run(struct invocation *invocation)
{
	struct trash_change change = { .step = { .before_ns = UINT64_MAX,
					   .budget = EMPTY_ITEMS } };
	int status = tool_time(invocation, "before", &change.step.before_ns);

	if (status == EXIT_DONE)
		status = tool_store(invocation, STORE_USE);
	do {
		change.step.from = change.next;
		if (status == EXIT_DONE)
			status = trash_run(invocation, &change, run_empty);
	} while (status == EXIT_DONE && change.next != 0);
	return status;
}

/* ---- Rows ----------------------------------------------------------------- */

static const struct option_row restore_options[] = {
	{ .name = "name",
	    .kind = OPTION_VALUE,
	    .value = "NAME",
	    .help = "where the old name is taken: come back as NAME" },
	{ .name = NULL },
};

static const struct option_row empty_options[] = {
	{ .name = "before",
	    .kind = OPTION_VALUE,
	    .value = "TIME",
	    .help = "only what was deleted before this time" },
	{ .name = NULL },
};

const struct command command_trash_list = {
	.name = "trash",
	.verb = "list",
	.arguments = "CELL",
	.summary = "print what was deleted, newest first",
	.run = list_run,
};

const struct command command_trash_restore = {
	.name = "trash",
	.verb = "restore",
	.arguments = "CELL ID",
	.summary = "put an item back to where it was",
	.options = restore_options,
	.run = restore_run,
};

const struct command command_trash_empty = {
	.name = "trash",
	.verb = "empty",
	.arguments = "CELL",
	.summary = "remove what is in the trash, for good",
	.options = empty_options,
	.run = empty_run,
};
