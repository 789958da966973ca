/* celldav versions: what was overwritten, and how it comes back. */
#include "auth/principal.h"
#include "server/base/clock.h"
#include "server/commands/place.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "store/history.h"
#include "store/lock.h"

static const struct show_column columns[] = {
	{ "id", SHOW_TEXT },
	{ "size", SHOW_SIZE },
	{ "modified", SHOW_TEXT },
	{ "replaced", SHOW_TEXT },
	{ "author", SHOW_TEXT },
	{ "type", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

struct listing {
	struct txn *txn;
	json_t *rows;
	enum outcome outcome;
};

static bool
list_version(const struct version *version, void *context)
{
	struct listing *listing = context;
	struct user author = { .name = TEXT("") };
	json_t *row = json_object();

	listing->outcome = user_find_id(listing->txn, version->author, &author);
	if (listing->outcome == NOT_FOUND)
		listing->outcome = OK;
	json_object_set_new(row, "id", show_id(version->id));
	json_object_set_new(row, "size", show_count(version->size));
	json_object_set_new(row, "modified", show_time(version->modified_ns));
	json_object_set_new(row, "replaced", show_time(version->replaced_ns));
	json_object_set_new(row, "author", show_text(author.name));
	json_object_set_new(row, "type", show_text(version->media));
	json_array_append_new(listing->rows, row);
	return listing->outcome == OK;
}

static int
list_run(struct invocation *invocation)
{
	struct listing listing = { .outcome = OK };
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
	if (outcome == OK)
		outcome = version_each(listing.txn,
		    trail_last(&place.trail)->id, list_version, &listing);
	if (outcome == OK)
		outcome = listing.outcome;
	txn_abort(listing.txn);
	if (outcome == OK)
		return show_rows(invocation, listing.rows, columns);
	json_decref(listing.rows);
	return tool_fail(outcome, "place", invocation->argument[0]);
}

struct restore {
	struct store *store;
	struct arena *arena;
	const char *word;
	uint64_t id;
};

/* The holder of a lock counts on the content that it saw. */
static enum outcome
check_locks(struct txn *txn, struct arena *arena, const struct place *place)
{
	struct lock *locks;
	size_t count;
	enum outcome outcome = lock_covering(txn, arena, &place->trail,
	    clock_ends_ns(), &locks, &count);

	return outcome == OK && count > 0 ? LOCKED : outcome;
}

static enum outcome
run_restore(struct txn *txn, void *context)
{
	struct restore *restore = context;
	struct tree_actor actor;
	struct place place;
	enum outcome outcome;

	outcome = place_get(txn, restore->arena, restore->word, &place);
	if (outcome == OK)
		outcome = check_locks(txn, restore->arena, &place);
	if (outcome != OK)
		return outcome;
	actor = place_actor(&place);
	return version_restore(txn, restore->store, &place.trail, restore->id,
	    &actor);
}

static int
restore_run(struct invocation *invocation)
{
	struct restore restore = { .arena = invocation->arena,
		.word = invocation->argument[0] };
	enum outcome outcome;
	int status;

	if (!tool_id(invocation->argument[1], &restore.id))
		return command_fail("%s: is no id of a version; see celldav "
				    "versions list",
		    invocation->argument[1]);
	status = tool_store(invocation, STORE_USE);
	if (status != EXIT_DONE)
		return status;
	restore.store = invocation->store;
	thread_enter_worker();
	outcome = store_change(invocation->store, run_restore, &restore);
	if (outcome == NOT_FOUND)
		return command_fail("%s of %s: there is no such file or "
				    "version; see celldav versions list",
		    invocation->argument[1], restore.word);
	return outcome == OK ? EXIT_DONE :
			       tool_fail(outcome, "file", restore.word);
}

const struct command command_versions_list = {
	.name = "versions",
	.verb = "list",
	.arguments = "CELL/PATH",
	.summary = "print the earlier versions of a file, newest first",
	.run = list_run,
};

const struct command command_versions_restore = {
	.name = "versions",
	.verb = "restore",
	.arguments = "CELL/PATH ID",
	.summary = "make one current; what is there becomes a version",
	.run = restore_run,
};
