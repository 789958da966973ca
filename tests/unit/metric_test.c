/* The text that Prometheus reads, and counting from several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "server/base/metric.h"

static const char *const methods[] = { "GET", "a\"b\\c\nd" };
static struct metric_cell request_cell[2], open_cell, wait_cell;
static const uint64_t bounds[] = { 1000000, 10000000, 100000000 };

static struct metric requests = {
	.name = "t_requests_total",
	.help = "Requests.",
	.kind = METRIC_COUNTER,
	.label = "method",
	.values = methods,
	.count = 2,
	.cell = request_cell,
};
static struct metric open_files = {
	.name = "t_open",
	.help = "Open.",
	.kind = METRIC_GAUGE,
	.count = 1,
	.cell = &open_cell,
};
static struct metric waits = {
	.name = "t_wait_seconds",
	.help = "Waits.",
	.kind = METRIC_HISTOGRAM,
	.count = 1,
	.scale = 1e-9,
	.bounds = bounds,
	.bound_count = 3,
	.cell = &wait_cell,
};

static const char expected[] =
    "# HELP t_wait_seconds Waits.\n"
    "# TYPE t_wait_seconds histogram\n"
    "t_wait_seconds_bucket{le=\"0.001\"} 2\n"
    "t_wait_seconds_bucket{le=\"0.01\"} 3\n"
    "t_wait_seconds_bucket{le=\"0.1\"} 3\n"
    "t_wait_seconds_bucket{le=\"+Inf\"} 4\n"
    "t_wait_seconds_sum 2.002000001\n"
    "t_wait_seconds_count 4\n"
    "# HELP t_open Open.\n"
    "# TYPE t_open gauge\n"
    "t_open 7\n"
    "# HELP t_requests_total Requests.\n"
    "# TYPE t_requests_total counter\n"
    "t_requests_total{method=\"GET\"} 18446744073709551615\n"
    "t_requests_total{method=\"a\\\"b\\\\c\\nd\"} 3\n";

static void
text_format(void **state)
{
	struct buffer out = { .max = 0 };

	(void)state;
	metric_register(&requests);
	metric_register(&open_files);
	metric_register(&waits);
	metric_add(&requests, 0, UINT64_MAX);
	metric_add(&requests, 1, 3);
	metric_set(&open_files, 0, 9);
	metric_subtract(&open_files, 0, 2);
	metric_observe(&waits, 0, 0);
	metric_observe(&waits, 0, 1000000);
	metric_observe(&waits, 0, 1000001);
	metric_observe(&waits, 0, 2000000000);
	buffer_clear(&out);
	metric_write(&out);
	buffer_append_byte(&out, '\0');
	assert_string_equal(out.ptr, expected);
	buffer_done(&out);
}

static void *
count_up(void *argument)
{
	(void)argument;
	for (unsigned i = 0; i < 10000; i++) {
		metric_add(&open_files, 0, 1);
		metric_observe(&waits, 0, i);
	}
	return NULL;
}

static void
threads_lose_nothing(void **state)
{
	enum { THREADS = 24 }; /* more than have cells of their own */
	pthread_t thread[THREADS];
	uint64_t before = metric_get(&open_files, 0);
	uint64_t observed = metric_get(&waits, 0);

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_up,
				     NULL),
		    0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(metric_get(&open_files, 0), before + THREADS * 10000);
	assert_int_equal(metric_get(&waits, 0), observed + THREADS * 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_format),
		cmocka_unit_test(threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
