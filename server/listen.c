#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/endpoint.h"
#include "server/base/scope.h"
#include "server/base/text.h"

enum { BACKLOG = 4096, ACTIVATION_FIRST = 3, LOOPS_MAX = 64, HOST_MAX = 96 };

struct bound {
	struct sockaddr_storage address;
	socklen_t len;
};

size_t
listen_loops(const struct conf *conf)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t loops = conf->threads.loops;

	/*
	 * The committer and the workers need a processor too: with one for
	 * each loop they take turns with the loops, and the slowest answers
	 * wait several times as long.
	 */
	if (loops == 0)
		loops = processors > 2 ? (size_t)processors - 1 : 1;
	return loops < LOOPS_MAX ? loops : LOOPS_MAX;
}

static bool
bound_parse(const char *name, struct bound *ret_bound)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&ret_bound->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret_bound->address;
	struct endpoint endpoint;
	char host[HOST_MAX];

	*ret_bound = (struct bound){ 0 };
	if (!endpoint_parse(text_from(name), &endpoint) ||
	    endpoint.host.len >= sizeof(host))
		return false;
	memcpy(host, endpoint.host.ptr, endpoint.host.len);
	host[endpoint.host.len] = '\0';
	if (endpoint.v6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(endpoint.port);
		ret_bound->len = sizeof(*six);
		return inet_pton(AF_INET6, host, &six->sin6_addr) == 1;
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(endpoint.port);
	ret_bound->len = sizeof(*four);
	return inet_pton(AF_INET, host, &four->sin_addr) == 1;
}

static bool
address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *x = (const struct sockaddr_in *)a;
		const struct sockaddr_in *y = (const struct sockaddr_in *)b;

		return x->sin_port == y->sin_port &&
		    x->sin_addr.s_addr == y->sin_addr.s_addr;
	}
	if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *x = (const struct sockaddr_in6 *)a;
		const struct sockaddr_in6 *y = (const struct sockaddr_in6 *)b;

		return x->sin6_port == y->sin6_port &&
		    memcmp(&x->sin6_addr, &y->sin6_addr,
			sizeof(x->sin6_addr)) == 0;
	}
	return false;
}

/* Whoever made it may have left it blocking: a loop would wait in accept. */
static int
activation_take(int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, ACTIVATION_FIRST);
	int flags = own < 0 ? -1 : fcntl(own, F_GETFL);

	if (flags < 0 || fcntl(own, F_SETFL, flags | O_NONBLOCK) != 0) {
		fd_close(own);
		return -1;
	}
	return own;
}

/* A socket that the service manager has bound to this address, else -1. */
static int
activation_find(const struct bound *bound)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t value = 0;

	if (pid == NULL || count == NULL ||
	    !text_parse_u64(text_from(pid), 10, &value) ||
	    value != (uint64_t)getpid() ||
	    !text_parse_u64(text_from(count), 10, &value))
		return -1;
	for (int i = 0; i < (int)value && i < SOCKETS_MAX; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t len = sizeof(address);
		int fd = ACTIVATION_FIRST + i;

		if (getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
		    address_same(&address, &bound->address))
			return activation_take(fd);
	}
	return -1;
}

static int
socket_bind(const struct bound *bound)
{
	int on = 1, saved;
	int fd = socket(bound->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
	    (bound->address.ss_family != AF_INET6 ||
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) ==
		    0) &&
	    bind(fd, (const struct sockaddr *)&bound->address, bound->len) ==
		0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	fd_close(fd);
	errno = saved;
	return -1;
}

/*
 * SO_REUSEPORT lets another program of the same user share the port, so the
 * first socket of an address is tried without it: a port in use is an error.
 */
static bool
port_taken(const struct bound *bound)
{
	int on = 1, fd, failed;

	fd = socket(bound->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	failed = bind(fd, (const struct sockaddr *)&bound->address,
		     bound->len) != 0 ?
	    errno :
	    0;
	fd_close(fd);
	errno = failed;
	return failed == EADDRINUSE;
}

static struct socket_entry *
entry_find(struct socket_set *set, const char *name, enum socket_kind kind,
    size_t loop)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->entry[i].kind == kind && set->entry[i].loop == loop &&
		    strcmp(set->entry[i].name, name) == 0)
			return &set->entry[i];
	return NULL;
}

/* Port 0 was picked by the first socket; the others share its number. */
static void
bound_learn(struct bound *bound, int fd)
{
	socklen_t len = sizeof(bound->address);

	if (getsockname(fd, (struct sockaddr *)&bound->address, &len) == 0)
		bound->len = len;
}

