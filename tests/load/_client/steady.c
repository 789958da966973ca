/*
 * Many keep-alive connections that each repeat a list of requests, and count
 * what becomes of them:
 *
 *	steady -p PORT -f REQUESTS [-c CONNECTIONS] [-s SECONDS] [-r RATE]
 *	    [-a AUTHORIZATION] [-n SOURCES] [-o SECONDS] [-t]
 *
 * A line of REQUESTS: METHOD, path, allowed statuses, length of the body,
 * further header lines, divided by tabs; {c} is the number of the connection,
 * {n} of its round. With a rate (requests/s of all) each request has a time at
 * which it is due, and its latency counts from there; without one the next
 * follows the answer. An answer later than -o seconds is a failure. -t: TLS.
 * SIGTERM ends it early. It prints JSON, with answers per half second.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "answer.h"
#include "wire.h"

enum {
	LINES_MAX = 64,
	EVENTS = 256,
	STATUSES = 600,
	SLOTS = 8192,
	HALF_MS = 500,
	BODY_MAX = 1 << 20
};

static const uint64_t second_ns = 1000000000;

struct line {
	char *method, *path, *allowed, *header; /* owned by the file's text */
	size_t body;
};

struct client {
	struct wire wire;
	unsigned number;
	uint64_t round, due_ns, begun_ns;
	size_t line;
	bool busy;   /* a request is under way */
	bool reused; /* the connection has answered before */
	size_t sent, size;
	char *request; /* owned: head and body */
	struct answer answer;
};

struct failures {
	uint64_t refused, reset, closed, status, late, malformed, no_retry;
};

static struct {
	struct target target;
	struct line line[LINES_MAX];
	size_t lines, count;
	double seconds, rate, patience;
	const char *auth;
} plan = { .count = 1, .seconds = 1, .patience = 60, .auth = "" };

static struct failures failures;
static uint64_t statuses[STATUSES];
static uint32_t *latency; /* µs of what was right */
static size_t latencies, latencies_max;
static uint64_t good_at[SLOTS], bytes_got, began_ns;
static double worst_gap; /* seconds between two right answers */
static uint64_t last_good_ns;
static char first_wrong[512];
static volatile sig_atomic_t ended;

static void
end_asked(int number)
{
	(void)number;
	ended = 1;
}

/* ---- Requests --------------------------------------------------------- */

static void
lines_read(const char *name)
{
	static char text[65536];
	FILE *file = fopen(name, "r");
	size_t len = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
	char *save = NULL;

	if (len == 0)
		die(name);
	(void)fclose(file);
	for (char *row = strtok_r(text, "\n", &save);
	    row != NULL && plan.lines < LINES_MAX;
	    row = strtok_r(NULL, "\n", &save)) {
		struct line *line = &plan.line[plan.lines++];
		char *body;

		line->method = strsep(&row, "\t");
		line->path = strsep(&row, "\t");
		line->allowed = strsep(&row, "\t");
		body = strsep(&row, "\t");
		line->header = row != NULL ? row : text + len;
		line->body = body != NULL ? strtoul(body, NULL, 10) : 0;
		if (body == NULL || line->body > BODY_MAX)
			die("a line of the requests");
	}
}

/* Copies with {c} and {n} filled in; tabs part header lines. */
static void
text_fill(FILE *out, const char *text, const struct client *client)
{
	for (; *text != '\0'; text++) {
		if (strncmp(text, "{c}", 3) == 0)
			fprintf(out, "%u", client->number), text += 2;
		else if (strncmp(text, "{n}", 3) == 0)
			fprintf(out, "%llu", (unsigned long long)client->round),
			    text += 2;
		else if (*text == '\t')
			fputs("\r\n", out);
		else
			fputc(*text, out);
	}
}

static void
request_make(struct client *client)
{
	const struct line *line = &plan.line[client->line];
	FILE *out;

	free(client->request);
	out = open_memstream(&client->request, &client->size);
	if (out == NULL)
		die("open_memstream");
	fprintf(out, "%s ", line->method);
	text_fill(out, line->path, client);
	fprintf(out, " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n",
	    ntohs(plan.target.address.sin_port));
	if (plan.auth[0] != '\0')
		fprintf(out, "Authorization: %s\r\n", plan.auth);
	if (line->header[0] != '\0') {
		text_fill(out, line->header, client);
		fputs("\r\n", out);
	}
	if (line->body > 0 || strcmp(line->method, "PUT") == 0)
		fprintf(out, "Content-Length: %zu\r\n", line->body);
	fputs("\r\n", out);
	for (size_t i = 0; i < line->body; i++)
		fputc('a' + (int)((i + client->round) % 26), out);
	(void)fclose(out);
	client->sent = 0;
	client->busy = true;
	client->begun_ns = plan.rate > 0 ? client->due_ns : now_ns();
	answer_begin(&client->answer);
}

/* ---- Connections ------------------------------------------------------ */

