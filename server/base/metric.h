#pragma once

#include <stddef.h>
#include <stdint.h>

#include "server/base/buffer.h"

/*
 * Counters, gauges and histograms as rows of tables. The folder that measures
 * defines a `struct metric` at file scope and registers it once at start with
 * metric_register(); values are relaxed atomics and may be touched from any
 * thread. The first threads have cells of their own, so that loops which count
 * the same thing do not meet; metric_write() prints the sums as Prometheus
 * text.
 */
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_BUCKETS = 16 };

struct metric_cell {
	_Atomic uint64_t value; /* counter, gauge; histogram: count */
	_Atomic uint64_t sum;   /* histogram */
	_Atomic uint64_t bucket[METRIC_BUCKETS];
};

struct metric {
	const char *name; /* with unit and _total as Prometheus wants it */
	const char *help;
	enum metric_kind kind;
	const char *label;         /* label name, NULL when there is none */
	const char *const *values; /* label values, one cell each */
	size_t count;              /* cells; 1 without a label */
	double scale;              /* shown = stored * scale (1e-9: ns) */
	const uint64_t *bounds;    /* histogram: METRIC_BUCKETS - 1 or fewer */
	size_t bound_count;
	struct metric_cell *cell; /* `count` of them */
	struct metric_cell *more; /* owned by metric.c: of other threads */
	struct metric *next;      /* owned by metric.c */
};

/* Once per metric, before other threads start. */
void
metric_register(struct metric *metric);

void
metric_add(struct metric *metric, size_t index, uint64_t value);

void
metric_subtract(struct metric *metric, size_t index, uint64_t value);

void
metric_set(struct metric *metric, size_t index, uint64_t value);

void
metric_observe(struct metric *metric, size_t index, uint64_t value);

/* A counter or gauge as it stands; of a histogram, how much was observed. */
uint64_t
metric_get(struct metric *metric, size_t index);

/* All registered metrics in Prometheus text exposition format 0.0.4. */
void
metric_write(struct buffer *out);
