/* celldav verify, gc, scrub, stats: care of the store, also while it serves. */
#include <sys/resource.h>

#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"

enum { SCRUB_NICE = 10, SCRUB_RATE = 256 << 20 };

/* Prints the report; findings make it a failure. */
static int
report_end(struct invocation *invocation, struct progress *progress,
    struct maintain *maintain, enum outcome outcome, const char *advice)
{
	uint64_t findings = maintain->findings;
	const char *what = progress->what;

	if (outcome != OK && outcome != DAMAGED)
		return progress_fail(progress, maintain, outcome);
	progress_end(progress, maintain);
	(void)show_report(invocation, maintain->report);
	if (findings == 0 && outcome == OK)
		return EXIT_DONE;
	return command_fail("%s: %llu findings; %s", what,
	    (unsigned long long)findings, advice);
}

static int
verify_run(struct invocation *invocation)
{
	struct progress progress;
	struct maintain maintain;
	int status = tool_conf(invocation);

	if (status != EXIT_DONE)
		return status;
	thread_enter_worker();
	progress_begin(&progress, invocation, &maintain, "verify");
	progress.quiet = false; /* findings are what was asked for */
	return report_end(invocation, &progress, &maintain,
	    store_verify(invocation->conf, &maintain),
	    "restore a backup into another folder and compare");
}

static int
store_run(struct invocation *invocation, const char *what,
    enum outcome (*run)(struct store *store, struct maintain *maintain),
    enum store_open how)
{
	struct progress progress;
	struct maintain maintain;
	uint64_t rate = SCRUB_RATE;
	int status = tool_size(invocation, "rate", &rate);

	if (status == EXIT_DONE)
		status = tool_store(invocation, how);
	if (status != EXIT_DONE)
		return status;
	progress_begin(&progress, invocation, &maintain, what);
	maintain.rate = rate;
	progress.quiet = false;
	return report_end(invocation, &progress, &maintain,
	    run(invocation->store, &maintain),
	    "restore what is damaged from a backup");
}

static int
gc_run(struct invocation *invocation)
{
	return store_run(invocation, "gc", store_gc, STORE_USE);
}

/* A server on the same cores and disk comes first. */
static int
scrub_run(struct invocation *invocation)
{
	(void)setpriority(PRIO_PROCESS, 0, SCRUB_NICE); /* only a wish */
	return store_run(invocation, "scrub", store_scrub, STORE_READ_ONLY);
}

static int
stats_run(struct invocation *invocation)
{
	return store_run(invocation, "stats", store_stats, STORE_READ_ONLY);
}

const struct command command_verify = {
	.name = "verify",
	.arguments = "",
	.summary = "check what must always hold in the store",
	.run = verify_run,
};

const struct command command_gc = {
	.name = "gc",
	.arguments = "",
	.summary = "remove contents that nothing names any more",
	.run = gc_run,
};

static const struct option_row scrub_options[] = {
	{ .name = "rate",
	    .kind = OPTION_VALUE,
	    .value = "SIZE",
	    .help = "most bytes read in a second; else 256M; 0: no limit" },
	{ .name = NULL },
};

const struct command command_scrub = {
	.name = "scrub",
	.arguments = "",
	.options = scrub_options,
	.summary = "read every content and compare its checksum",
	.run = scrub_run,
};

const struct command command_stats = {
	.name = "stats",
	.arguments = "",
	.summary = "print counts and sizes",
	.run = stats_run,
};
