#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/base/memory.h"
#include "server/http/connection.h"
#include "server/http/problem.h"
#include "server/http/tls.h"

struct visit {
	struct body_sink sink;
	struct body_hold hold;
	struct body_source source;
	struct fixture *fixture;
	struct request *request;
	struct buffer body;
	struct event *timer;
	struct visit *next; /* of those that are kept */
	int fd;
	uint64_t number, made;
	bool pausing, waited, released;
};

struct fixture {
	struct event_base *base;
	struct connections *connections;
	struct conf *conf;
	struct tls_context *tls;
	struct event *accept_event, *order_event, *end_event;
	struct visit *kept;
	struct fixture_counts counts;
	pthread_t thread;
	int listener, orders[2];
	unsigned port;
};

char
pattern_byte(uint64_t at)
{
	return (char)('a' + (at * 7 + at / 251) % 26);
}

/* ---- The service ---------------------------------------------------------- */

static struct visit *
visit_of(struct request *request)
{
	return request->user;
}

static void
visit_time(struct visit *visit, int milliseconds, event_callback_fn call)
{
	struct timeval wait = { .tv_usec = milliseconds * 1000 };

	if (visit->timer == NULL)
		visit->timer = evtimer_new(visit->fixture->base, call,
		    visit);
	evtimer_add(visit->timer, &wait);
}

static void
visit_bytes(struct visit *visit, struct text bytes) ON_LOOP
{
	struct response *response = &visit->request->response;

	response->status = 200;
	response_bytes(response, "text/plain", bytes);
	request_reply(visit->request);
}

static void
late_event(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	thread_enter_loop();
	visit_bytes(context, TEXT("late"));
}

static void
resume_event(evutil_socket_t fd, short what, void *context)
{
	struct visit *visit = context;

	(void)fd;
	(void)what;
	thread_enter_loop();
	request_resume_body(visit->request);
}

static enum outcome
sink_write(struct body_sink *sink, struct text bytes)
{
	struct visit *visit = (struct visit *)sink;

	buffer_append(&visit->body, bytes);
	if (!visit->pausing)
		return OK;
	visit_time(visit, 1, resume_event);
	return BUSY;
}

static void
sink_end(struct body_sink *sink, enum outcome outcome)
{
	struct visit *visit = (struct visit *)sink;

	thread_enter_loop();
	if (outcome != OK) {
		problem_respond(visit->request, outcome, NULL);
		request_reply(visit->request);
		return;
	}
	visit_bytes(visit, arena_copy(visit->request->arena,
	    buffer_text(&visit->body)));
}

static void
wake_event(evutil_socket_t fd, short what, void *context)
{
	struct visit *visit = context;

	(void)fd;
	(void)what;
	thread_enter_loop();
	visit->released = true;
	response_wake(visit->request);
}

static enum outcome
hold_ready(struct body_hold *hold)
{
	struct visit *visit = (struct visit *)((char *)hold -
	    offsetof(struct visit, hold));

	if (visit->released)
		return OK;
	visit_time(visit, 100, wake_event);
	return BUSY;
}

static enum outcome
hold_fail(struct body_hold *hold)
{
	(void)hold;
	return DAMAGED;
}

static void
hold_close(struct body_hold *hold)
{
	struct visit *visit = (struct visit *)((char *)hold -
	    offsetof(struct visit, hold));

	close(visit->fd);
	atomic_fetch_add(&visit->fixture->counts.held_closed, 1);
}

static enum outcome
source_fill(struct body_source *source, struct buffer *out, bool *ret_end)
{
	struct visit *visit = (struct visit *)((char *)source -
	    offsetof(struct visit, source));

	if (visit->made % 2 == 1 && !visit->waited) {
		visit->waited = true;
		visit_time(visit, 1, wake_event);
		return BUSY;
	}
	visit->waited = false;
	if (visit->made == visit->number && visit->pausing)
		return IO;
	for (size_t i = 0; visit->made < visit->number && i < 1000; i++)
		buffer_append_byte(out, pattern_byte(visit->made * 1000 + i));
	visit->made += visit->made < visit->number;
	*ret_end = visit->made == visit->number && !visit->pausing;
	return OK;
}

