/*
 * TLS by OpenSSL. Its records do not go to the socket one by one: they are
 * gathered and sent by one system call, and what the socket does not take is
 * kept with the stream. So OpenSSL never waits to write, and a ticket leaves
 * together with the first answer. The handshake happens inside the first read.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/buffer.h"
#include "server/base/memory.h"
#include "server/http/stream.h"
#include "server/http/tls_session.h"

struct session {
	SSL *ssl;                 /* owned */
	struct stream_room *room; /* borrowed */
	struct buffer held;       /* older than what is in the room */
	int fd;
	bool drained; /* the last read of the socket took all */
	bool blocked; /* `held` is what the socket did not take */
};

/* ---- What OpenSSL takes for the socket ---------------------------------- */

static int
socket_read(BIO *bio, char *bytes, int size)
{
	struct session *session = BIO_get_data(bio);
	ssize_t got = recv(session->fd, bytes, (size_t)size, 0);

	BIO_clear_retry_flags(bio);
	session->drained = got < size && !(got < 0 && errno == EINTR);
	if (got < 0 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		BIO_set_retry_read(bio);
	return (int)got;
}

static int
socket_write(BIO *bio, const char *bytes, int size)
{
	struct session *session = BIO_get_data(bio);
	struct stream_room *room = session->room;
	struct text more = { bytes, (size_t)size };

	BIO_clear_retry_flags(bio);
	if (more.len > sizeof(room->bytes) - room->len) {
		buffer_append(&session->held,
		    (struct text){ room->bytes, room->len });
		buffer_append(&session->held, more);
		room->len = 0;
		return size;
	}
	memcpy(room->bytes + room->len, bytes, more.len);
	room->len += more.len;
	return size;
}

static long
socket_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	/* The stream itself decides when bytes go out. */
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *socket_method;

static void
method_make(void)
{
	socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
	    "loop socket");
	if (socket_method == NULL)
		return;
	(void)BIO_meth_set_read(socket_method, socket_read);
	(void)BIO_meth_set_write(socket_method, socket_write);
	(void)BIO_meth_set_ctrl(socket_method, socket_control);
}

/* One for the life of the process: OpenSSL keeps the pointer in each BIO. */
static BIO_METHOD *
method_get(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, method_make);
	return socket_method;
}

/* ---- Out ----------------------------------------------------------------- */

