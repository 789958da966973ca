/*
 * TLS by OpenSSL over the socket itself. The handshake happens inside the
 * first read. One SSL_write() is one record.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "server/http/stream.h"
#include "server/http/tls_session.h"

static ssize_t
failure_of(struct stream *stream, int result)
{
	switch (SSL_get_error(stream->session, result)) {
	case SSL_ERROR_WANT_READ:
		stream->wants_write = false;
		return STREAM_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		stream->wants_write = true;
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		/* After these OpenSSL forbids SSL_shutdown(). */
		SSL_set_quiet_shutdown(stream->session, 1);
		ERR_clear_error();
		return STREAM_ERROR;
	}
}

static ssize_t
tls_read(struct stream *stream, char *bytes, size_t size)
{
	size_t got;
	ssize_t failure;
	int result;

	ERR_clear_error();
	stream->drained = false;
	result = SSL_read_ex(stream->session, bytes, size, &got);
	if (result == 1)
		return (ssize_t)got;
	failure = failure_of(stream, result);
	stream->drained = failure == STREAM_AGAIN && !stream->wants_write;
	return failure;
}

static ssize_t
tls_write(struct stream *stream, const struct iovec *part, int count, bool more)
{
	size_t sent;
	ssize_t failure;
	int result;

	(void)count; /* records hold one part; the caller joins them */
	(void)more;
	ERR_clear_error();
	result = SSL_write_ex(stream->session, part->iov_base, part->iov_len,
	    &sent);
	if (result == 1)
		return (ssize_t)sent;
	failure = failure_of(stream, result);
	return failure == 0 ? STREAM_ERROR : failure;
}

/* The answer to close_notify is not waited for (RFC 8446 6.1 allows it). */
static void
tls_finish(struct stream *stream)
{
	ERR_clear_error();
	if (!SSL_in_init(stream->session))
		(void)SSL_shutdown(stream->session);
	ERR_clear_error();
	(void)shutdown(stream->fd, SHUT_WR);
}

static void
tls_end(struct stream *stream)
{
	SSL_free(stream->session);
	stream->session = NULL;
}

static const struct stream_row tls = {
	.read = tls_read,
	.write = tls_write,
	.finish = tls_finish,
	.end = tls_end,
};

bool
stream_tls(int fd, struct tls_context *context, struct stream *ret_stream)
{
	SSL *session = tls_session_new(context);

	if (session == NULL)
		return false;
	if (SSL_set_fd(session, fd) != 1) {
		SSL_free(session);
		return false;
	}
	SSL_set_accept_state(session);
	*ret_stream = (struct stream){
		.row = &tls, .fd = fd, .session = session
	};
	return true;
}
