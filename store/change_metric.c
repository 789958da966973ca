#include "store/change_metric.h"

#include <stdint.h>

/* What the committer measures: a table of metrics, registered once. */
static const uint64_t batch_bounds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512,
	1024, 2048, 4096 };
static const uint64_t time_bounds[] = { 50000, 100000, 200000, 400000, 800000,
	1600000, 3200000, 6400000, 12800000, 25600000, 51200000, 102400000,
	409600000, 1638400000, 6553600000 };

static struct metric_cell batch_cell, commit_cell, wait_cell, change_cell,
    rerun_cell, failure_cell, degraded_cell;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct metric metric_batch = { .name = "celldav_commit_batch_size",
	.help = "Changes in one commit.",
	.kind = METRIC_HISTOGRAM,
	.count = 1,
	.scale = 1,
	.cell = &batch_cell,
	.bounds = batch_bounds,
	.bound_count = COUNT_OF(batch_bounds) };
struct metric metric_commit = { .name = "celldav_commit_seconds",
	.help = "Time that one commit took.",
	.kind = METRIC_HISTOGRAM,
	.count = 1,
	.scale = 1e-9,
	.cell = &commit_cell,
	.bounds = time_bounds,
	.bound_count = COUNT_OF(time_bounds) };
struct metric metric_wait = { .name = "celldav_change_seconds",
	.help = "Time from the posting of a change to its answer.",
	.kind = METRIC_HISTOGRAM,
	.count = 1,
	.scale = 1e-9,
	.cell = &wait_cell,
	.bounds = time_bounds,
	.bound_count = COUNT_OF(time_bounds) };
struct metric metric_changes = { .name = "celldav_changes_total",
	.help = "Changes answered.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.scale = 1,
	.cell = &change_cell };
struct metric metric_reruns = { .name = "celldav_change_reruns_total",
	.help = "Batches run again because a change failed after a write.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.scale = 1,
	.cell = &rerun_cell };
struct metric metric_failures = { .name = "celldav_commit_failures_total",
	.help = "Commits that failed.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.scale = 1,
	.cell = &failure_cell };
struct metric metric_degraded = { .name = "celldav_commit_degraded",
	.help = "1 while changes are refused after an error of the disk.",
	.kind = METRIC_GAUGE,
	.count = 1,
	.scale = 1,
	.cell = &degraded_cell };

void
change_metrics_register(void)
{
	metric_register(&metric_degraded);
	metric_register(&metric_failures);
	metric_register(&metric_reruns);
	metric_register(&metric_changes);
	metric_register(&metric_wait);
	metric_register(&metric_commit);
	metric_register(&metric_batch);
}
