/*
 * celldav backup, restore. A restored folder is like one that init made: its
 * configuration is the sample, the state is that of the backup.
 */
#include "server/commands/rows.h"
#include "server/commands/sample.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"

static int
backup_run(struct invocation *invocation)
{
	const char *file = invocation->argument[0];
	struct progress progress;
	struct maintain maintain;
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status != EXIT_DONE)
		return status;
	thread_enter_worker();
	progress_begin(&progress, invocation, &maintain, "backup");
	outcome = store_backup(invocation->store, file, &maintain);
	progress_end(&progress, &maintain);
	if (outcome == OK)
		return show_report(invocation, maintain.report);
	json_decref(maintain.report);
	return tool_fail(outcome, "backup", file);
}

static int
restore_run(struct invocation *invocation)
{
	const char *dir = invocation_option(invocation, "dir");
	const char *file = invocation->argument[0];
	struct progress progress;
	struct maintain maintain;
	enum outcome outcome;

	thread_enter_worker();
	progress_begin(&progress, invocation, &maintain, "restore");
	outcome = store_restore(file, dir, &maintain);
	progress_end(&progress, &maintain);
	if (outcome == OK) {
		int status = sample_write(invocation->arena, dir,
		    &(struct sample){ .listen = NULL });

		if (status == EXIT_DONE)
			return show_report(invocation, maintain.report);
		json_decref(maintain.report);
		return status;
	}
	json_decref(maintain.report);
	if (outcome == EXISTS || outcome == CONFLICT)
		return command_fail("%s: holds a state already; name a new "
				    "folder",
		    dir);
	if (outcome == BAD_INPUT || outcome == DAMAGED)
		return command_fail("%s: is no whole backup; nothing was "
				    "restored",
		    file);
	return tool_fail(outcome, "backup", file);
}

static const struct option_row restore_options[] = {
	{ .name = "dir",
	    .kind = OPTION_VALUE,
	    .value = "DIR",
	    .required = true,
	    .help = "a new folder; it gets DIR/state and "
		    "a configuration" },
	{ .name = NULL },
};

const struct command command_backup = {
	.name = "backup",
	.arguments = "FILE",
	.summary = "write a consistent copy to one file, also while serving",
	.run = backup_run,
};

const struct command command_restore = {
	.name = "restore",
	.arguments = "FILE",
	.summary = "make a state from a backup, in a new folder",
	.options = restore_options,
	.run = restore_run,
};
