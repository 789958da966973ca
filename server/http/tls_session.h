#pragma once

#include <openssl/ssl.h>

#include "server/http/tls.h"

/* A server session that keeps the context alive; NULL without memory. */
SSL *
tls_session_new(struct tls_context *context);
