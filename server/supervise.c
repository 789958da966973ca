#include "server/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/memory.h"
#include "server/base/scope.h"
#include "server/handover.h"
#include "server/instance.h"
#include "server/listen.h"
#include "server/notify.h"

enum {
	RETIRING_MAX = HANDOVER_RETIRING_MAX,
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 10000,
	STEADY_SECONDS = 60 /* a process that lived so long was well */
};

struct child {
	pid_t pid;    /* 0: none */
	int ready_fd; /* -1: it is ready */
	uint64_t begun_ns;
};

struct supervisor {
	const char *file;
	char *program;     /* owned: path that was started */
	struct conf *conf; /* of `current`; NULL: not readable any more */
	struct conf *next_conf;
	struct socket_set sockets;
	struct child current, next;
	pid_t retiring[RETIRING_MAX];
	int lock_fd, signal_fd;
	unsigned backoff_ms;
	bool announced, ending;
	bool again;          /* a reload was asked for and has to wait */
	bool replaces;       /* after the reload the supervisor goes too */
	uint64_t restart_ns; /* monotonic, 0: nothing to start */
	int status;
};

static bool
say_failed(struct buffer *message)
{
	struct text text = buffer_text(message);

	while (text.len > 0 && text.ptr[text.len - 1] == '\n')
		text.len--;
	fprintf(stderr, "celldav: %.*s\n", TEXT_ARGS(text));
	buffer_done(message);
	return false;
}

/* ---- The server process -------------------------------------------------- */

static void
child_exec(struct supervisor *supervisor, int ready_fd)
{
	char ready[16];
	sigset_t none;
	struct buffer sockets;
	char *const argument[] = { (char *)"celldav", (char *)"-c",
		(char *)supervisor->file, (char *)"serve", NULL };

	buffer_init(&sockets, 0);
	for (size_t i = 0; i < supervisor->sockets.count; i++)
		if (supervisor->sockets.entry[i].wanted)
			(void)fcntl(supervisor->sockets.entry[i].fd, F_SETFD,
			    0);
	(void)fcntl(ready_fd, F_SETFD, 0);
	listen_export(&supervisor->sockets, &sockets);
	buffer_append_byte(&sockets, '\0');
	(void)snprintf(ready, sizeof(ready), "%d", ready_fd);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (setenv("CELLDAV_SOCKETS", sockets.ptr, 1) == 0 &&
	    setenv("CELLDAV_READY", ready, 1) == 0 &&
	    unsetenv("NOTIFY_SOCKET") == 0)
		(void)execv(supervisor->program, argument);
	fprintf(stderr, "celldav: %s: %s\n", supervisor->program,
	    strerrordesc_np(errno));
	_exit(1);
}

static bool
child_start(struct supervisor *supervisor, struct child *ret_child)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		child_exec(supervisor, ready[1]);
	fd_close(ready[1]);
	if (pid < 0) {
		fd_close(ready[0]);
		return false;
	}
	*ret_child = (struct child){ .pid = pid,
		.ready_fd = ready[0],
		.begun_ns = clock_monotonic_ns() };
	return true;
}

static void
ready_say(struct supervisor *supervisor)
{
	struct buffer url;

	buffer_init(&url, 0);
	listen_url(&supervisor->sockets, &url);
	if (!supervisor->announced) {
		printf("ready: %.*s\n", TEXT_ARGS(buffer_text(&url)));
		(void)fflush(stdout); /* nobody may be reading */
	}
	supervisor->announced = true;
	log_message(LOG_LEVEL_INFO, "ready", "%.*s",
	    TEXT_ARGS(buffer_text(&url)));
	buffer_clear(&url);
	listen_urls(&supervisor->sockets, &url);
	log_message(LOG_LEVEL_INFO, "listen", "%.*s",
	    TEXT_ARGS(buffer_text(&url)));
	notify_manager("READY=1");
	buffer_done(&url);
}

static void
retire(struct supervisor *supervisor, pid_t pid)
{
	if (pid == 0)
		return;
	(void)kill(pid, SIGUSR1);
	for (size_t i = 0; i < RETIRING_MAX; i++) {
		if (supervisor->retiring[i] != 0)
			continue;
		supervisor->retiring[i] = pid;
		return;
	}
}

/* Each keeps its memory until its transfers end: there is a limit. */
static bool
retiring_full(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < RETIRING_MAX; i++)
		if (supervisor->retiring[i] == 0)
			return false;
	return true;
}

