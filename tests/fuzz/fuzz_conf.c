/*
 * Files of configuration. A file that is refused says where, on lines of one
 * form; a file that is taken prints a form that loads as the same.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/base/scope.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

/* A file that exists only in memory, loaded by its name in /proc. */
static enum outcome
load(struct text bytes, struct buffer *message, struct conf **ret_conf)
{
	SCOPED(fd) int fd = memfd_create("conf", MFD_CLOEXEC);
	char name[64];

	need(fd >= 0);
	need(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return conf_load(name, message, ret_conf);
}

static void
check_message(struct text message)
{
	need(text_ends(message, TEXT("\n")));
	while (message.len > 0) {
		struct text line = text_split(&message, '\n');

		need(text_find_text(line, TEXT(": ")) < line.len);
	}
}

static void
check_printed(struct conf *conf)
{
	struct buffer first = { .max = 0 }, second = { .max = 0 };
	struct buffer message = { .max = 0 };
	struct conf *again = NULL;

	conf_print(conf, &first);
	need(load(buffer_text(&first), &message, &again) == OK);
	need(message.len == 0);
	conf_print(again, &second);
	need(text_equal(buffer_text(&first), buffer_text(&second)));
	conf_unref(again);
	buffer_done(&first);
	buffer_done(&second);
}

/*
 * Files that name others, or variables, do not depend on their bytes alone.
 * libConfuse forgets the arguments of a call that it cannot parse, which the
 * leak check would report.
 */
static bool
depends_on_more(struct text bytes)
{
	return text_find_text(bytes, TEXT("include")) < bytes.len ||
	    text_find_text(bytes, TEXT("${")) < bytes.len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text bytes = { (const char *)data, size };
	struct buffer message = { .max = 0 };
	struct conf *conf = NULL;

	if (depends_on_more(bytes))
		return 0;
	if (load(bytes, &message, &conf) == OK) {
		need(message.len == 0);
		check_printed(conf);
		conf_unref(conf);
	} else {
		need(conf == NULL);
		check_message(buffer_text(&message));
	}
	buffer_done(&message);
	return 0;
}