/* Bytes that went out, or STREAM_ERROR; 0 when the socket is full. */
static ssize_t
bytes_send(struct session *session, struct text bytes)
{
	ssize_t sent = send(session->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ?
	    0 :
	    STREAM_ERROR;
}

static ssize_t
held_send(struct session *session)
{
	struct buffer *held = &session->held;
	ssize_t sent = bytes_send(session, buffer_text(held));

	if (sent < 0)
		return sent;
	buffer_consume(held, (size_t)sent);
	if (held->len > 0)
		return STREAM_AGAIN;
	buffer_done(held); /* idle streams keep nothing */
	return 1;
}

/* All that OpenSSL wrote so far, older bytes first. */
static ssize_t
session_send(struct session *session)
{
	struct stream_room *room = session->room;
	struct text bytes = { room->bytes, room->len };
	ssize_t sent = 0;

	room->len = 0;
	if (session->held.len > 0) {
		buffer_append(&session->held, bytes);
		return held_send(session);
	}
	if (bytes.len == 0)
		return 1;
	sent = bytes_send(session, bytes);
	if (sent < 0 || (size_t)sent == bytes.len)
		return sent < 0 ? sent : 1;
	buffer_append(&session->held,
	    text_slice(bytes, (size_t)sent, bytes.len));
	return STREAM_AGAIN;
}

static ssize_t
tls_flush(struct stream *stream)
{
	struct session *session = stream->session;
	ssize_t done = session_send(session);

	stream->pending = session->held.len > 0;
	session->blocked = done == STREAM_AGAIN;
	if (session->blocked)
		stream->wants_write = true;
	return done;
}

/* Keeps what OpenSSL wrote for the next call that sends. */
static void
session_keep(struct stream *stream)
{
	struct session *session = stream->session;
	struct stream_room *room = session->room;

	if (room->len > 0)
		buffer_append(&session->held,
		    (struct text){ room->bytes, room->len });
	room->len = 0;
	stream->pending = session->held.len > 0;
}

/* ---- The row -------------------------------------------------------------- */

static ssize_t
failure_of(struct session *session, int result)
{
	switch (SSL_get_error(session->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return STREAM_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		/* After these OpenSSL forbids SSL_shutdown(). */
		SSL_set_quiet_shutdown(session->ssl, 1);
		ERR_clear_error();
		return STREAM_ERROR;
	}
}

/*
 * A request that came with the end of the handshake is answered at once, and
 * the ticket waits for that answer: one system call and one segment less.
 */
static ssize_t
tls_read(struct stream *stream, char *bytes, size_t size)
{
	struct session *session = stream->session;
	ssize_t failure, flushed;
	size_t got;
	int result;

	ERR_clear_error();
	stream->wants_write = false;
	session->drained = false;
	result = SSL_read_ex(session->ssl, bytes, size, &got);
	if (result == 1) {
		session_keep(stream);
		stream->drained = session->drained &&
		    SSL_has_pending(session->ssl) == 0;
		return (ssize_t)got;
	}
	failure = failure_of(session, result);
	flushed = tls_flush(stream);
	if (failure == STREAM_AGAIN && flushed == STREAM_ERROR)
		failure = STREAM_ERROR;
	stream->drained = failure == STREAM_AGAIN && !stream->wants_write;
	return failure;
}

static ssize_t
tls_write(struct stream *stream, const struct iovec *part, int count)
{
	struct session *session = stream->session;
	size_t sent = 0;

	ERR_clear_error();
	stream->wants_write = true;
	/* What was refused goes first: nothing is gathered without end. */
	if (session->blocked) {
		ssize_t flushed = tls_flush(stream);

		if (flushed != 1)
			return flushed;
	}
	for (int i = 0; i < count; i++) {
		size_t one;
		int result = SSL_write_ex(session->ssl, part[i].iov_base,
		    part[i].iov_len, &one);

		if (result != 1) {
			ssize_t failure = failure_of(session, result);

			return failure == 0 ? STREAM_ERROR : failure;
		}
		sent += one;
	}
	return tls_flush(stream) == STREAM_ERROR ? STREAM_ERROR : (ssize_t)sent;
}

/* The answer to close_notify is not waited for (RFC 8446 6.1 allows it). */
static void
tls_finish(struct stream *stream)
{
	struct session *session = stream->session;

	ERR_clear_error();
	if (!SSL_in_init(session->ssl))
		(void)SSL_shutdown(session->ssl);
	ERR_clear_error();
	(void)tls_flush(stream);
	(void)shutdown(stream->fd, SHUT_WR);
}

static void
tls_end(struct stream *stream)
{
	struct session *session = stream->session;

	SSL_free(session->ssl);
	session->room->len = 0;
	buffer_done(&session->held);
	free(session);
	stream->session = NULL;
}

static const struct stream_row tls = {
	.read = tls_read,
	.write = tls_write,
	.flush = tls_flush,
	.finish = tls_finish,
	.end = tls_end,
};

bool
stream_tls(int fd, struct tls_context *context, struct stream_room *room,
    struct stream *ret_stream)
{
	BIO_METHOD *method = method_get();
	BIO *bio = method != NULL ? BIO_new(method) : NULL;
	SSL *ssl = bio != NULL ? tls_session_new(context) : NULL;
	struct session *session;

	if (ssl == NULL) {
		(void)BIO_free(bio); /* NULL is allowed */
		return false;
	}
	session = memory_alloc(sizeof(*session));
	*session = (struct session){ .ssl = ssl, .room = room, .fd = fd };
	BIO_set_data(bio, session);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	*ret_stream = (struct stream){
		.row = &tls, .fd = fd, .session = session
	};
	return true;
}