/* ---- The supervisor itself is replaced ------------------------------------ */

/*
 * The program on disk takes over this very process, with the lock, sockets and
 * children that it has: for the service manager and for clients nothing
 * happens. Comes back only when that cannot be.
 */
static void
supervisor_exec(struct supervisor *supervisor)
{
	struct handover handover = { .lock_fd = supervisor->lock_fd,
		.current = supervisor->current.pid,
		.program = text_from(supervisor->program) };
	char *const argument[] = { (char *)"celldav", (char *)"-c",
		(char *)supervisor->file, (char *)"serve", NULL };
	struct buffer state;

	memcpy(handover.retiring, supervisor->retiring,
	    sizeof(handover.retiring));
	buffer_init(&state, 0);
	handover_write(&handover, &supervisor->sockets, &state);
	buffer_append_byte(&state, '\0');
	log_message(LOG_LEVEL_INFO, "upgrade", "the supervisor becomes %s",
	    supervisor->program);
	if (setenv("CELLDAV_SUPERVISOR", state.ptr, 1) == 0)
		(void)execv(supervisor->program, argument);
	log_message(LOG_LEVEL_ERROR, "upgrade", "the supervisor stays: %s",
	    strerrordesc_np(errno));
	(void)unsetenv("CELLDAV_SUPERVISOR");
	handover_keep(&handover, &supervisor->sockets);
	buffer_done(&state);
}

/* Only when what runs is all that there is; `form` is the new program's. */
static void
supervisor_replace(struct supervisor *supervisor, int form)
{
	if (!supervisor->replaces || supervisor->again || supervisor->ending)
		return;
	supervisor->replaces = false;
	if (form == HANDOVER_FORM)
		supervisor_exec(supervisor);
	else
		log_message(LOG_LEVEL_WARNING, "upgrade",
		    "the supervisor stays: the program on disk hands over in "
		    "another form; stop and start it");
}

/* The other side of supervisor_exec(). */
static bool
supervisor_resume(struct supervisor *supervisor)
{
	const char *text = getenv("CELLDAV_SUPERVISOR");
	struct handover handover;

	if (text == NULL)
		return false;
	if (!handover_read(text, &supervisor->sockets, &handover)) {
		fprintf(stderr, "celldav: CELLDAV_SUPERVISOR is malformed\n");
		exit(1);
	}
	supervisor->lock_fd = handover.lock_fd;
	supervisor->current.pid = handover.current;
	supervisor->current.begun_ns = clock_monotonic_ns();
	memcpy(supervisor->retiring, handover.retiring,
	    sizeof(handover.retiring));
	supervisor->announced = true;
	free(supervisor->program);
	supervisor->program = memory_string(handover.program);
	(void)unsetenv("CELLDAV_SUPERVISOR");
	return true;
}

/* ---- Reload --------------------------------------------------------------- */

static void
reload_refuse(struct supervisor *supervisor, struct text why)
{
	log_message(LOG_LEVEL_ERROR, "reload",
	    "refused, the running configuration stays: %.*s", TEXT_ARGS(why));
	supervisor->next_conf = conf_unref(supervisor->next_conf);
	supervisor->replaces = false;
	notify_manager("READY=1");
}

/* Back to the sockets of the running configuration, which are all bound. */
static void
sockets_return(struct supervisor *supervisor)
{
	struct buffer message;

	if (supervisor->conf == NULL)
		return;
	buffer_init(&message, 0);
	if (listen_bind(&supervisor->sockets, supervisor->conf, &message) != OK)
		log_message(LOG_LEVEL_ERROR, "reload", "%.*s",
		    TEXT_ARGS(buffer_text(&message)));
	listen_prune(&supervisor->sockets);
	buffer_done(&message);
}

static void
reload_begin(struct supervisor *supervisor)
{
	struct buffer message;
	char state[96];

	supervisor->again = supervisor->next.pid != 0 ||
	    retiring_full(supervisor);
	if (supervisor->again || supervisor->ending)
		return;
	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)(clock_monotonic_ns() / 1000));
	notify_manager(state);
	buffer_init(&message, 0);
	if (conf_load(supervisor->file, &message, &supervisor->next_conf) != OK)
		reload_refuse(supervisor, buffer_text(&message));
	else if (!instance_is(supervisor->lock_fd,
		     supervisor->next_conf->store.path))
		reload_refuse(supervisor,
		    TEXT("store.path needs a new start, not a reload"));
	else if (listen_bind(&supervisor->sockets, supervisor->next_conf,
		     &message) != OK ||
	    !child_start(supervisor, &supervisor->next)) {
		reload_refuse(supervisor, buffer_text(&message));
		sockets_return(supervisor);
	}
	buffer_done(&message);
}

