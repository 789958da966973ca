/* The server of one loop and the service behind the paths. */
#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
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

/* ---- The service --------------------------------- */

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
		visit->timer = evtimer_new(visit->fixture->base, call, visit);
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
	return PENDING;
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
	visit_bytes(visit,
	    arena_copy(visit->request->arena, buffer_text(&visit->body)));
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
	return PENDING;
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
		return PENDING;
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
	{ "/bytes", path_bytes },
	{ "/echo", path_echo },
	{ "/pause", path_pause },
	{ "/refuse", path_refuse },
	{ "/late", path_late },
	{ "/never", path_never },
	{ "/file", path_file },
	{ "/short", path_short },
	{ "/held", path_held },
	{ "/cutheld", path_cutheld },
	{ "/source", path_source },
	{ "/broken", path_broken },
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

/* ---- The loop --------------------------------- */

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
	if (order == 's')
		usleep(200000);
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
	    getsockname(fixture->listener, (struct sockaddr *)&address, &len) !=
		0)
		abort();
	fixture->port = ntohs(address.sin_port);
}

struct fixture *
fixture_new(struct conf *conf, struct tls_context *tls)
{
	struct fixture *fixture = memory_alloc(sizeof(*fixture));
	struct http_service service = {
		.head = service_head, .done = service_done, .context = fixture
	};

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
	fixture->end_event = event_new(fixture->base, -1, EV_PERSIST, end_event,
	    fixture);
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
