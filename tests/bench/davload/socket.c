/*
 * Sockets: level-triggered epoll. A request is sent as soon as the answer
 * before it is complete; EPOLLOUT is asked for only while the socket is full.
 */
#include "davload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define PATIENCE_NS 60000000000

enum { EVENTS = 256, READS = 16, WAIT_MS = 50 };

static struct client clients[CONNECTIONS_MAX];
static int poller;

static void
events_set(struct client *client, bool sending)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	if (client->waits_to_send == sending)
		return;
	client->waits_to_send = sending;
	if (sending)
		event.events |= EPOLLOUT;
	if (epoll_ctl(poller, EPOLL_CTL_MOD, client->fd, &event) != 0)
		die("epoll_ctl");
}

static void
client_send(struct client *client)
{
	while (client->sent < client->request_len ||
	    client->body_sent < client->body_len) {
		size_t head = client->request_len - client->sent;
		ssize_t done = stream_send(client);

		if (done < 0 && errno == EAGAIN) {
			events_set(client, !client->sends_on_read);
			return;
		}
		if (done < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			/* Reading tells how it ended, and what is to be done. */
			events_set(client, false);
			return;
		}
		if (done < 0)
			die("send");
		if ((size_t)done < head)
			head = (size_t)done;
		client->sent += head;
		client->body_sent += (size_t)done - head;
	}
	events_set(client, false);
}

static void
client_open(struct client *client)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	client->waits_to_send = false;
	client->closing = false;
	client->carried = 0;
	stream_open(client);
	if (epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event) != 0)
		die("epoll_ctl");
}

/* A server may end a connection after so many requests, if it says so. */
static void
client_next(struct client *client)
{
	if (!request_make(client))
		return;
	if (client->closing || (settings.fresh != 0 && client->carried > 0)) {
		stream_close(client);
		client_open(client);
		totals.reopened++;
	}
	client_send(client);
}

/*
 * A server may also end a connection between two requests, without a word
 * (RFC 9112 9.3.1). A safe request that got no byte of an answer is sent
 * again, once for each connection that carried one before.
 */
static void
client_ended(struct client *client)
{
	bool safe = client->step == STEP_GET || client->step == STEP_RANGE ||
	    client->step == STEP_PROPFIND || client->step == STEP_STAT ||
	    client->step == STEP_HEAD || client->step == STEP_OPTIONS;
	bool untouched = client->place == IN_HEAD && client->head_len == 0;

	if (!safe || !untouched || client->carried == 0) {
		fprintf(stderr,
		    "davload: the server closed a connection "
		    "within %.*s\n",
		    (int)strcspn(client->request, "\r"), client->request);
		exit(1);
	}
	stream_close(client);
	client_open(client);
	totals.reopened++;
	client->sent = 0;
	client_send(client);
}

static void
client_read(struct client *client)
{
	static char block[TAIL_MAX + BLOCK];

	if (client->sends_on_read)
		client_send(client);
	for (int i = 0; i < READS || stream_holds(client); i++) {
		ssize_t got = stream_receive(client, block + TAIL_MAX, BLOCK);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0 && !client->under_way)
			return;
		if (got == 0 || (got < 0 && errno == ECONNRESET)) {
			client_ended(client);
			return;
		}
		if (got < 0)
			die("recv");
		if (!client->under_way)
			die("bytes that nobody asked for");
		if (answer_take(client, block + TAIL_MAX, (size_t)got)) {
			client->carried++;
			answer_count(client);
			client_next(client);
			return;
		}
		if (got < BLOCK / 4 && client->tls == NULL)
			return;
	}
}

static bool
load_ended(uint64_t end_ns)
{
	if (totals.requests >= settings.count)
		return true;
	if (now_ns() < end_ns)
		return false;
	/* One answer at least, however slow. */
	if (totals.requests == 0 && settings.count == UINT64_MAX &&
	    settings.partial == 0 && now_ns() < end_ns + PATIENCE_NS)
		return false;
	if (settings.count != UINT64_MAX) {
		fprintf(stderr, "davload: %llu of %llu requests in %.0f s\n",
		    (unsigned long long)totals.requests,
		    (unsigned long long)settings.count, settings.seconds);
		exit(1);
	}
	return true;
}

/* What came of answers that the end of the time cut short: a byte of them
 * that was not the right one counts as a wrong answer. */
static void
cut_count(void)
{
	if (settings.partial == 0)
		return;
	for (int i = 0; i < settings.connections; i++) {
		if (!clients[i].under_way)
			continue;
		totals.partial_bytes += clients[i].body_bytes;
		if (clients[i].differs)
			totals.wrong++;
	}
	totals.ended_ns = now_ns();
}

void
load_run(void)
{
	struct epoll_event event[EVENTS];
	uint64_t end_ns;

	stream_prepare();
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0)
		die("epoll_create1");
	for (int i = 0; i < settings.connections; i++) {
		clients[i].id = i;
		client_open(&clients[i]);
	}
	totals.begun_ns = totals.ended_ns = now_ns();
	end_ns = totals.begun_ns + (uint64_t)(settings.seconds * 1e9);
	for (int i = 0; i < settings.connections; i++)
		client_next(&clients[i]);
	while (!load_ended(end_ns)) {
		int count = epoll_wait(poller, event, EVENTS, WAIT_MS);

		for (int i = 0; i < count; i++) {
			struct client *client = event[i].data.ptr;

			if ((event[i].events & EPOLLOUT) != 0)
				client_send(client);
			if ((event[i].events & ~(unsigned)EPOLLOUT) != 0)
				client_read(client);
		}
	}
	cut_count();
}
