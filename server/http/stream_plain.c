#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "server/http/stream.h"

static ssize_t
result_of(ssize_t count)
{
	if (count >= 0)
		return count;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ?
	    STREAM_AGAIN :
	    STREAM_ERROR;
}

/*
 * A read that is short took all: the next byte raises a new edge, so asking
 * once more for EAGAIN would be a system call for nothing.
 */
static ssize_t
plain_read(struct stream *stream, char *bytes, size_t size)
{
	ssize_t got = recv(stream->fd, bytes, size, 0);

	stream->wants_write = false;
	stream->drained = got < (ssize_t)size && !(got < 0 && errno == EINTR);
	return result_of(got);
}

static ssize_t
plain_write(struct stream *stream, const struct iovec *part, int count)
{
	struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)part,
		.msg_iovlen = (size_t)count,
	};

	stream->wants_write = true;
	return result_of(sendmsg(stream->fd, &message, MSG_NOSIGNAL));
}

static ssize_t
plain_send_file(struct stream *stream, int fd, uint64_t offset, size_t size)
{
	off_t at = (off_t)offset;
	ssize_t sent;

	stream->wants_write = true;
	sent = sendfile(stream->fd, fd, &at, size);
	return sent == 0 ? STREAM_SHORT : result_of(sent);
}

static ssize_t
plain_flush(struct stream *stream)
{
	(void)stream; /* the kernel has what was written */
	return 1;
}

static void
plain_finish(struct stream *stream)
{
	/* Not connected any more is as good. */
	(void)shutdown(stream->fd, SHUT_WR);
}

static void
plain_end(struct stream *stream)
{
	(void)stream; /* holds nothing but the descriptor */
}

static const struct stream_row plain = {
	.read = plain_read,
	.write = plain_write,
	.send_file = plain_send_file,
	.flush = plain_flush,
	.finish = plain_finish,
	.end = plain_end,
};

struct stream
stream_plain(int fd)
{
	return (struct stream){ .row = &plain, .fd = fd };
}
