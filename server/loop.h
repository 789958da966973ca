#pragma once

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>

#include "server/base/thread.h"
#include "server/http/connection.h"
#include "server/http/tls.h"

/*
 * A loop: one thread, one event base, its listening sockets, its connections,
 * and an inbox through which other threads give work back. Nothing on a loop
 * blocks. Loops share nothing but the server.
 */
struct loop;
struct server;

/* A visit to a loop from elsewhere; embedded in what it is about. */
struct letter {
	void (*open)(struct letter *letter);
	struct letter *next; /* the inbox's */
};

struct listener {
	int fd; /* non-blocking; owned by the loop */
	bool admin;
	struct tls_context *tls; /* counted; NULL: plain */
	struct loop *loop;
	struct event *event;
};

/*
 * `services[0]` is for what everybody may reach, `services[1]` for the admin
 * listener; their context is the loop. Takes over the listeners' descriptors.
 */
enum outcome
loop_new(struct server *server, const struct http_service *services,
    struct listener *listener, size_t count, struct loop **ret_loop) MUST_CHECK;

/* Runs until loop_stop(); the body of its thread. */
void
loop_run(struct loop *loop);

/* Any thread. Letters are opened in the order in which they were posted. */
void
loop_post(struct loop *loop, struct letter *letter);

/* Any thread: stop to listen; close idle connections after `idle_ns`. */
void
loop_drain(struct loop *loop, uint64_t idle_ns);

/* Any thread: close every connection now. */
void
loop_cut(struct loop *loop);

/* Any thread: loop_run returns when no connection is left. */
void
loop_stop(struct loop *loop);

/* Any thread: connections that are open. */
size_t
loop_connections(const struct loop *loop);

struct server *
loop_server(const struct loop *loop);

/* The transfers under way on it. */
struct live *
loop_live(struct loop *loop) ON_LOOP;

/* What its requests found out a moment ago. */
struct recall *
loop_recall(struct loop *loop);

/* After loop_run has returned. NULL is allowed. */
void
loop_free(struct loop *loop);
