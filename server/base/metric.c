/*
 * The list is built before threads start and never changes afterwards, so it
 * is read without a lock. Values are relaxed: nobody draws a conclusion from
 * the order of two metrics.
 */
#include "server/base/metric.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Newest first; metric_write() prints in the order of the list. */
static struct metric *registered;

void
metric_register(struct metric *metric)
{
	if (metric->count == 0 || metric->cell == NULL ||
	    metric->bound_count >= METRIC_BUCKETS)
		abort();
	metric->next = registered;
	registered = metric;
}

/* An index past the table is a bug of ours; it must not write elsewhere. */
static struct metric_cell *
metric_cell(struct metric *metric, size_t index)
{
	if (index >= metric->count)
		abort();
	return &metric->cell[index];
}

void
metric_add(struct metric *metric, size_t index, uint64_t value)
{
	atomic_fetch_add_explicit(&metric_cell(metric, index)->value, value,
	    memory_order_relaxed);
}

void
metric_subtract(struct metric *metric, size_t index, uint64_t value)
{
	atomic_fetch_sub_explicit(&metric_cell(metric, index)->value, value,
	    memory_order_relaxed);
}

void
metric_set(struct metric *metric, size_t index, uint64_t value)
{
	atomic_store_explicit(&metric_cell(metric, index)->value, value,
	    memory_order_relaxed);
}

void
metric_observe(struct metric *metric, size_t index, uint64_t value)
{
	struct metric_cell *cell = metric_cell(metric, index);
	size_t bucket = 0;

	while (bucket < metric->bound_count && value > metric->bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&cell->bucket[bucket], 1,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&cell->sum, value, memory_order_relaxed);
	atomic_fetch_add_explicit(&cell->value, 1, memory_order_relaxed);
}

static uint64_t
load(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
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
write_histogram(struct buffer *out, const struct metric *metric, size_t index)
{
	struct metric_cell *cell = &metric->cell[index];
	uint64_t below = 0;

	for (size_t i = 0; i <= metric->bound_count; i++) {
		bool infinite = i == metric->bound_count;

		below += load(&cell->bucket[i]);
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
	write_value(out, metric, load(&cell->sum));
	buffer_format(out, "\n%s_count", metric->name);
	write_labels(out, metric, index, NULL, false);
	buffer_append_byte(out, ' ');
	buffer_append_u64(out, below);
	buffer_append_byte(out, '\n');
}

static void
write_cell(struct buffer *out, const struct metric *metric, size_t index)
{
	if (metric->kind == METRIC_HISTOGRAM) {
		write_histogram(out, metric, index);
		return;
	}
	buffer_append(out, text_from(metric->name));
	write_labels(out, metric, index, NULL, false);
	buffer_append_byte(out, ' ');
	write_value(out, metric, load(&metric->cell[index].value));
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