static void
client_open(struct client *client, int epoll)
{
	struct epoll_event event = { .data.ptr = client,
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };

	wire_open(&client->wire, &plan.target, client->number);
	client->reused = false;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->wire.fd, &event) != 0)
		die("epoll_ctl");
}

static void
wrong_note(const struct client *client, const char *what)
{
	const struct line *line = &plan.line[client->line];

	if (first_wrong[0] == '\0')
		(void)snprintf(first_wrong, sizeof(first_wrong),
		    "%s %s %u/%llu: %s %d at %.2f s", line->method, line->path,
		    client->number, (unsigned long long)client->round, what,
		    client->answer.status,
		    (double)(now_ns() - began_ns) / (double)second_ns);
}

static void
client_next(struct client *client)
{
	client->busy = false;
	if (++client->line == plan.lines) {
		client->line = 0;
		client->round++;
	}
	if (plan.rate > 0)
		client->due_ns += (uint64_t)((double)plan.count / plan.rate *
		    (double)second_ns);
}

/* What was under way is lost; the next request has a new connection. */
static void
client_lost(struct client *client, int epoll)
{
	bool opened = client->wire.open_ns != 0;

	if (client->busy) {
		uint64_t *count = !opened  ? &failures.refused :
		    client->wire.was_reset ? &failures.reset :
					     &failures.closed;

		++*count;
		wrong_note(client, !opened ? "refused" : "lost");
		client_next(client);
	}
	wire_close(&client->wire);
	client_open(client, epoll);
}

static bool
status_allowed(const struct client *client)
{
	char text[8];

	(void)snprintf(text, sizeof(text), "%d", client->answer.status);
	return strstr(plan.line[client->line].allowed, text) != NULL;
}

static void
good_note(uint64_t begun_ns)
{
	uint64_t now = now_ns();
	uint64_t slot = (now - began_ns) / (HALF_MS * (second_ns / 1000));
	double gap = (double)(now - last_good_ns) / (double)second_ns;

	worst_gap = gap > worst_gap ? gap : worst_gap;
	last_good_ns = now;
	good_at[slot < SLOTS ? slot : SLOTS - 1]++;
	if (latencies == latencies_max) {
		latencies_max = latencies_max * 2 + 65536;
		latency = realloc(latency, latencies_max * sizeof(*latency));
		if (latency == NULL)
			die("realloc");
	}
	latency[latencies++] = now > begun_ns ?
	    (uint32_t)((now - begun_ns) / 1000) :
	    0;
}

static void
client_answered(struct client *client, int epoll)
{
	const struct answer *answer = &client->answer;

	if (answer->status > 0 && answer->status < STATUSES)
		statuses[answer->status]++;
	bytes_got += answer->bytes;
	if (status_allowed(client))
		good_note(client->begun_ns);
	else if (answer->status == 503 || answer->status == 429)
		failures.no_retry += !answer->retry;
	else {
		failures.status++;
		wrong_note(client, "status");
	}
	client->reused = true;
	client_next(client);
	if (answer->closes) {
		wire_close(&client->wire);
		client_open(client, epoll);
	}
}

static void
client_send(struct client *client)
{
	while (client->busy && client->sent < client->size) {
		size_t done = wire_send(&client->wire,
		    client->request + client->sent,
		    client->size - client->sent);

		if (done == 0)
			return;
		client->sent += done;
	}
}

static void
client_receive(struct client *client, int epoll)
{
	char bytes[65536];
	size_t got;

	while (client->wire.state == WIRE_OPEN &&
	    (got = wire_receive(&client->wire, bytes, sizeof(bytes))) > 0) {
		if (!client->busy) {
			failures.malformed++;
			wrong_note(client, "bytes that nobody asked for");
			client->wire.state = WIRE_GONE;
			return;
		}
		answer_take(&client->answer, bytes, got);
		if (client->answer.place == IN_ERROR) {
			failures.malformed++;
			wrong_note(client, "malformed");
			client_next(client);
			client->wire.state = WIRE_GONE;
		} else if (client->answer.place == IN_DONE)
			client_answered(client, epoll);
	}
}

static void
client_go(struct client *client, int epoll)
{
	if (client->wire.state != WIRE_OPEN) {
		if (!wire_advance(&client->wire) &&
		    client->wire.state == WIRE_GONE)
			client_lost(client, epoll);
		if (client->wire.state != WIRE_OPEN)
			return;
	}
	if (!client->busy && !ended &&
	    (plan.rate <= 0 || client->due_ns <= now_ns()))
		request_make(client);
	client_send(client);
	client_receive(client, epoll);
	if (client->wire.state == WIRE_GONE)
		client_lost(client, epoll);
}