static void
source_close(struct body_source *source)
{
	struct visit *visit = (struct visit *)((char *)source -
	    offsetof(struct visit, source));

	atomic_fetch_add(&visit->fixture->counts.source_closed, 1);
}

static int
pattern_file(uint64_t size)
{
	int fd = memfd_create("pattern", 0);
	char *bytes = memory_alloc(size);

	for (uint64_t i = 0; i < size; i++)
		bytes[i] = pattern_byte(i);
	if (write(fd, bytes, size) != (ssize_t)size)
		abort();
	free(bytes);
	return fd;
}

static void
reply_file(struct visit *visit, uint64_t size,
    enum outcome (*ready)(struct body_hold *hold)) ON_LOOP
{
	struct response *response = &visit->request->response;

	visit->fd = pattern_file(size);
	visit->hold.ready = ready;
	visit->hold.close = hold_close;
	response->status = 200;
	response->hold = &visit->hold;
	response_piece_bytes(response, TEXT("<"));
	response_piece_file(response, visit->fd, 0, visit->number);
	response_piece_bytes(response, TEXT(">"));
	request_reply(visit->request);
}

static void
reply_source(struct visit *visit, bool breaks) ON_LOOP
{
	struct response *response = &visit->request->response;

	visit->pausing = breaks;
	visit->source.fill = source_fill;
	visit->source.close = source_close;
	response->status = 200;
	response->kind = BODY_SOURCE;
	response->source = &visit->source;
	request_reply(visit->request);
}

static void
path_file(struct visit *visit) ON_LOOP
{
	reply_file(visit, visit->number, NULL);
}

static void
path_short(struct visit *visit) ON_LOOP
{
	reply_file(visit, visit->number / 2, NULL);
}

static void
path_held(struct visit *visit) ON_LOOP
{
	reply_file(visit, visit->number, hold_ready);
}

static void
path_cutheld(struct visit *visit) ON_LOOP
{
	reply_file(visit, visit->number, hold_fail);
}

static void
path_source(struct visit *visit) ON_LOOP
{
	reply_source(visit, false);
}

static void
path_broken(struct visit *visit) ON_LOOP
{
	reply_source(visit, true);
}

static void
path_echo(struct visit *visit) ON_LOOP
{
	request_read_body(visit->request, &visit->sink, 64 << 20);
}

static void
path_pause(struct visit *visit) ON_LOOP
{
	visit->pausing = true;
	path_echo(visit);
}

static void
path_refuse(struct visit *visit) ON_LOOP
{
	problem_respond(visit->request, FORBIDDEN, NULL);
	request_reply(visit->request);
}

static void
path_late(struct visit *visit) ON_LOOP
{
	visit_time(visit, 200, late_event);
}

static void
path_never(struct visit *visit) ON_LOOP
{
	visit->next = visit->fixture->kept;
	visit->fixture->kept = visit;
}

static void
path_nothing(struct visit *visit) ON_LOOP
{
	visit->request->response.status = 204;
	request_reply(visit->request);
}

/* Says how the request looks to the service. */
static void
path_bytes(struct visit *visit) ON_LOOP
{
	struct request *request = visit->request;

	response_header_format(&request->response, "X-Seen",
	    "%.*s://%.*s client=%s loopback=%d target=%.*s",
	    TEXT_ARGS(request->scheme), TEXT_ARGS(request->authority),
	    request->peer.name, request->peer.loopback,
	    TEXT_ARGS(request->target));
	visit_bytes(visit, TEXT("hello"));
}

static const struct {
	const char *path;
	void (*run)(struct visit *visit);
} paths[] = {
	{ "/bytes", path_bytes }, { "/echo", path_echo },
	{ "/pause", path_pause }, { "/refuse", path_refuse },
	{ "/late", path_late }, { "/never", path_never },
	{ "/file", path_file }, { "/short", path_short },
	{ "/held", path_held }, { "/cutheld", path_cutheld },
	{ "/source", path_source }, { "/broken", path_broken },
	{ "/nothing", path_nothing },
};

