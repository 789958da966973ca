/*
 * Slow clients of R5, many of each kind, on one thread that hardly works:
 *
 *	slow PORT EACH SOURCES AUTH FILE TLS
 *
 * header: one byte of a header every 10 s. body: one byte of a body a second.
 * reader: a window of 1 KiB, 1 KiB a second. idle: one request, then nothing.
 * Who is cut begins anew a second later. Says "up" when all have been connected once; at
 * SIGTERM says for each kind how many were cut, after how many seconds, and
 * how many ended otherwise, as JSON.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "wire.h"

enum {
	KINDS = 4,
	TICK_MS = 100,
	EVENTS = 512,
	BURST = 200,
	SEGMENT = 1448 /* as of a network: buffers in the kernel follow it */
};

static const uint64_t second_ns = 1000000000;

enum kind { KIND_HEADER, KIND_BODY, KIND_READER, KIND_IDLE };

static const char *const kind_name[KINDS] = { "header", "body", "reader",
	"idle" };
/* Nanoseconds between two acts of a kind. */
static const uint64_t kind_pause[KINDS] = { 10000000000, 1000000000, 1000000000,
	0 };

struct client {
	struct wire wire;
	enum kind kind;
	unsigned number;
	bool begun;       /* its request was sent */
	bool waits;       /* to connect again */
	uint64_t next_ns; /* when it acts again; 0: never by itself */
};

struct figures {
	uint64_t opened, cut, refused;
	double least, most; /* seconds until cut */
	double slowest;     /* seconds to connect */
};

static struct target target, narrow;
static struct figures figures[KINDS];
static char request[KINDS][2048];
static volatile sig_atomic_t ended;

static void
end_asked(int number)
{
	(void)number;
	ended = 1;
}

static void
requests_make(const char *port, const char *auth, const char *file)
{
	const char *head = "Host: 127.0.0.1:%s\r\nAuthorization: %s\r\n";
	char common[1024];
	size_t size = sizeof(request[0]);

	(void)snprintf(common, sizeof(common), head, port, auth);
	(void)snprintf(request[KIND_HEADER], size,
	    "GET / HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nX-Slow: ", port);
	(void)snprintf(request[KIND_BODY], size,
	    "PUT /dav/my-files/slow-body HTTP/1.1\r\n%s"
	    "Content-Length: 1000000\r\n\r\n",
	    common);
	(void)snprintf(request[KIND_READER], size, "GET %s HTTP/1.1\r\n%s\r\n",
	    file, common);
	(void)snprintf(request[KIND_IDLE], size,
	    "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n", port);
}

static void
client_open(struct client *client, int epoll)
{
	struct epoll_event event = { .data.ptr = client,
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	wire_open(&client->wire,
	    client->kind == KIND_READER ? &narrow : &target, client->number);
	client->begun = false;
	client->waits = false;
	client->next_ns = now_ns();
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->wire.fd, &event) != 0)
		die("epoll_ctl");
}

/* Cut is who was connected; who was not was refused. */
static void
client_end(struct client *client)
{
	struct figures *figure = &figures[client->kind];
	double seconds;

	if (client->wire.open_ns == 0) {
		figure->refused++;
	} else {
		seconds = (double)(now_ns() - client->wire.open_ns) /
		    (double)second_ns;
		if (figure->cut == 0 || seconds < figure->least)
			figure->least = seconds;
		if (seconds > figure->most)
			figure->most = seconds;
		figure->cut++;
	}
	wire_close(&client->wire);
	client->waits = true;
	client->next_ns = now_ns() + second_ns;
}

static void
client_begin(struct client *client, uint64_t began_ns)
{
	struct figures *figure = &figures[client->kind];
	const char *text = request[client->kind];
	double took = (double)(now_ns() - began_ns) / (double)second_ns;

	if (took > figure->slowest)
		figure->slowest = took;
	figure->opened++;
	client->begun = true;
	(void)wire_send(&client->wire, text, strlen(text));
	client->next_ns = kind_pause[client->kind] != 0 ?
	    now_ns() + kind_pause[client->kind] :
	    0;
}

