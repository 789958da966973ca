/*
 * The inbox is a list behind a mutex and an eventfd that is written only when
 * the list was empty, so that a batch of answers wakes the loop once.
 */
#include "server/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dav/recall.h"
#include "server/base/log.h"
#include "server/base/memory.h"
#include "server/base/scope.h"
#include "server/live.h"
#include "server/server.h"

enum { ACCEPT_BURST = 64, SERVICES = 2 };

struct loop {
	struct event_base *base;
	struct server *server; /* borrowed */
	struct connections *connections[SERVICES];
	struct http_service service[SERVICES];
	struct listener *listener; /* owned */
	size_t listener_count;
	struct event *inbox_event;
	struct event *tick;
	int inbox_fd, spare_fd;
	pthread_mutex_t mutex; /* guards first, last */
	struct letter *first, *last;
	_Atomic size_t open;
	_Atomic uint64_t drain_idle_ns; /* plus one; 0: not draining */
	_Atomic bool cut, stopping;
	bool drained;
	struct live live;
	struct recall *recall; /* owned */
};

static void
inbox_wake(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t done;

	do
		done = write(loop->inbox_fd, &one, sizeof(one));
	while (done < 0 && errno == EINTR);
}

void
loop_post(struct loop *loop, struct letter *letter)
{
	bool empty;

	letter->next = NULL;
	pthread_mutex_lock(&loop->mutex);
	empty = loop->first == NULL;
	if (empty)
		loop->first = letter;
	else
		loop->last->next = letter;
	loop->last = letter;
	pthread_mutex_unlock(&loop->mutex);
	if (empty)
		inbox_wake(loop);
}

static struct letter *
inbox_take(struct loop *loop)
{
	struct letter *letter;

	pthread_mutex_lock(&loop->mutex);
	letter = loop->first;
	loop->first = NULL;
	loop->last = NULL;
	pthread_mutex_unlock(&loop->mutex);
	return letter;
}

static void
listeners_close(struct loop *loop)
{
	for (size_t i = 0; i < loop->listener_count; i++) {
		struct listener *listener = &loop->listener[i];

		if (listener->event != NULL)
			event_free(listener->event);
		listener->event = NULL;
		if (listener->fd >= 0)
			(void)close(listener->fd); /* nothing was written */
		listener->fd = -1;
		listener->tls = tls_context_unref(listener->tls);
	}
}

static size_t
connections_open(struct loop *loop) ON_LOOP
{
	size_t count = 0;

	for (size_t i = 0; i < SERVICES; i++)
		count += connections_count(loop->connections[i]);
	atomic_store(&loop->open, count);
	return count;
}

/* What other threads asked for by flags, looked at on every tick. */
static void
orders_follow(struct loop *loop) ON_LOOP
{
	uint64_t idle = atomic_load(&loop->drain_idle_ns);

	if (idle != 0 && !loop->drained) {
		loop->drained = true;
		listeners_close(loop);
		for (size_t i = 0; i < SERVICES; i++)
			connections_drain(loop->connections[i], idle - 1);
	}
	if (atomic_load(&loop->cut))
		for (size_t i = 0; i < SERVICES; i++)
			connections_cut(loop->connections[i]);
	if (connections_open(loop) == 0 && atomic_load(&loop->stopping))
		(void)event_base_loopbreak(loop->base);
}

/* After accept_shed() had to wait. */
static void
listeners_resume(struct loop *loop) ON_LOOP
{
	if (loop->spare_fd < 0)
		loop->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < loop->listener_count; i++) {
		struct event *event = loop->listener[i].event;

		if (event != NULL && !event_pending(event, EV_READ, NULL))
			(void)event_add(event, NULL); /* else the next tick */
	}
}

static void
tick_event(evutil_socket_t fd, short what, void *context)
{
	struct loop *loop = context;

	(void)fd;
	(void)what;
	thread_enter_loop();
	live_look(&loop->live, loop->server->store);
	listeners_resume(loop);
	orders_follow(loop);
}

static void
inbox_event(evutil_socket_t fd, short what, void *context)
{
	struct loop *loop = context;
	struct letter *letter, *next;
	uint64_t count;

	(void)what;
	thread_enter_loop();
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_message(LOG_LEVEL_ERROR, "inbox", "errno=%d", errno);
	for (letter = inbox_take(loop); letter != NULL; letter = next) {
		next = letter->next;
		letter->open(letter);
	}
	orders_follow(loop);
}

/*
 * Out of descriptors: a waiting client would keep the listener readable and
 * the loop spinning. The spare one is given up to take and close it. Another
 * thread may be quicker to take that descriptor: then accepting waits for the
 * next tick.
 */
