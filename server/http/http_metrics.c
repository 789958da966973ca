#include "server/http/http_metrics.h"

#include "server/base/metric.h"
#include "server/http/connection.h"

static const char *const refusals[] = { "400", "405", "408", "414", "417",
	"421", "431", "501", "505", "other" };
static const unsigned refusal_status[] = { 400, 405, 408, 414, 417, 421, 431,
	501, 505 };

enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static struct metric_cell open_cell[1], accepted_cell[1], limited_cell[1],
    received_cell[1], sent_cell[1], refused_cell[REFUSALS];

static struct metric metric_open = {
	.name = "celldav_http_connections",
	.help = "Connections that are open now.",
	.kind = METRIC_GAUGE,
	.count = 1,
	.scale = 1,
	.cell = open_cell,
};
static struct metric metric_accepted = {
	.name = "celldav_http_connections_accepted_total",
	.help = "Connections that were taken.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.scale = 1,
	.cell = accepted_cell,
};
static struct metric metric_limited = {
	.name = "celldav_http_connections_refused_total",
	.help = "Connections turned away by limits.connections.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.scale = 1,
	.cell = limited_cell,
};
static struct metric metric_received = {
	.name = "celldav_http_received_bytes_total",
	.help = "Bytes read from clients, inside TLS.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.scale = 1,
	.cell = received_cell,
};
static struct metric metric_sent = {
	.name = "celldav_http_sent_bytes_total",
	.help = "Bytes written to clients, inside TLS.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.scale = 1,
	.cell = sent_cell,
};
static struct metric metric_refused = {
	.name = "celldav_http_refused_requests_total",
	.help = "Request heads that were refused, by status.",
	.kind = METRIC_COUNTER,
	.label = "status",
	.values = refusals,
	.count = REFUSALS,
	.scale = 1,
	.cell = refused_cell,
};

void
connection_metrics_register(void)
{
	metric_register(&metric_open);
	metric_register(&metric_accepted);
	metric_register(&metric_limited);
	metric_register(&metric_received);
	metric_register(&metric_sent);
	metric_register(&metric_refused);
}

void
http_count_open(void)
{
	metric_add(&metric_open, 0, 1);
	metric_add(&metric_accepted, 0, 1);
}

void
http_count_closed(void)
{
	metric_subtract(&metric_open, 0, 1);
}

void
http_count_over_limit(void)
{
	metric_add(&metric_limited, 0, 1);
}

void
http_count_received(size_t bytes)
{
	metric_add(&metric_received, 0, bytes);
}

void
http_count_sent(size_t bytes)
{
	metric_add(&metric_sent, 0, bytes);
}

void
http_count_refused(unsigned status)
{
	size_t index = 0;

	while (index < REFUSALS - 1 && refusal_status[index] != status)
		index++;
	metric_add(&metric_refused, index, 1);
}
