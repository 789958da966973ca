#pragma once

#include "server/server.h"

/*
 * The life of a request. services_of() gives loops what their connections
 * call; everything else in serve.c follows from that.
 */
const struct http_service *
serve_services(void);
