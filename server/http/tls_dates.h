#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"

/*
 * Whether a certificate that can be used holds today. One that does not is no
 * reason to refuse a start: it is renewed by a reload, clients that insist
 * fail by themselves, and a wrong clock at boot must not keep a server down.
 * But it has to be told.
 */

/* The first of the file: false, and one sentence, where it does not hold. */
bool
tls_dates_hold(const char *certificate, struct buffer *message);
