/*
 * The life of connections: accept, the turns, the end. A connection moves on
 * in connection_run() alone; what the service calls only says what there is to
 * do and puts the connection on the list of those that are ready.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/base/scope.h"
#include "server/http/address.h"
#include "server/http/connection_impl.h"
#include "server/http/http_metrics.h"

/*
 * What the kernel may hold of a plain connection beyond what is on its way.
 * Without it a queue grows to 4 MiB and leaves the cache before it is read:
 * with eight readers of large files half the speed. It says nothing of what is
 * in flight, so a long fat pipe is as full as ever. Twice as much is slower
 * already; a quarter costs more turns. TLS writes batches of its own, which it
 * would cut in two.
 */
enum { UNSENT_MAX = 65536 };

/* Of all loops: limits.connections is for the process. */
static _Atomic size_t open_count;

static enum turn
turn_closed(struct connection *connection) ON_LOOP
{
	(void)connection; /* until the request comes home */
	return TURN_WAIT;
}

static enum turn
turn_home(struct connection *connection) ON_LOOP
{
	transfer_finish(connection, false);
	connection->dead = true;
	return TURN_WAIT;
}

static enum turn
connection_turn(struct connection *connection) ON_LOOP
{
	switch (connection->phase) {
	case PHASE_HEAD:
		return turn_head(connection);
	case PHASE_AWAY:
		return turn_away(connection);
	case PHASE_REPLY:
		return turn_reply(connection);
	case PHASE_DRAIN:
		return turn_drain(connection);
	case PHASE_LINGER:
		return turn_linger(connection);
	case PHASE_HOME:
		return turn_home(connection);
	case PHASE_CLOSED:
	case PHASES:
	default:
		return turn_closed(connection);
	}
}

/* ---- The list of those that are ready ---------------------------------- */

static void
ready_add(struct connection *connection)
{
	struct connections *owner = connection->owner;

	if (connection->ready)
		return;
	connection->ready = true;
	connection->ready_next = NULL;
	*owner->ready_tail = connection;
	owner->ready_tail = &connection->ready_next;
}

void
connection_soon(struct connection *connection)
{
	connection->again = true;
	if (connection->owner->running == connection)
		return;
	ready_add(connection);
	event_active(&connection->owner->ready_event, EV_TIMEOUT, 0);
}

/* Others first: goes on after the sockets were looked at. */
static void
connection_yield(struct connection *connection) ON_LOOP
{
	static const struct timeval now = { 0 };

	ready_add(connection);
	if (!event_pending(&connection->owner->ready_event, EV_TIMEOUT, NULL))
		(void)event_add(&connection->owner->ready_event, &now);
}

/* ---- Turns -------------------------------------------------------------- */

static void
connection_free(struct connection *connection) ON_LOOP
{
	struct connections *owner = connection->owner;

	connection_unlink(connection);
	buffer_done(&connection->input);
	connection->conf = conf_unref(connection->conf);
	free(connection);
	if (--owner->count == 0)
		wheel_stop(owner);
}

static void
connection_enter(struct connection *connection)
{
	connection->depth++;
}

static void
connection_leave(struct connection *connection) ON_LOOP
{
	connection->depth--;
	if (connection->dead && connection->depth == 0 && !connection->ready)
		connection_free(connection);
}

static void
connection_run(struct connection *connection) ON_LOOP
{
	struct connections *owner = connection->owner;
	enum turn turn = TURN_GO;

	/* A service that runs the loop inside a callback would get here. */
	assert(owner->running == NULL);
	connection_enter(connection);
	owner->running = connection;
	connection->slice = 0;
	for (int i = 0;
	    i < PIPELINE_TURNS && turn == TURN_GO && !connection->dead; i++) {
		connection->again = false;
		turn = connection_turn(connection);
		if (turn == TURN_WAIT && connection->again)
			turn = TURN_GO;
	}
	rest_keep(connection);
	owner->running = NULL;
	if (turn != TURN_WAIT && !connection->dead)
		connection_yield(connection);
	connection_leave(connection);
}