static void
service_head(struct request *request, void *context)
{
	struct fixture *fixture = context;
	struct visit *visit = ARENA_NEW(request->arena, struct visit);
	size_t i = 0;

	thread_enter_loop();
	atomic_fetch_add(&fixture->counts.heads, 1);
	request->user = visit;
	visit->fixture = fixture;
	visit->request = request;
	visit->sink.write = sink_write;
	visit->sink.end = sink_end;
	(void)text_parse_u64(request->query, 10, &visit->number);
	while (i < sizeof(paths) / sizeof(paths[0]) &&
	    !text_equal(request->raw_path, text_from(paths[i].path)))
		i++;
	if (i < sizeof(paths) / sizeof(paths[0])) {
		paths[i].run(visit);
		return;
	}
	problem_respond(request, NOT_FOUND, NULL);
	request_reply(request);
}

static void
service_done(struct request *request, bool sent, void *context)
{
	struct fixture *fixture = context;
	struct visit *visit = visit_of(request);

	atomic_store(&fixture->counts.last_status,
	    (int)request->response.status);
	if (atomic_load(&request->cancelled))
		atomic_fetch_add(&fixture->counts.cancelled, 1);
	if (sent)
		atomic_fetch_add(&fixture->counts.sent, 1);
	if (visit != NULL) {
		if (visit->timer != NULL)
			event_free(visit->timer);
		buffer_done(&visit->body);
	}
	atomic_fetch_add(&fixture->counts.done, 1);
}

/* ---- The loop -------------------------------------------------------------- */

static void
kept_answer(struct fixture *fixture) ON_LOOP
{
	while (fixture->kept != NULL) {
		struct visit *visit = fixture->kept;

		fixture->kept = visit->next;
		visit_bytes(visit, TEXT("at last"));
	}
}

static void
end_event(evutil_socket_t fd, short what, void *context)
{
	struct fixture *fixture = context;

	(void)fd;
	(void)what;
	thread_enter_loop();
	kept_answer(fixture);
	if (connections_count(fixture->connections) == 0)
		event_base_loopbreak(fixture->base);
}

static void
order_event(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval often = { .tv_usec = 5000 };
	struct fixture *fixture = context;
	char order = 0;

	(void)what;
	thread_enter_loop();
	if (read(fd, &order, 1) != 1)
		return;
	if (order == 'a')
		kept_answer(fixture);
	if (order == 'd')
		connections_drain(fixture->connections, 0);
	if (order == 'c' || order == 'q')
		connections_cut(fixture->connections);
	if (order == 'q')
		event_add(fixture->end_event, &often);
}

static void
accept_event(evutil_socket_t fd, short what, void *context)
{
	struct fixture *fixture = context;
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int client = accept(fd, (struct sockaddr *)&address, &len);

	(void)what;
	thread_enter_loop();
	if (client >= 0)
		connection_accept(fixture->connections, client,
		    (struct sockaddr *)&address, fixture->tls, fixture->conf);
}

static void *
loop_main(void *context)
{
	struct fixture *fixture = context;

	event_base_loop(fixture->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void
listener_open(struct fixture *fixture)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);

	fixture->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(fixture->listener, (struct sockaddr *)&address, len) != 0 ||
	    listen(fixture->listener, 64) != 0 ||
	    getsockname(fixture->listener, (struct sockaddr *)&address,
	        &len) != 0)
		abort();
	fixture->port = ntohs(address.sin_port);
}

