/*
 * Deadlines by a wheel of slots of a quarter second. Setting one is a store:
 * a connection is moved only when its slot comes too late, and looked at again
 * when its slot comes too early. Each connection is always in one slot or
 * among the parked, so the wheel is also the list of all.
 */
#include "server/base/clock.h"
#include "server/http/connection_impl.h"

static void
link_init(struct link *link)
{
	link->prev = link;
	link->next = link;
}

static void
link_remove(struct link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link_init(link);
}

static void
link_add(struct link *list, struct link *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

/* Moves all of a list to an empty one. */
static void
link_move(struct link *from, struct link *to)
{
	link_init(to);
	if (from->next == from)
		return;
	*to = *from;
	to->prev->next = to;
	to->next->prev = to;
	link_init(from);
}

static void
slot_enter(struct connection *connection)
{
	struct connections *owner = connection->owner;
	uint64_t at = connection->deadline_ns;
	uint64_t last = owner->wheel_ns + (WHEEL_SLOTS - 1) * WHEEL_TICK_NS;

	link_remove(&connection->link);
	if (at == 0) {
		connection->slot_ns = UINT64_MAX;
		link_add(&owner->parked, &connection->link);
		return;
	}
	at = at < owner->wheel_ns ? owner->wheel_ns : at;
	at = at > last ? last : at;
	connection->slot_ns = at;
	link_add(&owner->slot[at / WHEEL_TICK_NS % WHEEL_SLOTS],
	    &connection->link);
}

void
connection_deadline(struct connection *connection, uint64_t deadline_ns)
{
	connection->deadline_ns = deadline_ns;
	if (deadline_ns != 0 && deadline_ns < connection->slot_ns)
		slot_enter(connection);
}

void
connection_deadline_in(struct connection *connection, uint64_t seconds)
{
	connection_deadline(connection,
	    clock_monotonic_ns() + seconds * NS_PER_SECOND);
}

void
connection_unlink(struct connection *connection)
{
	link_remove(&connection->link);
}

static struct connection *
link_connection(struct link *link)
{
	return (struct connection *)(void *)link;
}

static void
idle_or_slow(struct connection *connection) ON_LOOP
{
	if (connection->head_ns == 0)
		connection_end(connection);
	else
		head_refuse(connection, 408);
}

/*
 * The window of rate is over: at least so many bytes came, or the client is
 * too slow (reliability.md V37). Pauses of ours have no window.
 */
static void
body_judge(struct connection *connection) ON_LOOP
{
	struct transfer *transfer = connection->transfer;
	const struct conf_limits *limits = &connection->conf->limits;
	uint64_t got = transfer->request.received - transfer->window_received;
	uint64_t seconds = limits->body_grace_seconds > 0 ?
	    limits->body_grace_seconds :
	    1;

	if (transfer->sink == NULL || transfer->paused) {
		connection_deadline(connection, 0);
		return;
	}
	if (got / seconds >= limits->body_rate) {
		transfer->window_received = transfer->request.received;
		connection_deadline_in(connection, seconds);
		return;
	}
	transfer->timed_out = true;
	transfer->body_broken = true;
	connection_deadline(connection, 0);
	body_end(connection, CANCELLED);
}

/* A reader that stopped: its queue in the kernel is given up as well. */
static void
reader_drop(struct connection *connection) ON_LOOP
{
	struct linger now = { .l_onoff = 1 };

	(void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now,
	    sizeof(now));
	connection_end(connection);
}

/* A body that is dropped has to come as fast as one that is wanted. */
static void
drain_judge(struct connection *connection) ON_LOOP
{
	uint64_t seconds = connection->conf->limits.keep_alive_seconds;
	uint64_t came = connection->drain_window - connection->drain_left;

	if (came / (seconds > 0 ? seconds : 1) <
	    connection->conf->limits.body_rate) {
		connection_end(connection);
		return;
	}
	connection->drain_window = connection->drain_left;
	connection_deadline_in(connection, seconds);
}

static void
deadline_meet(struct connection *connection) ON_LOOP
{
	switch (connection->phase) {
	case PHASE_HEAD:
		idle_or_slow(connection);
		break;
	case PHASE_AWAY:
		body_judge(connection);
		break;
	case PHASE_REPLY:
		reader_drop(connection);
		break;
	case PHASE_DRAIN:
		drain_judge(connection);
		break;
	case PHASE_LINGER:
		connection_end(connection);
		break;
	case PHASE_CLOSED:
	case PHASE_HOME:
	case PHASES:
	default:
		connection_deadline(connection, 0);
		break;
	}
}

static void
slot_visit(struct link *list, uint64_t now) ON_LOOP
{
	struct link due;

	link_move(list, &due);
	while (due.next != &due) {
		struct connection *connection = link_connection(due.next);

		/* In a list in any case, whatever happens next. */
		connection->slot_ns = UINT64_MAX;
		slot_enter(connection);
		if (connection->deadline_ns != 0 &&
		    connection->deadline_ns <= now)
			deadline_meet(connection);
	}
}

static void
tick_event(evutil_socket_t fd, short what, void *context)
{
	struct connections *connections = context;
	uint64_t now = clock_monotonic_ns();

	(void)fd;
	(void)what;
	thread_enter_loop();
	/* After a stop of the whole process each slot is visited once. */
	if (now - connections->wheel_ns > WHEEL_SLOTS * WHEEL_TICK_NS)
		connections->wheel_ns = now - WHEEL_SLOTS * WHEEL_TICK_NS;
	while (connections->wheel_ns + WHEEL_TICK_NS <= now) {
		uint64_t at = connections->wheel_ns / WHEEL_TICK_NS;

		connections->wheel_ns += WHEEL_TICK_NS;
		slot_visit(&connections->slot[at % WHEEL_SLOTS], now);
	}
}

void
wheel_init(struct connections *connections)
{
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		link_init(&connections->slot[i]);
	link_init(&connections->parked);
	(void)event_assign(&connections->tick, connections->base, -1,
	    EV_PERSIST, tick_event, connections);
}

void
wheel_start(struct connections *connections)
{
	struct timeval tick = { .tv_usec = WHEEL_TICK_NS / 1000 };

	connections->wheel_ns = clock_monotonic_ns();
	(void)event_add(&connections->tick, &tick);
}

void
wheel_stop(struct connections *connections)
{
	(void)event_del(&connections->tick);
}

static void
list_each(struct connections *connections, struct link *list,
    void (*each)(struct connection *connection)) ON_LOOP
{
	struct link all;

	link_move(list, &all);
	while (all.next != &all) {
		struct connection *connection = link_connection(all.next);

		link_remove(&connection->link);
		link_add(&connections->parked, &connection->link);
		connection->slot_ns = UINT64_MAX;
		connection_deadline(connection, connection->deadline_ns);
		each(connection);
	}
}

void
connections_each(struct connections *connections,
    void (*each)(struct connection *connection))
{
	/* First those without a deadline: the others may join them. */
	list_each(connections, &connections->parked, each);
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		list_each(connections, &connections->slot[i], each);
}
