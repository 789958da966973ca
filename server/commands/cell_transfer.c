/* celldav cell import, export: real directory trees in and out. */
#include "server/commands/place.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"

struct destination {
	struct store *store;
	struct arena *arena;
	const char *word;
	struct place place;
};

static enum outcome
run_make(struct txn *txn, void *context)
{
	struct destination *to = context;

	return place_make(txn, to->store, to->arena, to->word, &to->place);
}

/* "CELL" and a path below it as one word. */
static const char *
word_of(struct invocation *invocation, const char *option)
{
	const char *path = invocation_option(invocation, option);

	return arena_string(invocation->arena,
	    arena_format(invocation->arena, "%s/%s", invocation->argument[0],
		path != NULL ? path : ""));
}

static int
transfer(struct invocation *invocation, const struct place *place,
    const char *what,
    enum outcome (*run)(struct store *store,
	const struct transfer_options *options, struct maintain *maintain))
{
	struct tree_actor actor = place_actor(place);
	struct transfer_options options = {
		.folder = invocation->argument[1],
		.root = trail_last(&place->trail)->id,
		.actor = &actor,
	};
	struct progress progress;
	struct maintain maintain;
	enum outcome outcome;

	progress_begin(&progress, invocation, &maintain, what);
	outcome = run(invocation->store, &options, &maintain);
	if (outcome != OK)
		return progress_fail(&progress, &maintain, outcome);
	progress_end(&progress, &maintain);
	return show_report(invocation, maintain.report);
}

static int
import_run(struct invocation *invocation)
{
	struct destination to = { .arena = invocation->arena,
		.word = word_of(invocation, "at") };
	enum outcome outcome;
	int status = tool_store(invocation, STORE_USE);

	if (status != EXIT_DONE)
		return status;
	to.store = invocation->store;
	thread_enter_worker();
	outcome = store_change(invocation->store, run_make, &to);
	if (outcome == OK &&
	    trail_last(&to.place.trail)->kind != NODE_COLLECTION)
		outcome = CONFLICT;
	if (outcome != OK)
		return tool_fail(outcome, "place", to.word);
	return transfer(invocation, &to.place, "import", store_import);
}

static int
export_run(struct invocation *invocation)
{
	const char *word = word_of(invocation, "from");
	struct place place;
	struct txn *txn;
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &txn);
	if (status != EXIT_DONE)
		return status;
	outcome = place_get(txn, invocation->arena, word, &place);
	txn_abort(txn);
	if (outcome == OK && trail_last(&place.trail)->kind != NODE_COLLECTION)
		outcome = CONFLICT;
	if (outcome != OK)
		return tool_fail(outcome, "place", word);
	return transfer(invocation, &place, "export", store_export);
}

static const struct option_row import_options[] = {
	{ .name = "at",
	    .kind = OPTION_VALUE,
	    .value = "PATH",
	    .help = "the folder in the cell; made if it is missing" },
	{ .name = NULL },
};

static const struct option_row export_options[] = {
	{ .name = "from",
	    .kind = OPTION_VALUE,
	    .value = "PATH",
	    .help = "the folder in the cell; else all of it" },
	{ .name = NULL },
};

const struct command command_cell_import = {
	.name = "cell",
	.verb = "import",
	.arguments = "CELL DIR",
	.summary = "bring a directory tree in; run again it goes on",
	.options = import_options,
	.run = import_run,
};

const struct command command_cell_export = {
	.name = "cell",
	.verb = "export",
	.arguments = "CELL DIR",
	.summary = "bring a cell out to a directory, times kept",
	.options = export_options,
	.run = export_run,
};
