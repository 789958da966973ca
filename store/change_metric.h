#pragma once

#include "server/base/metric.h"

/* The metrics of the committer (change.c), all with one cell. */
extern struct metric metric_batch, metric_commit, metric_wait, metric_changes,
    metric_reruns, metric_failures, metric_degraded;

/* Once in a process. */
void
change_metrics_register(void);
