#pragma once

#include "server/http/request.h"

/*
 * A URI that a client names for one of our resources: Destination, the tagged
 * lists of If, DAV:href in bodies. An absolute URI of this server, or an
 * absolute path. Authority and scheme must be those of the request itself, as
 * the client sees them (behind a trusted proxy: the forwarded ones).
 * UNSUPPORTED: another server (502 for Destination). BAD_INPUT: malformed, or
 * with a query or fragment.
 */
enum outcome
uri_local_path(const struct request *request, struct text uri,
    struct path *ret_path) MUST_CHECK;

/* Default ports dropped, host in lower case. */
bool
authority_equal(struct text a, struct text b, struct text scheme);

/*
 * The Host of a request is one that this server answers to: public_url,
 * server_names, or a listener's address (reliability.md V21, V33).
 */
bool
authority_known(const struct conf *conf, struct text authority,
    const struct peer *peer);
