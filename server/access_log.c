#include "server/access_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/log.h"

enum { NUMBER_SIZE = 24, NUMBERS = 5, WHO_FIRST = 1, WHO_COUNT = 5 };

static struct text
number(char *room, uint64_t value)
{
	int len = snprintf(room, NUMBER_SIZE, "%" PRIu64, value);

	return (struct text){ room, (size_t)len };
}

static void
request_told(int fd, const struct request *request,
    const struct principal *principal, bool sent)
{
	char room[NUMBERS][NUMBER_SIZE];
	uint64_t spent = clock_monotonic_ns() - request->begun_ns;
	struct log_field field[] = {
		{ "event", TEXT("request") },
		{ "id", number(room[0], request->id) },
		{ "peer", text_from(request->peer.name) },
		{ "user", principal != NULL ? principal->name : TEXT_NONE },
		{ "method", request->method },
		{ "path", request->raw_path },
		{ "status", number(room[1], request->response.status) },
		{ "in", number(room[2], request->received) },
		{ "out", number(room[3], request->sent) },
		{ "us", number(room[4], spent / 1000) },
		{ "end", sent ? TEXT("sent") : TEXT("cut") },
		{ "agent", header_get(&request->headers, "User-Agent") },
	};

	/*
	 * 500 is an error of the disk, damage, or a fault of this program: it
	 * must be heard of where no access log is kept, too. Who asked for
	 * what is told: id, peer, user, method, path.
	 */
	if (request->response.status == 500)
		log_event(LOG_LEVEL_ERROR, "failed", &field[WHO_FIRST],
		    WHO_COUNT);
	if (fd >= 0)
		log_line(fd, field, sizeof(field) / sizeof(field[0]));
}

void
access_log(int fd, const struct request *request,
    const struct principal *principal, bool sent)
{
	if (fd >= 0 || request->response.status == 500)
		request_told(fd, request, principal, sent);
}

bool
access_log_open(const char *where, int *ret_fd)
{
	int fd = -1;

	if (strcmp(where, "off") == 0)
		*ret_fd = -1;
	else if (strcmp(where, "stderr") == 0)
		*ret_fd = STDERR_FILENO;
	else {
		fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
		    0640);
		if (fd < 0)
			return false;
		*ret_fd = fd;
	}
	return true;
}