static void
client_read(struct client *client)
{
	char bytes[4096];

	while (wire_receive(&client->wire, bytes, sizeof(bytes)) > 0)
		continue;
}

static void
client_act(struct client *client)
{
	char bytes[1024];

	client->next_ns += kind_pause[client->kind];
	if (client->kind == KIND_READER)
		(void)wire_receive(&client->wire, bytes, sizeof(bytes));
	else
		(void)wire_send(&client->wire, "z", 1);
}

static void
client_event(struct client *client, unsigned what)
{
	uint64_t began = client->next_ns;

	if (client->wire.state == WIRE_CONNECTING ||
	    client->wire.state == WIRE_SHAKING) {
		if (wire_advance(&client->wire))
			client_begin(client, began);
	} else if ((what & (EPOLLERR | EPOLLHUP)) != 0) {
		client->wire.state = WIRE_GONE;
	} else if (client->kind != KIND_READER &&
	    (what & (EPOLLIN | EPOLLRDHUP)) != 0) {
		client_read(client);
	}
	if (client->wire.state == WIRE_GONE)
		client_end(client);
}

static void
clients_act(struct client *client, size_t count, int epoll)
{
	uint64_t now = now_ns();

	for (size_t i = 0; i < count; i++) {
		if (client[i].next_ns == 0 || client[i].next_ns > now)
			continue;
		if (client[i].waits) {
			client_open(&client[i], epoll);
			continue;
		}
		if (!client[i].begun)
			continue;
		client_act(&client[i]);
		if (client[i].wire.state == WIRE_GONE)
			client_end(&client[i]);
	}
}

static void
figures_print(void)
{
	printf("{");
	for (int i = 0; i < KINDS; i++)
		printf("%s\"%s\": {\"opened\": %llu, \"cut\": %llu, "
		       "\"refused\": %llu, \"least\": %.2f, \"most\": %.2f, "
		       "\"connect\": %.4f}",
		    i > 0 ? ", " : "", kind_name[i],
		    (unsigned long long)figures[i].opened,
		    (unsigned long long)figures[i].cut,
		    (unsigned long long)figures[i].refused, figures[i].least,
		    figures[i].most, figures[i].slowest);
	printf("}\n");
}

static bool
all_up(const struct client *client, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!client[i].begun && client[i].wire.open_ns == 0)
			return false;
	return true;
}

static void
run(struct client *client, size_t count)
{
	struct epoll_event event[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	size_t opened = 0;
	bool up = false;
	uint64_t tick = 0;

	while (!ended) {
		int got = epoll_wait(epoll, event, EVENTS, TICK_MS);

		for (int i = 0; i < got; i++)
			client_event(event[i].data.ptr, event[i].events);
		if (now_ns() - tick < TICK_MS * (second_ns / 1000))
			continue;
		tick = now_ns();
		for (int i = 0; i < BURST && opened < count; i++)
			client_open(&client[opened++], epoll);
		clients_act(client, opened, epoll);
		if (!up && opened == count && all_up(client, count)) {
			up = true;
			puts("up");
			(void)fflush(stdout);
		}
	}
	figures_print();
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end_asked };
	struct client *client;
	size_t count;

	if (argc != 7) {
		fprintf(stderr, "slow PORT EACH SOURCES AUTH FILE TLS\n");
		return 2;
	}
	(void)sigaction(SIGTERM, &action, NULL);
	target_init(&target, number_read(argv[1]), number_read(argv[6]) != 0);
	target.sources = number_read(argv[3]);
	target.segment = SEGMENT;
	narrow = target;
	narrow.window = 1024;
	requests_make(argv[1], argv[4], argv[5]);
	count = (size_t)number_read(argv[2]) * KINDS;
	client = calloc(count, sizeof(*client));
	if (client == NULL)
		die("calloc");
	for (size_t i = 0; i < count; i++) {
		client[i].kind = (enum kind)(i % KINDS);
		client[i].number = (unsigned)i;
	}
	run(client, count);
	return 0;
}
