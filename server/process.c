/*
 * Start and end are one list of steps; process_end() undoes whatever of them
 * was done, in reverse.
 */
#include "server/process.h"

#include <errno.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/access_log.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/memory.h"
#include "server/base/scope.h"
#include "server/handover.h"
#include "server/http/tls_dates.h"
#include "server/metrics.h"
#include "server/privileges.h"
#include "server/sandbox.h"
#include "server/serve.h"
#include "server/tidy.h"
#include "server/typist.h"

enum { PATIENCE_SECONDS = 2, LOOK_MS = 50 };

struct process {
	struct server server;
	struct tls_context *tls; /* counted */
	struct tidy *tidy;
	struct typist *typist;
	pthread_t *thread; /* owned, one per loop */
	size_t running;    /* loops whose thread was started */
};

static bool
failed(const char *what, struct buffer *message)
{
	log_message(LOG_LEVEL_ERROR, "start", "%s: %.*s", what,
	    TEXT_ARGS(buffer_text(message)));
	buffer_done(message);
	return false;
}

static bool
tls_open(struct process *process, const struct socket_set *sockets)
{
	const struct conf *conf = process->server.conf;
	struct buffer message;
	bool wanted = false;

	for (size_t i = 0; i < sockets->count; i++)
		wanted = wanted || sockets->entry[i].kind == SOCKET_TLS;
	if (!wanted)
		return true;
	buffer_init(&message, 0);
	if (tls_context_new(conf->tls.certificate, conf->tls.key, &message,
		&process->tls) != OK)
		return failed("tls", &message);
	if (!tls_dates_hold(conf->tls.certificate, &message))
		log_message(LOG_LEVEL_WARNING, "certificate", "%.*s",
		    TEXT_ARGS(buffer_text(&message)));
	buffer_done(&message);
	return true;
}

static bool
store_start(struct process *process)
{
	struct server *server = &process->server;
	struct buffer message;

	buffer_init(&message, 0);
	if (store_open(server->conf, STORE_USE, &message, &server->store) != OK)
		return failed("store", &message);
	buffer_done(&message);
	server->authenticator = authenticator_new(server->store);
	server->share = share_new((size_t)server->conf->limits.queue_slow);
	return workers_start(server->conf, &server->workers) == OK &&
	    tidy_start(server, &process->tidy) == OK &&
	    typist_start(server, &process->typist) == OK;
}

/* Inherited sockets are shared with the next process, not closed by it. */
static size_t
listeners_of(struct process *process, const struct socket_set *sockets,
    size_t loop, struct listener **ret_listener)
{
	struct listener *listener = memory_array(sockets->count,
	    sizeof(*listener));
	size_t count = 0;

	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_entry *entry = &sockets->entry[i];

		if (entry->loop != loop)
			continue;
		(void)fcntl(entry->fd, F_SETFD, FD_CLOEXEC);
		listener[count++] = (struct listener){ .fd = entry->fd,
			.admin = entry->kind == SOCKET_ADMIN,
			.tls = entry->kind == SOCKET_TLS ?
			    tls_context_ref(process->tls) :
			    NULL };
	}
	*ret_listener = listener;
	return count;
}

static void *
loop_thread(void *context)
{
	loop_run(context);
	return NULL;
}

static bool
loops_start(struct process *process, const struct socket_set *sockets)
{
	struct server *server = &process->server;
	size_t loops = 0;

	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->entry[i].loop >= loops)
			loops = sockets->entry[i].loop + 1;
	server->loop = memory_array(loops, sizeof(struct loop *));
	process->thread = memory_array(loops, sizeof(pthread_t));
	for (size_t i = 0; i < loops; i++) {
		struct listener *listener;
		size_t count = listeners_of(process, sockets, i, &listener);

		if (loop_new(server, serve_services(), listener, count,
			&server->loop[i]) != OK)
			return false;
		server->loop_count++;
	}
	for (size_t i = 0; i < loops; i++) {
		if (pthread_create(&process->thread[i], NULL, loop_thread,
			server->loop[i]) != 0)
			return false;
		process->running++;
	}
	return true;
}

static bool
process_start(struct process *process, const struct socket_set *sockets)
{
	const struct conf *conf = process->server.conf;

	descriptors_raise();
	if (!access_log_open(conf->log.access, &process->server.access_fd)) {
		log_message(LOG_LEVEL_ERROR, "start", "%s: %s",
		    conf->log.access, strerrordesc_np(errno));
		return false;
	}
	if (evthread_use_pthreads() != 0)
		return false;
	metrics_register();
	log_register_metrics();
	connection_metrics_register();
	return tls_open(process, sockets) &&
	    privileges_drop(conf->store.path) && parent_watch() &&
	    sandbox_files(conf) && store_start(process) &&
	    loops_start(process, sockets) && sandbox_calls(conf);
}

