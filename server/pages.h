#pragma once

#include "server/visit.h"

/* Pages of the process itself: answered on the loop, for anybody. */
void
page_start(struct visit *visit) ON_LOOP;

/* security.txt (RFC 9116), or 404 when nobody is named to report to. */
void
page_security(struct visit *visit) ON_LOOP;

/* 200 while the loop runs. */
void
page_health(struct visit *visit) ON_LOOP;

/* 200 when the store answers and takes writes, else 503. */
void
page_ready(struct visit *visit) ON_LOOP;

/* Prometheus text. */
void
page_metrics(struct visit *visit) ON_LOOP;