struct fixture *
fixture_new(struct conf *conf, struct tls_context *tls)
{
	struct fixture *fixture = memory_alloc(sizeof(*fixture));
	struct http_service service = { .head = service_head,
		.done = service_done, .context = fixture };

	thread_enter_loop();
	fixture->conf = conf;
	fixture->tls = tls;
	fixture->base = event_base_new();
	fixture->connections = connections_new(fixture->base, &service);
	listener_open(fixture);
	if (pipe(fixture->orders) != 0)
		abort();
	fixture->accept_event = event_new(fixture->base, fixture->listener,
	    EV_READ | EV_PERSIST, accept_event, fixture);
	fixture->order_event = event_new(fixture->base, fixture->orders[0],
	    EV_READ | EV_PERSIST, order_event, fixture);
	fixture->end_event = event_new(fixture->base, -1, EV_PERSIST,
	    end_event, fixture);
	event_add(fixture->accept_event, NULL);
	event_add(fixture->order_event, NULL);
	if (pthread_create(&fixture->thread, NULL, loop_main, fixture) != 0)
		abort();
	return fixture;
}

void
fixture_order(struct fixture *fixture, char order)
{
	if (write(fixture->orders[1], &order, 1) != 1)
		abort();
}

void
fixture_free(struct fixture *fixture)
{
	int heads, done;

	fixture_order(fixture, 'q');
	pthread_join(fixture->thread, NULL);
	thread_enter_loop();
	heads = atomic_load(&fixture->counts.heads);
	done = atomic_load(&fixture->counts.done);
	if (done < heads)
		abort(); /* a request got lost */
	connections_free(fixture->connections);
	event_free(fixture->accept_event);
	event_free(fixture->order_event);
	event_free(fixture->end_event);
	event_base_free(fixture->base);
	close(fixture->listener);
	close(fixture->orders[0]);
	close(fixture->orders[1]);
	tls_context_unref(fixture->tls);
	conf_unref(fixture->conf);
	free(fixture);
}

struct fixture_counts *
fixture_counts(struct fixture *fixture)
{
	return &fixture->counts;
}

unsigned
fixture_port(const struct fixture *fixture)
{
	return fixture->port;
}

bool
count_reaches(atomic_int *count, int value)
{
	static const struct timespec pause = { .tv_nsec = 5000000 };

	for (int i = 0; i < 1000 && atomic_load(count) < value; i++)
		nanosleep(&pause, NULL);
	return atomic_load(count) >= value;
}

/* ---- The client ------------------------------------------------------------- */

struct client
client_open(const struct fixture *fixture, SSL_CTX *tls)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)fixture->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval wait = { .tv_sec = 20 };
	struct client client = { .fd = socket(AF_INET, SOCK_STREAM, 0) };

	setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(client.fd, (struct sockaddr *)&address,
	    sizeof(address)) != 0)
		abort();
	if (tls == NULL)
		return client;
	client.ssl = SSL_new(tls);
	SSL_set_fd(client.ssl, client.fd);
	if (SSL_connect(client.ssl) != 1) {
		SSL_free(client.ssl);
		client.ssl = NULL;
		close(client.fd);
		client.fd = -1;
	}
	return client;
}

void
client_close(struct client *client)
{
	/* Without a shutdown OpenSSL would not let the session resume. */
	if (client->ssl != NULL)
		(void)SSL_shutdown(client->ssl);
	SSL_free(client->ssl);
	close(client->fd);
	buffer_done(&client->in);
}

bool
client_write(struct client *client, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t sent = client->ssl != NULL ?
		    SSL_write(client->ssl, at, (int)len) :
		    send(client->fd, at, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		at += sent;
		len -= (size_t)sent;
	}
	return true;
}

void
client_send(struct client *client, const char *format, ...)
{
	char bytes[8192];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(bytes, sizeof(bytes), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(bytes))
		abort();
	(void)client_write(client, bytes, (size_t)len);
}

/* Reads some more; false at the end or after a failure. */
static bool
client_more(struct client *client)
{
	char bytes[65536];
	ssize_t got = client->ssl != NULL ?
	    SSL_read(client->ssl, bytes, sizeof(bytes)) :
	    recv(client->fd, bytes, sizeof(bytes), 0);

	if (got <= 0)
		return false;
	buffer_append(&client->in, (struct text){ bytes, (size_t)got });
	return true;
}

