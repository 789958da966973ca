/*
 * The metrics of the process as rows. Method names come from the table of
 * methods, so a new method has its counters without a line here.
 */
#include "server/metrics.h"

#include "server/base/memory.h"

static const uint64_t seconds_bounds[] = { 10000, 30000, 100000, 300000,
	1000000, 3000000, 10000000, 30000000, 100000000, 300000000, 1000000000,
	3000000000, 10000000000 };

enum {
	BOUNDS = sizeof(seconds_bounds) / sizeof(seconds_bounds[0]),
	STATUS_CLASSES = 5
};

static const char *const phase_names[] = { "head", "route", "admit", "body",
	"run", "reply", "done" };
static const char *const lane_names[] = { "inline", "commit", "slow", "hash" };
static const char *const class_names[] = { "1xx", "2xx", "3xx", "4xx", "5xx" };

_Static_assert(sizeof(phase_names) / sizeof(phase_names[0]) == PHASE_COUNT,
    "a name for each phase");
_Static_assert(sizeof(lane_names) / sizeof(lane_names[0]) == LANE_COUNT,
    "a name for each lane");

static struct metric requests = {
	.name = "celldav_requests_total",
	.help = "Requests answered, by method.",
	.kind = METRIC_COUNTER,
	.label = "method",
	.scale = 1,
};

static struct metric responses = {
	.name = "celldav_responses_total",
	.help = "Answers, by class of status.",
	.kind = METRIC_COUNTER,
	.label = "class",
	.values = class_names,
	.count = STATUS_CLASSES,
	.scale = 1,
};

static struct metric request_seconds = {
	.name = "celldav_request_seconds",
	.help = "Time from the first byte of a request to its end, by method.",
	.kind = METRIC_HISTOGRAM,
	.label = "method",
	.scale = 1e-9,
	.bounds = seconds_bounds,
	.bound_count = BOUNDS,
};

static struct metric phase_seconds = {
	.name = "celldav_phase_seconds",
	.help = "Time that requests spent in each phase.",
	.kind = METRIC_HISTOGRAM,
	.label = "phase",
	.values = phase_names,
	.count = PHASE_COUNT,
	.scale = 1e-9,
	.bounds = seconds_bounds,
	.bound_count = BOUNDS,
};

static struct metric lane_wait_seconds = {
	.name = "celldav_lane_wait_seconds",
	.help = "Time that work waited for a thread of its lane.",
	.kind = METRIC_HISTOGRAM,
	.label = "lane",
	.values = lane_names,
	.count = LANE_COUNT,
	.scale = 1e-9,
	.bounds = seconds_bounds,
	.bound_count = BOUNDS,
};

static struct metric lane_queue = {
	.name = "celldav_lane_queue",
	.help = "Work that waits for a thread of its lane.",
	.kind = METRIC_GAUGE,
	.label = "lane",
	.values = lane_names,
	.count = LANE_COUNT,
	.scale = 1,
};

static void
metric_prepare(struct metric *metric)
{
	metric->cell = memory_array(metric->count, sizeof(*metric->cell));
	metric_register(metric);
}

void
metrics_register(void)
{
	const char **names = memory_array(method_count + 1, sizeof(*names));

	for (size_t i = 0; i < method_count; i++)
		names[i] = methods[i]->name;
	names[method_count] = "other";
	requests.values = names;
	requests.count = method_count + 1;
	request_seconds.values = names;
	request_seconds.count = method_count + 1;
	metric_prepare(&requests);
	metric_prepare(&responses);
	metric_prepare(&request_seconds);
	metric_prepare(&phase_seconds);
	metric_prepare(&lane_wait_seconds);
	metric_prepare(&lane_queue);
}

void
metric_request(const struct method *method, unsigned status, uint64_t spent_ns)
{
	size_t index = method_count;

	for (size_t i = 0; i < method_count; i++)
		if (methods[i] == method)
			index = i;
	metric_add(&requests, index, 1);
	metric_observe(&request_seconds, index, spent_ns);
	if (status >= 100 && status < 600)
		metric_add(&responses, status / 100 - 1, 1);
}

void
metric_phase(enum phase phase, uint64_t spent_ns)
{
	metric_observe(&phase_seconds, (size_t)phase, spent_ns);
}

void
metric_lane_wait(enum lane lane, uint64_t spent_ns)
{
	metric_observe(&lane_wait_seconds, (size_t)lane, spent_ns);
}

void
metric_lane_queued(enum lane lane, int change)
{
	if (change > 0)
		metric_add(&lane_queue, (size_t)lane, (uint64_t)change);
	else
		metric_subtract(&lane_queue, (size_t)lane, (uint64_t)-change);
}