static void
accept_shed(struct loop *loop, struct listener *listener)
{
	int client;

	fd_close(loop->spare_fd);
	client = accept4(listener->fd, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client < 0)
		(void)event_del(listener->event);
	fd_close(client);
	loop->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_message(LOG_LEVEL_WARNING, "accept",
	    client < 0 ? "no descriptor left, connections wait" :
			 "no descriptor left, a connection was turned away");
}

static void
accept_event(evutil_socket_t fd, short what, void *context)
{
	struct listener *listener = context;
	struct loop *loop = listener->loop;

	(void)what;
	thread_enter_loop();
	for (int i = 0; i < ACCEPT_BURST; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t len = sizeof(address);
		int client = accept4(fd, (struct sockaddr *)&address, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (client < 0 && (errno == EMFILE || errno == ENFILE)) {
			accept_shed(loop, listener);
			return;
		}
		if (client < 0)
			return;
		connection_accept(loop->connections[listener->admin ? 1 : 0],
		    client, (struct sockaddr *)&address, listener->tls,
		    loop->server->conf);
	}
}

static bool
events_add(struct loop *loop)
{
	struct timeval tick = { .tv_usec = 100000 };

	loop->inbox_event = event_new(loop->base, loop->inbox_fd,
	    EV_READ | EV_PERSIST, inbox_event, loop);
	loop->tick = event_new(loop->base, -1, EV_PERSIST, tick_event, loop);
	if (loop->inbox_event == NULL || loop->tick == NULL ||
	    event_add(loop->inbox_event, NULL) != 0 ||
	    event_add(loop->tick, &tick) != 0)
		return false;
	for (size_t i = 0; i < loop->listener_count; i++) {
		struct listener *listener = &loop->listener[i];

		listener->loop = loop;
		listener->event = event_new(loop->base, listener->fd,
		    EV_READ | EV_PERSIST, accept_event, listener);
		if (listener->event == NULL ||
		    event_add(listener->event, NULL) != 0)
			return false;
	}
	return true;
}

enum outcome
loop_new(struct server *server, const struct http_service *services,
    struct listener *listener, size_t count, struct loop **ret_loop)
{
	struct loop *loop = memory_alloc(sizeof(*loop));

	thread_enter_loop(); /* nobody else has seen this loop yet */
	loop->server = server;
	loop->listener = listener;
	loop->listener_count = count;
	loop->recall = recall_new();
	(void)pthread_mutex_init(&loop->mutex, NULL);
	loop->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop->inbox_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->base = event_base_new();
	if (loop->base == NULL || loop->inbox_fd < 0 || !events_add(loop)) {
		loop_free(loop);
		return IO;
	}
	for (size_t i = 0; i < SERVICES; i++) {
		loop->service[i] = services[i];
		loop->service[i].context = loop;
		loop->connections[i] = connections_new(loop->base,
		    &loop->service[i]);
	}
	*ret_loop = loop;
	return OK;
}

void
loop_run(struct loop *loop)
{
	thread_enter_loop();
	(void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
	listeners_close(loop);
}

void
loop_drain(struct loop *loop, uint64_t idle_ns)
{
	atomic_store(&loop->drain_idle_ns, idle_ns + 1);
	inbox_wake(loop);
}

void
loop_cut(struct loop *loop)
{
	atomic_store(&loop->cut, true);
	inbox_wake(loop);
}

void
loop_stop(struct loop *loop)
{
	atomic_store(&loop->stopping, true);
	inbox_wake(loop);
}

size_t
loop_connections(const struct loop *loop)
{
	return atomic_load(&loop->open);
}

struct server *
loop_server(const struct loop *loop)
{
	return loop->server;
}

struct live *
loop_live(struct loop *loop)
{
	return &loop->live;
}

struct recall *
loop_recall(struct loop *loop)
{
	return loop->recall;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	thread_enter_loop(); /* its thread has ended */
	listeners_close(loop);
	for (size_t i = 0; i < SERVICES; i++)
		if (loop->connections[i] != NULL)
			connections_free(loop->connections[i]);
	if (loop->inbox_event != NULL)
		event_free(loop->inbox_event);
	if (loop->tick != NULL)
		event_free(loop->tick);
	if (loop->base != NULL)
		event_base_free(loop->base);
	fd_close(loop->inbox_fd);
	fd_close(loop->spare_fd);
	recall_free(loop->recall);
	(void)pthread_mutex_destroy(&loop->mutex);
	free(loop->listener);
	free(loop);
}
