#pragma once

#include <stddef.h>
#include <stdint.h>

/* What connections count; the table is http_metrics.c. */
void
http_count_open(void);

void
http_count_closed(void);

void
http_count_over_limit(void);

void
http_count_received(size_t bytes);

void
http_count_sent(size_t bytes);

/* A head that never reached the service, by its status. */
void
http_count_refused(unsigned status);