static void
reload_end(struct supervisor *supervisor)
{
	retire(supervisor, supervisor->current.pid);
	supervisor->current = supervisor->next;
	supervisor->next = (struct child){ .ready_fd = -1 };
	(void)conf_unref(supervisor->conf);
	supervisor->conf = supervisor->next_conf;
	supervisor->next_conf = NULL;
	listen_prune(&supervisor->sockets);
	ready_say(supervisor);
}

/* What was asked for meanwhile may not be in what was read. */
static void
reload_again(struct supervisor *supervisor)
{
	if (supervisor->again)
		reload_begin(supervisor);
}

/* ---- Events ----------------------------------------------------------------- */

static void
child_ready(struct supervisor *supervisor, struct child *child)
{
	char byte;
	ssize_t got = read(child->ready_fd, &byte, 1);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	fd_close(child->ready_fd);
	child->ready_fd = -1;
	if (got != 1)
		return; /* it is dying; SIGCHLD says the rest */
	if (child == &supervisor->next) {
		reload_end(supervisor);
		supervisor_replace(supervisor, byte);
		reload_again(supervisor);
	} else {
		ready_say(supervisor);
	}
}

static void
end_begin(struct supervisor *supervisor)
{
	supervisor->ending = true;
	notify_manager("STOPPING=1");
	if (supervisor->current.pid != 0)
		(void)kill(supervisor->current.pid, SIGTERM);
	if (supervisor->next.pid != 0)
		(void)kill(supervisor->next.pid, SIGTERM);
	for (size_t i = 0; i < RETIRING_MAX; i++)
		if (supervisor->retiring[i] != 0)
			(void)kill(supervisor->retiring[i], SIGTERM);
}

static void
current_died(struct supervisor *supervisor, int status)
{
	uint64_t lived = clock_monotonic_ns() - supervisor->current.begun_ns;

	fd_close(supervisor->current.ready_fd);
	supervisor->current = (struct child){ .ready_fd = -1 };
	if (supervisor->ending) {
		supervisor->status = WIFEXITED(status) ? WEXITSTATUS(status) :
							 1;
		return;
	}
	if (!supervisor->announced) { /* it said why */
		supervisor->status = 1;
		end_begin(supervisor);
		return;
	}
	log_message(LOG_LEVEL_ERROR, "died", "status %d, starting again",
	    status);
	if (lived > STEADY_SECONDS * NS_PER_SECOND)
		supervisor->backoff_ms = BACKOFF_FIRST_MS;
	supervisor->restart_ns = clock_monotonic_ns() +
	    supervisor->backoff_ms * (NS_PER_SECOND / 1000);
	supervisor->backoff_ms *= 2;
	if (supervisor->backoff_ms > BACKOFF_MAX_MS)
		supervisor->backoff_ms = BACKOFF_MAX_MS;
}

static void
children_reap(struct supervisor *supervisor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < RETIRING_MAX; i++)
			if (supervisor->retiring[i] == pid)
				supervisor->retiring[i] = 0;
		if (pid == supervisor->next.pid) {
			fd_close(supervisor->next.ready_fd);
			supervisor->next = (struct child){ .ready_fd = -1 };
			reload_refuse(supervisor,
			    TEXT("the new process ended before it was ready"));
			sockets_return(supervisor);
		} else if (pid == supervisor->current.pid)
			current_died(supervisor, status);
	}
	if (supervisor->next.pid == 0)
		reload_again(supervisor);
}

static void
signal_handle(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	if (read(supervisor->signal_fd, &info, sizeof(info)) !=
	    (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR2)
		supervisor->replaces = true;
	if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGUSR2)
		reload_begin(supervisor);
	else if (info.ssi_signo == SIGCHLD)
		children_reap(supervisor);
	else
		end_begin(supervisor);
}

static bool
anybody_left(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < RETIRING_MAX; i++)
		if (supervisor->retiring[i] != 0)
			return true;
	return supervisor->current.pid != 0 || supervisor->next.pid != 0;
}

