/* celldav verify, gc, scrub, stats, clock: care of the store, also while it serves. */
#include <sys/resource.h>

#include "server/base/clock.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"
#include "store/ends.h"

enum { SCRUB_NICE = 10, SCRUB_RATE = 256 << 20 };

static const struct show_column clock_columns[] = {
	{ "clock", SHOW_TEXT },
	{ "ends", SHOW_TEXT },
	{ "behind_seconds", SHOW_NUMBER },
	{ NULL, SHOW_TEXT },
};

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

static int
clock_run(struct invocation *invocation)
{
	bool reset = invocation_option(invocation, "reset") != NULL;
	int status = tool_store(invocation,
	    reset ? STORE_USE : STORE_READ_ONLY);
	uint64_t wall, ends;
	enum outcome outcome = OK;
	json_t *object;

	if (status != EXIT_DONE)
		return status;
	thread_enter_worker();
	if (reset)
		outcome = ends_reset(invocation->store);
	if (outcome != OK)
		return tool_fail(outcome, "clock", "reset");
	wall = clock_wall_ns();
	ends = clock_ends_look_ns();
	object = json_object();
	json_object_set_new(object, "clock", show_time(wall));
	json_object_set_new(object, "ends", show_time(ends));
	json_object_set_new(object, "behind_seconds",
	    show_count(ends > wall ? (ends - wall) / NS_PER_SECOND : 0));
	return show_object(invocation, object, clock_columns);
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

static const struct option_row clock_options[] = {
	{ .name = "reset",
	    .kind = OPTION_FLAG,
	    .help = "what ends goes by the clock as it is again" },
	{ .name = NULL },
};

const struct command command_clock = {
	.name = "clock",
	.arguments = "",
	.options = clock_options,
	.summary = "show whether the clock was set back behind ends that it saw",
	.run = clock_run,
};
