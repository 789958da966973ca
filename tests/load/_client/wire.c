#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void
die(const char *what)
{
	perror(what);
	exit(2);
}

uint64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int
number_read(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

void
target_init(struct target *target, int port, bool tls)
{
	*target = (struct target){ .address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port) } };
	target->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!tls)
		return;
	/* The certificate is the test's own: that it is served is enough. */
	target->tls = SSL_CTX_new(TLS_client_method());
	if (target->tls == NULL)
		die("SSL_CTX_new");
	SSL_CTX_set_mode(target->tls,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static void
wire_gone(struct wire *wire, bool was_reset)
{
	wire->state = WIRE_GONE;
	wire->was_reset = was_reset;
}

void
wire_open(struct wire *wire, const struct target *target, unsigned number)
{
	int on = 1;
	struct sockaddr_in from = { .sin_family = AF_INET };

	*wire = (struct wire){ .fd = socket(AF_INET,
				   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				   0) };
	if (wire->fd < 0)
		die("socket");
	(void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (target->window != 0)
		(void)setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUF,
		    &target->window, sizeof(target->window));
	if (target->segment != 0)
		(void)setsockopt(wire->fd, IPPROTO_TCP, TCP_MAXSEG,
		    &target->segment, sizeof(target->segment));
	if (target->sources != 0) {
		from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 +
		    number % (unsigned)target->sources);
		(void)setsockopt(wire->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
		    &on, sizeof(on));
		if (bind(wire->fd, (struct sockaddr *)&from, sizeof(from)) != 0)
			die("bind");
	}
	if (target->tls != NULL) {
		wire->ssl = SSL_new(target->tls);
		if (wire->ssl == NULL || SSL_set_fd(wire->ssl, wire->fd) != 1)
			die("SSL_new");
	}
	if (connect(wire->fd, (const struct sockaddr *)&target->address,
		sizeof(target->address)) != 0 &&
	    errno != EINPROGRESS)
		wire_gone(wire, true);
}

/* What OpenSSL said: nothing yet, or the end. */
static size_t
tls_judge(struct wire *wire, int got)
{
	int why = SSL_get_error(wire->ssl, got);

	ERR_clear_error();
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		wire_gone(wire, why != SSL_ERROR_ZERO_RETURN);
	return 0;
}

bool
wire_advance(struct wire *wire)
{
	int failed = 0;
	socklen_t len = sizeof(failed);

	if (wire->state == WIRE_CONNECTING) {
		struct tcp_info info;
		socklen_t size = sizeof(info);

		if (getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &failed, &len) !=
			0 ||
		    failed != 0)
			wire_gone(wire, true);
		else if (getsockopt(wire->fd, IPPROTO_TCP, TCP_INFO, &info,
			     &size) == 0 &&
		    info.tcpi_state != TCP_SYN_SENT)
			wire->state = wire->ssl != NULL ? WIRE_SHAKING :
							  WIRE_OPEN;
	}
	if (wire->state == WIRE_SHAKING) {
		int got = SSL_connect(wire->ssl);

		if (got == 1)
			wire->state = WIRE_OPEN;
		else
			(void)tls_judge(wire, got);
	}
	if (wire->state == WIRE_OPEN && wire->open_ns == 0)
		wire->open_ns = now_ns();
	return wire->state == WIRE_OPEN;
}

static size_t
plain_judge(struct wire *wire, ssize_t done, bool may_end)
{
	if (done > 0)
		return (size_t)done;
	if (done == 0 && may_end)
		wire_gone(wire, false);
	else if (done < 0 && errno != EAGAIN && errno != EINTR)
		wire_gone(wire, true);
	return 0;
}

size_t
wire_send(struct wire *wire, const char *bytes, size_t len)
{
	if (wire->ssl != NULL) {
		int done = SSL_write(wire->ssl, bytes,
		    (int)(len < 1 << 20 ? len : 1 << 20));

		return done > 0 ? (size_t)done : tls_judge(wire, done);
	}
	return plain_judge(wire, send(wire->fd, bytes, len, MSG_NOSIGNAL),
	    false);
}

size_t
wire_receive(struct wire *wire, char *bytes, size_t len)
{
	if (wire->ssl != NULL) {
		int done = SSL_read(wire->ssl, bytes, (int)len);

		return done > 0 ? (size_t)done : tls_judge(wire, done);
	}
	return plain_judge(wire, recv(wire->fd, bytes, len, 0), true);
}

void
wire_close(struct wire *wire)
{
	if (wire->ssl != NULL)
		SSL_free(wire->ssl);
	if (wire->fd >= 0)
		(void)close(wire->fd);
	*wire = (struct wire){ .fd = -1, .state = WIRE_GONE };
}
