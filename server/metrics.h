#pragma once

#include "dav/method.h"
#include "server/base/metric.h"

/* What the process measures: requests, phases, lanes. */
enum phase {
	PHASE_HEAD,
	PHASE_ROUTE,
	PHASE_ADMIT,
	PHASE_BODY,
	PHASE_RUN,
	PHASE_REPLY,
	PHASE_DONE,
	PHASE_COUNT
};

/* Once, before threads start. */
void
metrics_register(void);

/* `method` NULL: none of ours. */
void
metric_request(const struct method *method, unsigned status, uint64_t spent_ns);

void
metric_phase(enum phase phase, uint64_t spent_ns);

void
metric_lane_wait(enum lane lane, uint64_t spent_ns);

void
metric_lane_queued(enum lane lane, int change);
