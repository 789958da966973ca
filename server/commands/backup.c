/*
 * celldav backup, restore. A restored folder is like one that init made: its
 * configuration and state are those of the backup.
 */
#include <unistd.h>

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
	if (outcome != OK)
		return progress_fail(&progress, &maintain, outcome);
	progress_end(&progress, &maintain);
	return show_report(invocation, maintain.report);
}

static const char *
conf_path(struct invocation *invocation, const char *dir)
{
	return arena_string(invocation->arena,
	    arena_format(invocation->arena, "%s/celldav.conf", dir));
}

/* Backups hold the configuration; one that does not gets the sample. */
static int
restore_conf(struct invocation *invocation, const char *dir)
{
	if (access(conf_path(invocation, dir), F_OK) == 0)
		return EXIT_DONE;
	return sample_write(invocation->arena, dir,
	    &(struct sample){ .listen = NULL });
}

/* A failure leaves no configuration that serve would take. */
static int
restore_run(struct invocation *invocation)
{
	const char *dir = invocation_option(invocation, "dir");
	const char *conf = conf_path(invocation, dir);
	bool before = access(conf, F_OK) == 0;
	struct progress progress;
	struct maintain maintain;
	enum outcome outcome;
	int status;

	thread_enter_worker();
	progress_begin(&progress, invocation, &maintain, "restore");
	outcome = store_restore(invocation->argument[0], dir, &maintain);
	if (outcome != OK) {
		if (!before)
			(void)unlink(conf);
		return progress_fail(&progress, &maintain, outcome);
	}
	progress_end(&progress, &maintain);
	status = restore_conf(invocation, dir);
	if (status == EXIT_DONE)
		return show_report(invocation, maintain.report);
	json_decref(maintain.report);
	return status;
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
