#pragma once

#include <event2/event.h>

#include "server/http/request.h"

/*
 * A connection: one socket, HTTP/1.1 over plain TCP or TLS, on one loop, which
 * it never leaves. It parses, streams bodies in and out with back-pressure,
 * keeps alive, pipelines, and holds all limits of time. The process gives it
 * a service: what to do with requests. Idle connections keep no buffers.
 */
struct http_service {
	/*
	 * ON_LOOP. A request head is complete, well formed and its path
	 * canonical. Expected to lead, now or later, to exactly one
	 * request_reply(), with request_read_body() before it when the body
	 * is wanted.
	 */
	void (*head)(struct request *request, void *context);
	/*
	 * ON_LOOP. The answer went out (`sent` true) or the client is gone.
	 * Last sight of the request: log and free what hangs at it. Also
	 * called for heads that were refused by the parser: response.status
	 * then says what was answered, method may be empty.
	 */
	void (*done)(struct request *request, bool sent, void *context);
	void *context;
};

/* Once, before metrics are read and before the first connections_new(). */
void
connection_metrics_register(void);

/*
 * All connections of one loop. SIGPIPE is ignored from the first of them on:
 * sendfile(2) and OpenSSL cannot be told otherwise.
 */
struct connections;

struct connections *
connections_new(struct event_base *base, const struct http_service *service)
    ON_LOOP;

/* After connections_count() is 0. */
void
connections_free(struct connections *connections) ON_LOOP;

size_t
connections_count(const struct connections *connections) ON_LOOP;

/*
 * Takes over an accepted socket. `tls` NULL: plain. `conf` is counted and used
 * for every request that begins on it.
 */
struct tls_context;

void
connection_accept(struct connections *connections, int fd,
    const struct sockaddr *address, struct tls_context *tls, struct conf *conf)
    ON_LOOP;

/*
 * The process will end: each answer from now on says Connection: close, idle
 * connections are closed after `idle_ns`, others when their answer is out.
 */
void
connections_drain(struct connections *connections, uint64_t idle_ns) ON_LOOP;

/* Closes all at once; requests that are away come home first. */
void
connections_cut(struct connections *connections) ON_LOOP;
