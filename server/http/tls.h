#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"
#include "server/base/outcome.h"

/*
 * TLS 1.2 and 1.3 by OpenSSL, ciphers of the intermediate profile
 * (reliability.md 8), ALPN http/1.1, tickets with keys that are changed in
 * less than a day, no renegotiation, no compression. A context is shared by
 * all loops and counted; a new certificate is a new context, connections keep
 * the one they began with.
 */
struct tls_context;

/* BAD_INPUT, IO: `message` says which file and why. */
enum outcome
tls_context_new(const char *certificate, const char *key,
    struct buffer *message, struct tls_context **ret_context) MUST_CHECK;

struct tls_context *
tls_context_ref(struct tls_context *context);

/* Always NULL. NULL is allowed. */
struct tls_context *
tls_context_unref(struct tls_context *context);
