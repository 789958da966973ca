/*
 * A connection: plain, or TLS 1.3 whose certificate is checked against the
 * given authority. Each connection is a full handshake, no session is kept.
 */
#include "davload.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static SSL_CTX *context;

static _Noreturn void
tls_die(const char *what)
{
	fprintf(stderr, "davload: %s: ", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

void
stream_prepare(void)
{
	if (settings.tls == NULL)
		return;
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL ||
	    !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
	    !SSL_CTX_load_verify_file(context, settings.tls) ||
	    !X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context),
		"127.0.0.1"))
		tls_die("TLS");
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_read_buffer_len(context, BLOCK / 2);
	SSL_CTX_set_read_ahead(context, 1);
}

void
stream_open(struct client *client)
{
	int on = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 ||
	    connect(client->fd, (struct sockaddr *)&settings.address,
		sizeof(settings.address)) != 0)
		die("connect");
	if (setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) !=
		0 ||
	    fcntl(client->fd, F_SETFL, O_NONBLOCK) != 0)
		die("socket options");
	client->sends_on_read = false;
	if (context == NULL)
		return;
	client->tls = SSL_new(context);
	if (client->tls == NULL || !SSL_set_fd(client->tls, client->fd))
		tls_die("TLS");
	SSL_set_connect_state(client->tls);
}

void
stream_close(struct client *client)
{
	if (client->tls != NULL) {
		(void)SSL_shutdown(client->tls); /* the other side may be gone */
		SSL_free(client->tls);
		client->tls = NULL;
	}
	(void)close(client->fd); /* nothing of ours is on it */
}

/* What OpenSSL says, in the words of a socket; 0 is the end. */
static ssize_t
tls_result(struct client *client, int done, bool sending)
{
	int why = SSL_get_error(client->tls, done);

	client->sends_on_read = sending && why == SSL_ERROR_WANT_READ;
	if (done > 0)
		return done;
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		tls_die(sending ? "send" : "receive");
	errno = EAGAIN;
	return -1;
}

static ssize_t
tls_send(struct client *client, const struct iovec *part)
{
	const struct iovec *first = part->iov_len > 0 ? part : part + 1;

	ERR_clear_error();
	return tls_result(client,
	    SSL_write(client->tls, first->iov_base, (int)first->iov_len), true);
}

/* One piece: the head and as much of the body as the pattern holds. */
ssize_t
stream_send(struct client *client)
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
	if (client->tls != NULL)
		return tls_send(client, part);
	return sendmsg(client->fd, &message, MSG_NOSIGNAL);
}

ssize_t
stream_receive(struct client *client, char *block, size_t len)
{
	if (client->tls == NULL)
		return recv(client->fd, block, len, 0);
	ERR_clear_error();
	return tls_result(client, SSL_read(client->tls, block, (int)len),
	    false);
}

bool
stream_holds(const struct client *client)
{
	return client->tls != NULL && SSL_has_pending(client->tls);
}