/* Milliseconds until a process has to be started again; -1: never. */
static int
restart_wait(const struct supervisor *supervisor)
{
	uint64_t now = clock_monotonic_ns();

	if (supervisor->restart_ns == 0 || supervisor->ending)
		return -1;
	if (supervisor->restart_ns <= now)
		return 0;
	return (int)((supervisor->restart_ns - now) / (NS_PER_SECOND / 1000)) +
	    1;
}

static void
restart_look(struct supervisor *supervisor)
{
	if (restart_wait(supervisor) != 0)
		return;
	supervisor->restart_ns = 0;
	if (supervisor->current.pid == 0 &&
	    !child_start(supervisor, &supervisor->current))
		end_begin(supervisor);
}

static void
supervisor_loop(struct supervisor *supervisor)
{
	while (!supervisor->ending || anybody_left(supervisor)) {
		struct pollfd wait[] = {
			{ .fd = supervisor->signal_fd, .events = POLLIN },
			{ .fd = supervisor->current.ready_fd,
			    .events = POLLIN },
			{ .fd = supervisor->next.ready_fd, .events = POLLIN },
		};

		if (poll(wait, 3, restart_wait(supervisor)) < 0)
			continue; /* EINTR */
		restart_look(supervisor);
		if (wait[1].revents != 0)
			child_ready(supervisor, &supervisor->current);
		if (wait[2].revents != 0)
			child_ready(supervisor, &supervisor->next);
		if (wait[0].revents != 0)
			signal_handle(supervisor);
	}
}

static bool
supervisor_start(struct supervisor *supervisor)
{
	struct buffer message;

	buffer_init(&message, 0);
	if (access(supervisor->file, F_OK) != 0) {
		fprintf(stderr,
		    "celldav: %s: %s; name the configuration with -c, or make "
		    "one with celldav init --dir\n",
		    supervisor->file, strerrordesc_np(errno));
		return false;
	}
	if (conf_load(supervisor->file, &message, &supervisor->conf) != OK)
		return say_failed(&message);
	log_set_level((enum log_level)supervisor->conf->log.level);
	if (!instance_take(supervisor->conf->store.path, &supervisor->lock_fd))
		return false;
	if (listen_bind(&supervisor->sockets, supervisor->conf, &message) != OK)
		return say_failed(&message);
	buffer_done(&message);
	return true;
}

/*
 * The configuration may have become bad since the new process read it: then
 * there is none until a reload brings one.
 */
static void
supervisor_go_on(struct supervisor *supervisor)
{
	struct buffer message;

	buffer_init(&message, 0);
	if (conf_load(supervisor->file, &message, &supervisor->conf) == OK)
		log_set_level((enum log_level)supervisor->conf->log.level);
	else
		log_message(LOG_LEVEL_ERROR, "upgrade", "%.*s",
		    TEXT_ARGS(buffer_text(&message)));
	buffer_done(&message);
	log_message(LOG_LEVEL_INFO, "upgrade", "the supervisor is replaced");
}

static bool
signals_take(struct supervisor *supervisor)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGUSR2);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	supervisor->signal_fd = signalfd(-1, &signals,
	    SFD_CLOEXEC | SFD_NONBLOCK);
	return supervisor->signal_fd >= 0;
}

static bool
supervisor_open(struct supervisor *supervisor)
{
	if (supervisor_resume(supervisor)) {
		supervisor_go_on(supervisor);
		if (!signals_take(supervisor))
			return false;
		children_reap(supervisor); /* who ended meanwhile */
		return true;
	}
	return supervisor_start(supervisor) && signals_take(supervisor) &&
	    child_start(supervisor, &supervisor->current);
}

int
supervise(const char *file)
{
	struct supervisor supervisor = { .file = file,
		.lock_fd = -1,
		.signal_fd = -1,
		.backoff_ms = BACKOFF_FIRST_MS,
		.current = { .ready_fd = -1 },
		.next = { .ready_fd = -1 } };

	supervisor.program = realpath("/proc/self/exe", NULL);
	if (supervisor.program == NULL || !supervisor_open(&supervisor))
		supervisor.status = 1;
	else
		supervisor_loop(&supervisor);
	for (size_t i = 0; i < supervisor.sockets.count; i++)
		fd_close(supervisor.sockets.entry[i].fd);
	fd_close(supervisor.signal_fd);
	fd_close(supervisor.lock_fd);
	free(supervisor.program);
	(void)conf_unref(supervisor.conf);
	(void)conf_unref(supervisor.next_conf);
	return supervisor.status;
}
