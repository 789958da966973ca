/*
 * The sample is made from the rows of conf/directives.c, so that it never
 * lags behind them.
 */
#include "server/commands/sample.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/endpoint.h"
#include "conf/directive.h"
#include "server/base/scope.h"

enum { ADMIN_PORT = 9191, COMMENT_WIDTH = 70 };

int
sample_check(const struct sample *sample)
{
	if (sample->listen != NULL &&
	    !endpoint_valid(text_from(sample->listen)))
		return command_fail("--listen %s: is no address; write "
				    "127.0.0.1:8080 or tls://[::]:8443",
		    sample->listen);
	if (sample->public_url != NULL &&
	    !origin_valid(text_from(sample->public_url)))
		return command_fail("--public-url %s: is no origin; write "
				    "https://files.example.org",
		    sample->public_url);
	return EXIT_DONE;
}

/* Is the usual port of the admin listener free here and now? */
static bool
admin_port_free(const struct sample *sample)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(ADMIN_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct endpoint endpoint;
	SCOPED(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (sample->listen != NULL &&
	    endpoint_parse(text_from(sample->listen), &endpoint) &&
	    endpoint.port == ADMIN_PORT)
		return false;
	if (fd < 0)
		return true;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

/* What users type: a wildcard address is no name, so it becomes loopback. */
static struct text
url_of(struct arena *arena, const struct sample *sample)
{
	struct endpoint endpoint;
	struct text host;
	const char *scheme;

	if (sample->public_url != NULL)
		return text_from(sample->public_url);
	if (sample->listen == NULL ||
	    !endpoint_parse(text_from(sample->listen), &endpoint))
		return TEXT_NONE;
	scheme = endpoint.tls ? "https" : "http";
	host = endpoint.host;
	if (text_equal(host, TEXT("0.0.0.0")))
		host = TEXT("127.0.0.1");
	else if (text_equal(host, TEXT("::")))
		host = TEXT("::1");
	if (endpoint.v6)
		host = arena_format(arena, "[%.*s]", TEXT_ARGS(host));
	if (endpoint.port == 0)
		return arena_format(arena, "%s://%.*s", scheme,
		    TEXT_ARGS(host));
	return arena_format(arena, "%s://%.*s:%u", scheme, TEXT_ARGS(host),
	    (unsigned)endpoint.port);
}

static bool
is_row(const struct directive *row, const char *section, const char *name)
{
	return text_equal(text_from(row->section), text_from(section)) &&
	    strcmp(row->name, name) == 0;
}

/* The value that was chosen for a row; empty: its default stays. */
static struct text
chosen(struct arena *arena, const struct directive *row,
    const struct sample *sample)
{
	if (is_row(row, NULL, "listen"))
		return text_from(sample->listen);
	if (is_row(row, NULL, "public_url"))
		return url_of(arena, sample);
	if (is_row(row, "admin", "listen") && !admin_port_free(sample))
		return TEXT("127.0.0.1:0");
	return TEXT_NONE;
}

/* A sentence as comment lines of at most COMMENT_WIDTH bytes. */
static void
comment_write(struct text sentence, const char *indent, struct buffer *out)
{
	size_t used = 0;

	while (sentence.ptr != NULL) {
		struct text word = text_split(&sentence, ' ');

		if (used == 0 || used + word.len >= COMMENT_WIDTH) {
			buffer_format(out, "%s%s#", used > 0 ? "\n" : "",
			    indent);
			used = 1;
		}
		buffer_append_byte(out, ' ');
		buffer_append(out, word);
		used += 1 + word.len;
	}
	buffer_append_byte(out, '\n');
}

static void
row_write(struct arena *arena, const struct directive *row,
    const struct sample *sample, struct buffer *out)
{
	struct conf *conf = conf_defaults();
	struct text value = chosen(arena, row, sample);
	const char *indent = row->section != NULL ? "\t" : "";
	bool always = is_row(row, NULL, "listen") ||
	    is_row(row, NULL, "public_url") || is_row(row, "store", "path") ||
	    is_row(row, "admin", "listen");

	if (value.len > 0) {
		directive_release(row, conf);
		(void)directive_set(row, conf, value, NULL); /* was checked */
	}
	comment_write(text_from(row->help), indent, out);
	buffer_format(out, "%s%s", indent, always ? "" : "#");
	directive_print(row, conf, out);
	buffer_append_byte(out, '\n');
	(void)conf_unref(conf);
}

static void
sample_make(struct arena *arena, const struct sample *sample,
    struct buffer *out)
{
	const char *section = NULL;

	buffer_append(out,
	    TEXT("# Configuration of celldav. What is commented "
		 "out is the default.\n# See celldav.conf(5); check with celldav "
		 "check. Relative paths begin here.\n\n"));
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];

		if (!text_equal(text_from(section), text_from(row->section))) {
			if (section != NULL)
				buffer_append(out, TEXT("}\n\n"));
			buffer_format(out, "%s {\n", row->section);
			section = row->section;
		}
		row_write(arena, row, sample, out);
		if (section == NULL)
			buffer_append_byte(out, '\n');
	}
	if (section != NULL)
		buffer_append(out, TEXT("}\n"));
}

static bool
file_write(const char *path, struct text bytes)
{
	SCOPED(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0644);

	if (fd < 0)
		return false;
	while (bytes.len > 0) {
		ssize_t sent = write(fd, bytes.ptr, bytes.len);

		if (sent < 0 && errno != EINTR)
			return false;
		if (sent > 0)
			bytes = text_slice(bytes, (size_t)sent, bytes.len);
	}
	return fsync(fd) == 0;
}

int
sample_write(struct arena *arena, const char *dir, const struct sample *sample)
{
	const char *path = arena_string(arena,
	    arena_format(arena, "%s/celldav.conf", dir));
	struct buffer out = { .max = 0 };
	bool written;

	sample_make(arena, sample, &out);
	written = file_write(path, buffer_text(&out));
	buffer_done(&out);
	if (written)
		return EXIT_DONE;
	return command_fail("%s: cannot be written: %s", path,
	    strerrordesc_np(errno));
}