/* Moves up to `len` bytes into the body; false: they did not come. */
static bool
body_take(struct client *client, struct answer *answer, uint64_t len)
{
	while (len > 0) {
		size_t part = client->in.len < len ? client->in.len :
		    (size_t)len;

		if (part == 0) {
			if (!client_more(client))
				return false;
			continue;
		}
		buffer_append(&answer->body,
		    text_slice(buffer_text(&client->in), 0, part));
		buffer_consume(&client->in, part);
		len -= part;
	}
	return true;
}

/* The next line without CRLF; false: none came. */
static bool
line_take(struct client *client, char *line, size_t size)
{
	char *end;

	while (client->in.len == 0 || (end = memmem(client->in.ptr,
	    client->in.len, "\r\n", 2)) == NULL)
		if (!client_more(client))
			return false;
	if ((size_t)(end - client->in.ptr) >= size)
		return false;
	memcpy(line, client->in.ptr, (size_t)(end - client->in.ptr));
	line[end - client->in.ptr] = '\0';
	buffer_consume(&client->in, (size_t)(end - client->in.ptr) + 2);
	return true;
}

static bool
chunks_take(struct client *client, struct answer *answer)
{
	char line[64];

	for (;;) {
		unsigned long size;

		if (!line_take(client, line, sizeof(line)) ||
		    line[0] == '\0')
			return false;
		size = strtoul(line, NULL, 16);
		if (!body_take(client, answer, size) ||
		    !line_take(client, line, sizeof(line)) ||
		    line[0] != '\0')
			return false;
		if (size == 0)
			return true;
	}
}

static bool
head_take(struct client *client, struct answer *answer)
{
	char line[2048];
	size_t at = 0;

	if (!line_take(client, line, sizeof(line)) ||
	    sscanf(line, "HTTP/1.1 %u ", &answer->status) != 1)
		return false;
	while (line[0] != '\0') {
		at += (size_t)snprintf(answer->head + at,
		    sizeof(answer->head) - at, "%s\n", line);
		if (at >= sizeof(answer->head) ||
		    !line_take(client, line, sizeof(line)))
			return false;
	}
	return true;
}

const char *
answer_field(const struct answer *answer, const char *name)
{
	static _Thread_local char value[2048];
	const char *at = strchr(answer->head, '\n');
	size_t len = strlen(name);

	for (; at != NULL; at = strchr(at + 1, '\n')) {
		if (strncasecmp(at + 1, name, len) != 0 ||
		    at[1 + len] != ':')
			continue;
		snprintf(value, sizeof(value), "%.*s",
		    (int)strcspn(at + len + 3, "\n"), at + len + 3);
		return value;
	}
	return NULL;
}

struct answer
client_read(struct client *client, const char *method)
{
	struct answer answer = { .status = 0 };
	const char *value;

	if (!head_take(client, &answer)) {
		answer.status = 0;
		return answer;
	}
	if (strcmp(method, "HEAD") == 0 || answer.status == 204 ||
	    answer.status == 304 || answer.status < 200) {
		answer.whole = true;
	} else if (answer_field(&answer, "Transfer-Encoding") != NULL) {
		answer.whole = chunks_take(client, &answer);
	} else if ((value = answer_field(&answer, "Content-Length")) !=
	    NULL) {
		answer.whole = body_take(client, &answer,
		    strtoull(value, NULL, 10));
	} else {
		while (client_more(client))
			continue;
		answer.whole = body_take(client, &answer, client->in.len);
	}
	return answer;
}

void
answer_free(struct answer *answer)
{
	buffer_done(&answer->body);
}

bool
client_ended(struct client *client)
{
	return client->in.len == 0 && !client_more(client) &&
	    (client->ssl != NULL || errno != EAGAIN);
}

bool
pattern_matches(const struct buffer *body, uint64_t from, uint64_t len)
{
	if (body->len < from + len)
		return false;
	for (uint64_t i = 0; i < len; i++)
		if (body->ptr[from + i] != pattern_byte(i))
			return false;
	return true;
}