static int
entry_open(struct bound *bound, size_t loop)
{
	int fd = activation_find(bound);

	if (fd >= 0)
		return fd;
	if (loop == 0 && port_taken(bound))
		return -1;
	return socket_bind(bound);
}

static bool
address_bind(struct socket_set *set, const char *name, enum socket_kind kind,
    size_t loops)
{
	struct bound bound;

	if (!bound_parse(name, &bound)) {
		errno = EINVAL;
		return false;
	}
	for (size_t loop = 0; loop < loops; loop++) {
		struct socket_entry *entry = entry_find(set, name, kind, loop);

		if (entry == NULL) {
			int fd = set->count < SOCKETS_MAX ?
			    entry_open(&bound, loop) :
			    -1;

			if (fd < 0)
				return false;
			entry = &set->entry[set->count++];
			entry->kind = kind;
			entry->loop = loop;
			entry->fd = fd;
			(void)snprintf(entry->name, sizeof(entry->name), "%s",
			    name);
		}
		entry->wanted = true;
		bound_learn(&bound, entry->fd);
	}
	return true;
}

enum outcome
listen_bind(struct socket_set *set, const struct conf *conf,
    struct buffer *message)
{
	size_t loops = listen_loops(conf);
	const char *name = "";
	bool bound = true;

	for (size_t i = 0; i < set->count; i++)
		set->entry[i].wanted = false;
	for (size_t i = 0; bound && i < conf->listen.count; i++) {
		name = conf->listen.item[i];
		bound = address_bind(set, name,
		    text_starts(text_from(name), TEXT("tls://")) ? SOCKET_TLS :
								   SOCKET_PLAIN,
		    loops);
	}
	if (bound && conf->admin.listen[0] != '\0') {
		name = conf->admin.listen;
		bound = address_bind(set, name, SOCKET_ADMIN, 1);
	}
	if (bound)
		return OK;
	buffer_format(message, "%s: cannot listen: %s", name,
	    strerrordesc_np(errno));
	return IO;
}

void
listen_prune(struct socket_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->entry[i].wanted)
			set->entry[kept++] = set->entry[i];
		else
			fd_close(set->entry[i].fd);
	}
	set->count = kept;
}

void
listen_export(const struct socket_set *set, struct buffer *out)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->entry[i].wanted)
			buffer_format(out, "%d:%d:%zu ", set->entry[i].fd,
			    (int)set->entry[i].kind, set->entry[i].loop);
}

bool
listen_import(const char *text, struct socket_set *ret_set)
{
	struct text rest = text_from(text);

	ret_set->count = 0;
	while (rest.ptr != NULL && ret_set->count < SOCKETS_MAX) {
		struct socket_entry *entry = &ret_set->entry[ret_set->count];
		struct text item = text_split(&rest, ' ');
		uint64_t fd, kind, loop;

		if (item.len == 0)
			continue;
		if (!text_parse_u64(text_split(&item, ':'), 10, &fd) ||
		    !text_parse_u64(text_split(&item, ':'), 10, &kind) ||
		    !text_parse_u64(item, 10, &loop) || fd > INT32_MAX ||
		    kind > SOCKET_ADMIN || loop >= LOOPS_MAX)
			return false;
		*entry = (struct socket_entry){ .fd = (int)fd,
			.kind = (enum socket_kind)kind,
			.loop = (size_t)loop,
			.wanted = true };
		ret_set->count++;
	}
	return ret_set->count > 0;
}

static void
url_write(const struct socket_entry *entry, struct buffer *out)
{
	struct bound bound = { .len = sizeof(bound.address) };
	char host[HOST_MAX], port[NI_MAXSERV];
	bool six;

	if (getsockname(entry->fd, (struct sockaddr *)&bound.address,
		&bound.len) != 0 ||
	    getnameinfo((struct sockaddr *)&bound.address, bound.len, host,
		sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	six = bound.address.ss_family == AF_INET6;
	buffer_format(out, "%s://%s%s%s:%s/",
	    entry->kind == SOCKET_TLS ? "https" : "http", six ? "[" : "", host,
	    six ? "]" : "", port);
}

void
listen_url(const struct socket_set *set, struct buffer *out)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!set->entry[i].wanted || set->entry[i].kind == SOCKET_ADMIN)
			continue;
		url_write(&set->entry[i], out);
		return;
	}
}

void
listen_urls(const struct socket_set *set, struct buffer *out)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct socket_entry *entry = &set->entry[i];

		if (!entry->wanted || entry->loop != 0)
			continue;
		if (out->len > 0)
			buffer_append_byte(out, ' ');
		if (entry->kind == SOCKET_ADMIN)
			buffer_append(out, TEXT("admin="));
		url_write(entry, out);
	}
}
