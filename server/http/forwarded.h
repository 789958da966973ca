#pragma once

#include "server/http/request.h"

/*
 * What a trusted proxy says about its client (RFC 7239, X-Forwarded-*): fills
 * peer.name, peer.tls, peer.loopback, scheme and authority of a request whose
 * peer holds what the socket knows. Without a trusted proxy the headers are
 * not looked at. False: an authority that is none.
 */
bool
forwarded_apply(struct request *request);