static void
ready_event(evutil_socket_t fd, short what, void *context)
{
	struct connections *connections = context;
	struct connection *connection = connections->ready;

	(void)fd;
	(void)what;
	thread_enter_loop();
	connections->ready = NULL;
	connections->ready_tail = &connections->ready;
	while (connection != NULL) {
		struct connection *next = connection->ready_next;

		connection->ready = false;
		if (!connection->dead)
			connection_run(connection);
		else if (connection->depth == 0)
			connection_free(connection);
		connection = next;
	}
}

/*
 * While a request is away nothing is read, so a reset shows only by asking.
 * Bytes that wait are a next request, and no news.
 */
static bool
peer_reset(const struct connection *connection)
{
	char byte;

	return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno != EAGAIN && errno != EINTR;
}

static void
socket_event(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;

	(void)fd;
	thread_enter_loop();
	if ((what & EV_CLOSED) != 0)
		connection->peer_shut = true;
	if ((what & (EV_READ | EV_CLOSED)) != 0)
		connection->readable = true;
	if ((what & EV_WRITE) != 0)
		connection->writable = true;
	if (connection->phase == PHASE_AWAY && !connection->peer_shut &&
	    connection->transfer->sink == NULL && peer_reset(connection))
		connection_end(connection);
	else
		connection_run(connection);
}

/* ---- The end ------------------------------------------------------------ */

void
transfer_finish(struct connection *connection, bool sent)
{
	struct transfer *transfer = connection->transfer;
	struct request *request = &transfer->request;
	struct response *response = &request->response;
	const struct http_service *service = &connection->owner->service;

	connection->transfer = NULL;
	if (response->hold != NULL)
		response->hold->close(response->hold);
	if (response->source != NULL)
		response->source->close(response->source);
	response->hold = NULL;
	response->source = NULL;
	buffer_done(&transfer->block);
	if (atomic_load(&request->cancelled))
		sent = false;
	service->done(request, sent, service->context);
	arena_free(request->arena);
}

static void
socket_close(struct connection *connection) ON_LOOP
{
	(void)event_del(&connection->event);
	connection->stream.row->end(&connection->stream);
	fd_close(connection->fd);
	connection->fd = -1;
	connection->rest = TEXT_NONE;
	connection->readable = false;
	connection->presumed = false;
	connection->writable = false;
	connection_deadline(connection, 0);
	atomic_fetch_sub(&open_count, 1);
	http_count_closed();
}

void
connection_end(struct connection *connection)
{
	struct transfer *transfer = connection->transfer;

	if (connection->fd < 0)
		return;
	connection_enter(connection);
	socket_close(connection);
	if (transfer == NULL) {
		connection->dead = true;
	} else if (connection->phase == PHASE_AWAY && !transfer->replied) {
		connection->phase = PHASE_CLOSED;
		atomic_store(&transfer->request.cancelled, true);
		body_end(connection, CANCELLED);
	} else {
		transfer_finish(connection, false);
		connection->dead = true;
	}
	connection_leave(connection);
}

/* ---- Accept ------------------------------------------------------------- */

/*
 * The answer of a full house, or of one without memory: one write that nobody
 * waits for. TLS would cost a handshake, so there the close has to do.
 */
static void
accept_refuse(int fd, const struct tls_context *tls)
{
	static const char answer[] =
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Server: celldav\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
	    "Connection: close\r\n\r\n";

	http_count_over_limit();
	if (tls == NULL &&
	    send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) >
		0)
		(void)shutdown(fd, SHUT_WR);
	fd_close(fd);
}

static void
peer_set(struct peer *peer, int fd, const struct sockaddr *address, bool tls,
    const struct conf *conf)
{
	socklen_t len = sizeof(peer->local);

	if (address->sa_family == AF_INET6)
		*(struct sockaddr_in6 *)(void *)&peer->address =
		    *(const struct sockaddr_in6 *)(const void *)address;
	else if (address->sa_family == AF_INET)
		*(struct sockaddr_in *)(void *)&peer->address =
		    *(const struct sockaddr_in *)(const void *)address;
	if (getsockname(fd, (struct sockaddr *)&peer->local, &len) != 0)
		peer->local.ss_family = AF_UNSPEC;
	address_normalize(&peer->address);
	address_normalize(&peer->local);
	address_format(&peer->address, peer->name);
	peer->tls = tls;
	peer->loopback = address_loopback(&peer->address);
	peer->trusted_proxy = address_listed(&peer->address,
	    &conf->trusted_proxies);
}

