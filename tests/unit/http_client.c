/* The blocking client: a reader of answers that shares nothing with ours. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http_fixture.h"

struct client
client_open(const struct fixture *fixture, SSL_CTX *tls)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)fixture_port(fixture)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval wait = { .tv_sec = 20 };
	struct client client = { .fd = socket(AF_INET, SOCK_STREAM, 0) };

	setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(client.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(client.fd, (struct sockaddr *)&address, sizeof(address)) !=
	    0)
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

	while (client->in.len == 0 ||
	    (end = memmem(client->in.ptr, client->in.len, "\r\n", 2)) == NULL)
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

		if (!line_take(client, line, sizeof(line)) || line[0] == '\0')
			return false;
		size = strtoul(line, NULL, 16);
		if (!body_take(client, answer, size) ||
		    !line_take(client, line, sizeof(line)) || line[0] != '\0')
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
		if (strncasecmp(at + 1, name, len) != 0 || at[1 + len] != ':')
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
	} else if ((value = answer_field(&answer, "Content-Length")) != NULL) {
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