static size_t
connections_left(const struct server *server)
{
	size_t left = 0;

	for (size_t i = 0; i < server->loop_count; i++)
		left += loop_connections(server->loop[i]);
	return left;
}

static void
process_drain(struct server *server, uint64_t idle_ns)
{
	uint64_t end = clock_monotonic_ns() +
	    server->conf->limits.drain_seconds * NS_PER_SECOND;
	struct timespec look = { .tv_nsec = LOOK_MS * 1000000 };

	atomic_store(&server->draining, true);
	for (size_t i = 0; i < server->loop_count; i++)
		loop_drain(server->loop[i], idle_ns);
	do
		(void)nanosleep(&look, NULL);
	while (connections_left(server) > 0 && clock_monotonic_ns() < end);
	if (connections_left(server) > 0)
		log_message(LOG_LEVEL_WARNING, "drain",
		    "%zu connections are cut after %llu s",
		    connections_left(server),
		    (unsigned long long)server->conf->limits.drain_seconds);
	for (size_t i = 0; i < server->loop_count; i++)
		loop_cut(server->loop[i]);
}

static void
process_end(struct process *process)
{
	struct server *server = &process->server;

	for (size_t i = 0; i < process->running; i++)
		loop_stop(server->loop[i]);
	for (size_t i = 0; i < process->running; i++)
		(void)pthread_join(process->thread[i], NULL);
	typist_stop(process->typist);
	tidy_stop(process->tidy);
	workers_stop(server->workers);
	share_free(server->share);
	authenticator_free(server->authenticator);
	store_close(server->store);
	for (size_t i = 0; i < server->loop_count; i++)
		loop_free(server->loop[i]);
	process->tls = tls_context_unref(process->tls);
	free(server->loop);
	free(process->thread);
	server->conf = conf_unref(server->conf);
}

/* Threads inherit the mask, so signals come to sigwait() alone. */
static void
signals_block(sigset_t *ret_set)
{
	(void)signal(SIGPIPE, SIG_IGN); /* a write answers EPIPE */
	(void)signal(SIGXFSZ, SIG_IGN); /* a write answers EFBIG */
	(void)sigemptyset(ret_set);
	(void)sigaddset(ret_set, SIGTERM);
	(void)sigaddset(ret_set, SIGINT);
	(void)sigaddset(ret_set, SIGUSR1);
	(void)sigaddset(ret_set, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

int
process_run(struct conf *conf, const struct socket_set *sockets, int ready_fd)
{
	struct process process = { .server = { .conf = conf_ref(conf),
				       .access_fd = -1 } };
	const char form = HANDOVER_FORM;
	sigset_t signals;
	int signal_number = SIGTERM, status = 1;

	log_set_level((enum log_level)conf->log.level);
	signals_block(&signals);
	/* Nobody reads: the supervisor is gone already. */
	if (process_start(&process, sockets) &&
	    write(ready_fd, &form, 1) == 1) {
		status = 0;
		fd_close(ready_fd);
		do
			(void)sigwait(&signals, &signal_number);
		while (signal_number == SIGHUP || signal_number == SIGINT);
		process_drain(&process.server,
		    signal_number == SIGUSR1 ?
			PATIENCE_SECONDS * NS_PER_SECOND :
			0);
	}
	process_end(&process);
	return status;
}

bool
process_supervised(const char *file, int *ret_status)
{
	const char *text = getenv("CELLDAV_SOCKETS");
	const char *ready = getenv("CELLDAV_READY");
	struct socket_set *sockets;
	struct conf *conf;
	struct buffer message;
	uint64_t ready_fd;

	if (text == NULL || ready == NULL ||
	    !text_parse_u64(text_from(ready), 10, &ready_fd) ||
	    ready_fd > INT32_MAX)
		return false;
	*ret_status = 1;
	sockets = memory_alloc(sizeof(*sockets));
	buffer_init(&message, 0);
	if (!listen_import(text, sockets))
		fprintf(stderr, "celldav: CELLDAV_SOCKETS is malformed\n");
	else if (conf_load(file, &message, &conf) != OK)
		(void)failed("configuration", &message);
	else {
		*ret_status = process_run(conf, sockets, (int)ready_fd);
		(void)conf_unref(conf);
	}
	buffer_done(&message);
	free(sockets);
	return true;
}