/* Those that are due, late, or idle without a rate. */
static void
clients_look(struct client *client, int epoll)
{
	uint64_t now = now_ns();
	uint64_t late = (uint64_t)(plan.patience * (double)second_ns);

	for (size_t i = 0; i < plan.count; i++) {
		if (client[i].busy && now > client[i].begun_ns + late) {
			failures.late++;
			wrong_note(&client[i], "late");
			client_next(&client[i]);
			client[i].wire.state = WIRE_GONE;
			client_lost(&client[i], epoll);
		} else if (!client[i].busy &&
		    (plan.rate <= 0 || client[i].due_ns <= now) &&
		    client[i].wire.state == WIRE_OPEN)
			client_go(&client[i], epoll);
	}
}

static bool
any_busy(const struct client *client)
{
	for (size_t i = 0; i < plan.count; i++)
		if (client[i].busy)
			return true;
	return false;
}

static void
run(struct client *client)
{
	struct epoll_event event[EVENTS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t looked = 0, end;

	began_ns = now_ns();
	last_good_ns = began_ns;
	end = began_ns + (uint64_t)(plan.seconds * (double)second_ns);
	for (size_t i = 0; i < plan.count; i++) {
		client[i].number = (unsigned)i;
		client[i].line = i % plan.lines;
		if (plan.rate > 0)
			client[i].due_ns = began_ns +
			    (uint64_t)((double)i / plan.rate *
				(double)second_ns);
		client_open(&client[i], epoll);
	}
	while (!ended || any_busy(client)) {
		int got = epoll_wait(epoll, event, EVENTS,
		    plan.rate > 0 ? 1 : 20);

		for (int i = 0; i < got; i++)
			client_go(event[i].data.ptr, epoll);
		if (now_ns() >= end)
			ended = 1;
		if (plan.rate > 0 || now_ns() - looked > 20 * 1000000) {
			looked = now_ns();
			clients_look(client, epoll);
		}
	}
}

/* ---- The report ------------------------------------------------------- */

static int
latency_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double
percentile(double part)
{
	if (latencies == 0)
		return 0;
	return latency[(size_t)((double)(latencies - 1) * part)] / 1000.0;
}

static void
report_print(void)
{
	const char *comma = "";
	size_t slots = SLOTS;
	double took = (double)(now_ns() - began_ns) / (double)second_ns;

	if (latencies > 0)
		qsort(latency, latencies, sizeof(*latency), latency_compare);
	printf("{\"good\": %zu, \"seconds\": %.3f, \"bytes\": %llu, "
	       "\"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f, "
	       "\"gap\": %.3f, ",
	    latencies, took, (unsigned long long)bytes_got, percentile(0.5),
	    percentile(0.99), percentile(0.999), percentile(1), worst_gap);
	printf("\"refused\": %llu, \"reset\": %llu, \"closed\": %llu, "
	       "\"wrong\": %llu, \"late\": %llu, \"malformed\": %llu, "
	       "\"no_retry\": %llu, \"first\": \"%s\", \"status\": {",
	    (unsigned long long)failures.refused,
	    (unsigned long long)failures.reset,
	    (unsigned long long)failures.closed,
	    (unsigned long long)failures.status,
	    (unsigned long long)failures.late,
	    (unsigned long long)failures.malformed,
	    (unsigned long long)failures.no_retry, first_wrong);
	for (int i = 0; i < STATUSES; i++)
		if (statuses[i] > 0) {
			printf("%s\"%d\": %llu", comma, i,
			    (unsigned long long)statuses[i]);
			comma = ", ";
		}
	while (slots > 0 && good_at[slots - 1] == 0)
		slots--;
	printf("}, \"series\": [");
	for (size_t i = 0; i < slots; i++)
		printf("%s%llu", i > 0 ? ", " : "",
		    (unsigned long long)good_at[i]);
	printf("]}\n");
}

static void
options_read(int argc, char **argv)
{
	int option, port = 0, sources = 0;
	const char *requests = NULL;
	bool tls = false;

	while ((option = getopt(argc, argv, "p:f:c:s:r:a:n:o:t")) != -1) {
		switch (option) {
		case 'p':
			port = number_read(optarg);
			break;
		case 'f':
			requests = optarg;
			break;
		case 'c':
			plan.count = (size_t)number_read(optarg);
			break;
		case 's':
			plan.seconds = atof(optarg);
			break;
		case 'r':
			plan.rate = atof(optarg);
			break;
		case 'a':
			plan.auth = optarg;
			break;
		case 'n':
			sources = number_read(optarg);
			break;
		case 'o':
			plan.patience = atof(optarg);
			break;
		case 't':
			tls = true;
			break;
		default:
			exit(2);
		}
	}
	if (requests == NULL || port == 0)
		die("steady: -p and -f are needed");
	lines_read(requests);
	target_init(&plan.target, port, tls);
	plan.target.sources = sources;
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end_asked };
	struct client *client;

	(void)sigaction(SIGTERM, &action, NULL);
	options_read(argc, argv);
	client = calloc(plan.count, sizeof(*client));
	if (client == NULL)
		die("calloc");
	run(client);
	report_print();
	return 0;
}
