#pragma once

#include "dav/property.h"

/*
 * The principal resource (RFC 3744 2): "/principals/NAME/" is there for the
 * account itself and for nobody else.
 */
bool
principal_path(const struct request *request);

/* A multistatus of one response; NOT_FOUND for another's. */
enum outcome
principal_respond(struct exchange *exchange, const struct property_query *query)
    MUST_CHECK;
