/*
 * celldav backup, restore. A restored folder is like one that init made: its
 * configuration and state are those of the backup.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/directive.h"
#include "server/base/scope.h"
#include "server/commands/rows.h"
#include "server/commands/sample.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"

enum { CONF_MAX = 256 * 1024 };

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

static const char *
real_folder(struct invocation *invocation, const char *dir)
{
	char *real = realpath(dir, NULL);
	const char *kept = arena_string(invocation->arena,
	    text_from(real != NULL ? real : dir));

	free(real);
	return kept;
}

static enum outcome
file_write(const char *path, struct text bytes)
{
	SCOPED(fd) int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len ||
	    fsync(fd) != 0)
		return IO;
	return OK;
}

/*
 * Where the backup was made the state may have stood elsewhere. The restored
 * configuration must never lead to that one.
 */
static int
conf_retarget(struct invocation *invocation, const char *dir)
{
	const char *file = conf_path(invocation, dir);
	struct buffer text = { .max = CONF_MAX };
	struct conf *conf;
	enum outcome outcome = conf_load(file, &text, &conf);
	struct text wanted;

	if (outcome != OK) {
		buffer_done(&text);
		return command_fail("%s: the backup's configuration does not "
				    "load here; mend it before you serve",
		    file);
	}
	wanted = arena_format(invocation->arena, "%s/state",
	    real_folder(invocation, dir));
	if (!text_equal(text_from(conf->store.path), wanted)) {
		const struct directive *row = directive_find("store", "path");

		directive_release(row, conf);
		if (directive_set(row, conf, TEXT("state"), NULL)) {
			buffer_clear(&text);
			conf_print(conf, &text);
			outcome = file_write(file, buffer_text(&text));
		}
	}
	(void)conf_unref(conf);
	buffer_done(&text);
	return outcome == OK ? EXIT_DONE :
			       command_fail("%s: cannot be written", file);
}

/* Backups hold the configuration; one that does not gets the sample. */
static int
restore_conf(struct invocation *invocation, const char *dir)
{
	if (access(conf_path(invocation, dir), F_OK) == 0)
		return conf_retarget(invocation, dir);
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
