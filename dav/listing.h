#pragma once

#include "dav/exchange.h"

/*
 * A plain page of what may be listed, for a browser, and for the clients that
 * GET a collection before they write to it (clients.md 1.2).
 */
enum outcome
listing_respond(struct exchange *exchange, const struct place *place)
    MUST_CHECK;
