/*
 * The list is built before threads start and never changes afterwards, so it
 * is read without a lock. Values are relaxed: nobody draws a conclusion from
 * the order of two metrics.
 */
#include "server/base/metric.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/base/memory.h"
#include "server/base/thread.h"

/*
 * Cells are kept once for each of the first SHARDS - 1 threads, which then
 * need no atomic addition, and once more for all others, who do. A gauge that
 * is set has one place.
 */
enum { SHARDS = 16, SHARED = 0 };

/* Newest first; metric_write() prints in the order of the list. */
static struct metric *registered;

void
metric_register(struct metric *metric)
{
	if (metric->count == 0 || metric->cell == NULL ||
	    metric->bound_count >= METRIC_BUCKETS)
		abort();
	if (metric->kind != METRIC_GAUGE && metric->more == NULL)
		metric->more = memory_array((SHARDS - 1) * metric->count,
		    sizeof(*metric->more));
	metric->next = registered;
	registered = metric;
}

/* An index past the table is a bug of ours; it must not write elsewhere. */
static struct metric_cell *
metric_cell(struct metric *metric, size_t index, size_t shard)
{
	if (index >= metric->count)
		abort();
	return shard == SHARED ?
	    &metric->cell[index] :
	    &metric->more[(shard - 1) * metric->count + index];
}

static size_t
shard_of(const struct metric *metric)
{
	unsigned number = thread_number();

	return metric->more == NULL || number >= SHARDS - 1 ? SHARED :
							      number + 1;
}

/* Nobody else writes to a place that is one thread's own. */
static void
add(_Atomic uint64_t *place, uint64_t value, size_t shard)
{
	if (shard == SHARED)
		atomic_fetch_add_explicit(place, value, memory_order_relaxed);
	else
		atomic_store_explicit(place,
		    atomic_load_explicit(place, memory_order_relaxed) + value,
		    memory_order_relaxed);
}

void
metric_add(struct metric *metric, size_t index, uint64_t value)
{
	size_t shard = shard_of(metric);

	add(&metric_cell(metric, index, shard)->value, value, shard);
}

void
metric_subtract(struct metric *metric, size_t index, uint64_t value)
{
	metric_add(metric, index, -value);
}

void
metric_set(struct metric *metric, size_t index, uint64_t value)
{
	atomic_store_explicit(&metric_cell(metric, index, SHARED)->value, value,
	    memory_order_relaxed);
}

void
metric_observe(struct metric *metric, size_t index, uint64_t value)
{
	size_t shard = shard_of(metric), bucket = 0;
	struct metric_cell *cell = metric_cell(metric, index, shard);

	while (bucket < metric->bound_count && value > metric->bounds[bucket])
		bucket++;
	add(&cell->bucket[bucket], 1, shard);
	add(&cell->sum, value, shard);
	add(&cell->value, 1, shard);
}

/* The sum over all threads of what lies `offset` into their cells. */
static uint64_t
load(struct metric *metric, size_t index, size_t offset)
{
	size_t shards = metric->more == NULL ? 1 : SHARDS;
	uint64_t sum = 0;

	for (size_t shard = 0; shard < shards; shard++) {
		char *cell = (char *)metric_cell(metric, index, shard);

		sum += atomic_load_explicit((_Atomic uint64_t *)(void *)(cell +
						offset),
		    memory_order_relaxed);
	}
	return sum;
}

uint64_t
metric_get(struct metric *metric, size_t index)
{
	return load(metric, index, offsetof(struct metric_cell, value));
}

static uint64_t
load_bucket(struct metric *metric, size_t index, size_t bucket)
{
	return load(metric, index,
	    offsetof(struct metric_cell, bucket) + bucket * sizeof(uint64_t));
}

/* A label value: \ " and newline are escaped (text format 0.0.4). */
static void
write_label_value(struct buffer *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			buffer_append(out, TEXT("\\n"));
			continue;
		}
		if (*value == '\\' || *value == '"')
			buffer_append_byte(out, '\\');
		buffer_append_byte(out, *value);
	}
}

static void
write_value(struct buffer *out, const struct metric *metric, uint64_t value)
{
	/* A scale of 0 is a row that did not name one. */
	if (metric->scale <= 0 || (metric->scale >= 1 && metric->scale <= 1))
		buffer_append_u64(out, value);
	else
		buffer_format(out, "%.15g", (double)value * metric->scale);
}

/* {label="value",le="bound"}, with whichever of the two there is. */
static void
write_labels(struct buffer *out, const struct metric *metric, size_t index,
    const uint64_t *bound, bool infinite)
{
	bool has_le = bound != NULL || infinite;

	if (metric->label == NULL && !has_le)
		return;
	buffer_append_byte(out, '{');
	if (metric->label != NULL) {
		buffer_format(out, "%s=\"", metric->label);
		write_label_value(out, metric->values[index]);
		buffer_append_byte(out, '"');
		if (has_le)
			buffer_append_byte(out, ',');
	}
	if (infinite)
		buffer_append(out, TEXT("le=\"+Inf\""));
	if (bound != NULL) {
		buffer_append(out, TEXT("le=\""));
		write_value(out, metric, *bound);
		buffer_append_byte(out, '"');
	}
	buffer_append_byte(out, '}');
}

/*
 * The count is the sum of the buckets and not the cell's own count: while
 * others observe, the two may differ for a moment, and a reader of the text
 * may rely on _count being the +Inf bucket.
 */
static void
write_histogram(struct buffer *out, struct metric *metric, size_t index)
{
	uint64_t below = 0;

	for (size_t i = 0; i <= metric->bound_count; i++) {
		bool infinite = i == metric->bound_count;

		below += load_bucket(metric, index, i);
		buffer_format(out, "%s_bucket", metric->name);
		write_labels(out, metric, index,
		    infinite ? NULL : &metric->bounds[i], infinite);
		buffer_append_byte(out, ' ');
		buffer_append_u64(out, below);
		buffer_append_byte(out, '\n');
	}
	buffer_format(out, "%s_sum", metric->name);
	write_labels(out, metric, index, NULL, false);
	buffer_append_byte(out, ' ');
	write_value(out, metric,
	    load(metric, index, offsetof(struct metric_cell, sum)));
	buffer_format(out, "\n%s_count", metric->name);
	write_labels(out, metric, index, NULL, false);
	buffer_append_byte(out, ' ');
	buffer_append_u64(out, below);
	buffer_append_byte(out, '\n');
}

static void
write_cell(struct buffer *out, struct metric *metric, size_t index)
{
	if (metric->kind == METRIC_HISTOGRAM) {
		write_histogram(out, metric, index);
		return;
	}
	buffer_append(out, text_from(metric->name));
	write_labels(out, metric, index, NULL, false);
	buffer_append_byte(out, ' ');
	write_value(out, metric, metric_get(metric, index));
	buffer_append_byte(out, '\n');
}

void
metric_write(struct buffer *out)
{
	static const char *const kinds[] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
	};

	for (struct metric *m = registered; m != NULL; m = m->next) {
		buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", m->name,
		    m->help, m->name, kinds[m->kind]);
		for (size_t i = 0; i < m->count; i++)
			write_cell(out, m, i);
	}
}
