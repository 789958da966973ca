/*
 * Sockets: level-triggered epoll. A request is sent as soon as the answer
 * before it is complete; EPOLLOUT is asked for only while the socket is full.
 */
#include "davload.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

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

/* One piece: the head and as much of the body as the pattern holds. */
static ssize_t
piece_send(struct client *client)
{
	uint64_t rest = client->body_len - client->body_sent;
	struct iovec part[2] = { { .iov_base = client->request + client->sent,
	    .iov_len = client->request_len - client->sent } };
	struct msghdr message = { .msg_iov = part, .msg_iovlen = 1 };

	if (rest > 0) {
		part[1].iov_base = content_at(client->target,
		    client->body_sent);
		part[1].iov_len = rest < BLOCK ? (size_t)rest : BLOCK;
		message.msg_iovlen = 2;
	}
	return sendmsg(client->fd, &message, MSG_NOSIGNAL);
}

static void
client_send(struct client *client)
{
	while (client->sent < client->request_len ||
	    client->body_sent < client->body_len) {
		size_t head = client->request_len - client->sent;
		ssize_t done = piece_send(client);

		if (done < 0 && errno == EAGAIN) {
			events_set(client, true);
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
	int on = 1;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	client->waits_to_send = false;
	client->closing = false;
	client->carried = 0;
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 ||
	    connect(client->fd, (struct sockaddr *)&settings.address,
		sizeof(settings.address)) != 0)
		die("connect");
	if (setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) !=
		0 ||
	    fcntl(client->fd, F_SETFL, O_NONBLOCK) != 0)
		die("socket options");
	if (epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event) != 0)
		die("epoll_ctl");
}

/* A server may end a connection after so many requests, if it says so. */
static void
client_next(struct client *client)
{
	if (client->closing) {
		(void)close(client->fd); /* nothing of ours is on it */
		client_open(client);
		totals.reopened++;
	}
	if (request_make(client))
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
	    client->step == STEP_PROPFIND || client->step == STEP_OPTIONS;
	bool untouched = client->place == IN_HEAD && client->head_len == 0;

	if (!safe || !untouched || client->carried == 0) {
		fprintf(stderr,
		    "davload: the server closed a connection "
		    "within %.*s\n",
		    (int)strcspn(client->request, "\r"), client->request);
		exit(1);
	}
	(void)close(client->fd); /* nothing of ours is on it */
	client_open(client);
	totals.reopened++;
	client->sent = 0;
	client_send(client);
}

static void
client_read(struct client *client)
{
	static char block[TAIL_MAX + BLOCK];

	for (int i = 0; i < READS; i++) {
		ssize_t got = recv(client->fd, block + TAIL_MAX, BLOCK, 0);

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
		if (got < BLOCK / 4)
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
	    now_ns() < end_ns + PATIENCE_NS)
		return false;
	if (settings.count != UINT64_MAX) {
		fprintf(stderr, "davload: %llu of %llu requests in %.0f s\n",
		    (unsigned long long)totals.requests,
		    (unsigned long long)settings.count, settings.seconds);
		exit(1);
	}
	return true;
}

void
load_run(void)
{
	struct epoll_event event[EVENTS];
	uint64_t end_ns;

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
}