static bool
socket_prepare(struct connection *connection, struct tls_context *tls)
{
	int on = 1, unsent = UNSENT_MAX, fd = connection->fd;

	if (evutil_make_socket_nonblocking(fd) != 0)
		return false;
	/* A last short segment must not wait for an acknowledgement. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (tls != NULL) {
		if (!stream_tls(fd, tls, &connection->owner->records,
			&connection->stream))
			return false;
	} else {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
		    sizeof(unsent));
		connection->stream = stream_plain(fd);
	}
	return event_assign(&connection->event, connection->owner->base, fd,
		   EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
		   socket_event, connection) == 0;
}

static void
connection_begin(struct connections *owner, struct connection *connection)
    ON_LOOP
{
	connection->link.prev = &connection->link;
	connection->link.next = &connection->link;
	connection->slot_ns = UINT64_MAX;
	if (owner->count++ == 0)
		wheel_start(owner);
	http_count_open();
	connection_deadline_in(connection,
	    connection->conf->limits.header_seconds);
}

void
connection_accept(struct connections *connections, int fd,
    const struct sockaddr *address, struct tls_context *tls, struct conf *conf)
{
	struct connection *connection;

	if (atomic_fetch_add(&open_count, 1) >= conf->limits.connections) {
		atomic_fetch_sub(&open_count, 1);
		accept_refuse(fd, tls);
		return;
	}
	connection = memory_alloc(sizeof(*connection));
	connection->owner = connections;
	connection->fd = fd;
	if (!socket_prepare(connection, tls) ||
	    event_add(&connection->event, NULL) != 0) {
		if (connection->stream.row != NULL)
			connection->stream.row->end(&connection->stream);
		free(connection);
		atomic_fetch_sub(&open_count, 1);
		accept_refuse(fd, tls);
		return;
	}
	connection->conf = conf_ref(conf);
	peer_set(&connection->peer, fd, address, tls != NULL, conf);
	connection_begin(connections, connection);
}

/* ---- All of a loop ------------------------------------------------------ */

static void
pipe_signal_ignore(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
}

struct connections *
connections_new(struct event_base *base, const struct http_service *service)
{
	struct connections *connections = memory_alloc(sizeof(*connections));

	pipe_signal_ignore();
	connections->base = base;
	connections->service = *service;
	connections->ready_tail = &connections->ready;
	connections->date_second = UINT64_MAX;
	wheel_init(connections);
	(void)event_assign(&connections->ready_event, base, -1, 0, ready_event,
	    connections);
	return connections;
}

void
connections_free(struct connections *connections)
{
	if (connections == NULL)
		return;
	(void)event_del(&connections->ready_event);
	wheel_stop(connections);
	buffer_done(&connections->head);
	free(connections);
}

size_t
connections_count(const struct connections *connections)
{
	return connections->count;
}

static void
idle_end(struct connection *connection) ON_LOOP
{
	uint64_t end = connection->owner->drain_ns;

	if (connection->phase == PHASE_HEAD && connection->head_ns == 0 &&
	    (connection->deadline_ns == 0 || connection->deadline_ns > end))
		connection_deadline(connection, end);
}

void
connections_drain(struct connections *connections, uint64_t idle_ns)
{
	uint64_t now = clock_monotonic_ns();

	connections->draining = true;
	connections->drain_ns = idle_ns < UINT64_MAX - now ? now + idle_ns :
							     UINT64_MAX;
	connections_each(connections, idle_end);
}

void
connections_cut(struct connections *connections)
{
	connections_each(connections, connection_end);
}

void
request_cut(struct request *request)
{
	connection_end(request->connection);
}
