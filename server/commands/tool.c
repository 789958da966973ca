/*
 * What commands share. A password file is read before the store is opened,
 * which turns a root into the owner of the state.
 */
#include "server/commands/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/password.h"
#include "conf/directive.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/base/scope.h"

enum { PASSWORD_FILE_MAX = 4096, MESSAGE_MAX = 65536 };

/* The lines of a message; those of the configuration say FILE:LINE first. */
static int
print_message(const struct buffer *message, const char *prefix)
{
	struct text rest = buffer_text(message);

	while (rest.ptr != NULL) {
		struct text line = text_split(&rest, '\n');

		if (line.len > 0)
			fprintf(stderr, "%s%.*s\n", prefix, TEXT_ARGS(line));
	}
	return EXIT_REFUSED;
}

int
tool_conf(struct invocation *invocation)
{
	struct buffer message = { .max = MESSAGE_MAX };
	int status = EXIT_DONE;

	if (access(invocation->config, F_OK) != 0)
		return command_fail("%s: %s; name the configuration with -c, "
				    "or make one with celldav init --dir",
		    invocation->config, strerrordesc_np(errno));
	if (conf_load(invocation->config, &message, &invocation->conf) != OK)
		status = print_message(&message, "");
	buffer_done(&message);
	return status;
}

int
tool_store(struct invocation *invocation, enum store_open how)
{
	struct buffer message = { .max = MESSAGE_MAX };
	int status = EXIT_DONE;

	thread_enter_worker();
	if (invocation->conf == NULL)
		status = tool_conf(invocation);
	if (status == EXIT_DONE &&
	    store_open(invocation->conf, how, &message, &invocation->store) !=
		OK)
		status = print_message(&message, "celldav: ");
	buffer_done(&message);
	return status;
}

int
tool_read(struct invocation *invocation, struct txn **ret_txn)
{
	enum outcome outcome = txn_begin_read(invocation->store->engine,
	    ret_txn);

	return outcome == OK ?
	    EXIT_DONE :
	    tool_fail(outcome, "state", invocation->conf->store.path);
}

static const char *
why(enum outcome outcome)
{
	switch ((int)outcome) {
	case NOT_FOUND:
		return "it is not there";
	case EXISTS:
		return "there is one already";
	case CONFLICT:
		return "its surroundings do not allow it";
	case FORBIDDEN:
		return "a right is missing";
	case LOCKED:
		return "a client has locked it; try again later";
	case TOO_LARGE:
		return "it goes past a limit of the configuration";
	case NO_SPACE:
		return "no space is left, on the disk or in a quota";
	case BUSY:
		return "too much is waiting; try again";
	case BAD_INPUT:
		return "it is malformed";
	case UNSUPPORTED:
		return "this is not offered";
	case IO:
		return "the disk failed; see the system's log";
	case DAMAGED:
		return "stored bytes are damaged; run celldav verify";
	default:
		return outcome_name(outcome);
	}
}

int
tool_fail(enum outcome outcome, const char *kind, const char *what)
{
	static const char *const listed[] = { "user", "group", "cell" };

	if (outcome == NOT_FOUND && strcmp(kind, "place") == 0)
		return command_fail("%s: there is no such place; it is "
				    "CELL/PATH or ~USER/PATH, see celldav cell "
				    "list",
		    what);
	for (size_t i = 0; outcome == NOT_FOUND && i < 3; i++)
		if (strcmp(kind, listed[i]) == 0)
			return command_fail("%s %s: there is none of that "
					    "name; see celldav %s list",
			    kind, what, kind);
	return command_fail("%s %s: %s", kind, what, why(outcome));
}

/* All of a small file; false with errno, or EFBIG. */
static bool
read_all(int fd, char *bytes, size_t max, size_t *ret_len)
{
	size_t len = 0;

	for (;;) {
		ssize_t got = read(fd, bytes + len, max - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		len += (size_t)got;
		if (len == max) {
			errno = EFBIG;
			return false;
		}
	}
	*ret_len = len;
	return true;
}

static bool
read_file(const char *file, char *bytes, size_t max, size_t *ret_len)
{
	SCOPED(fd) int fd = -1;

	if (strcmp(file, "-") == 0)
		return read_all(STDIN_FILENO, bytes, max, ret_len);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read_all(fd, bytes, max, ret_len);
}

int
tool_password(struct invocation *invocation, const char *file,
    struct secret *ret_password)
{
	char *bytes = arena_alloc(invocation->arena, PASSWORD_FILE_MAX);
	struct text line;
	size_t len;

	if (!read_file(file, bytes, PASSWORD_FILE_MAX, &len)) {
		return command_fail("%s: cannot be read: %s", file,
		    strerrordesc_np(errno));
	}
	line = (struct text){ bytes, len };
	line = text_slice(line, 0, text_find(line, '\n'));
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0) {
		return command_fail("%s: the first line is empty; write the "
				    "password there",
		    file);
	}
	ret_password->bytes = line;
	return EXIT_DONE;
}

int
tool_hash(struct invocation *invocation, struct secret password,
    struct text *ret_phc)
{
	enum outcome outcome;

	thread_enter_worker();
	outcome = password_hash(invocation->arena, password, ret_phc);
	return outcome == OK ? EXIT_DONE :
			       tool_fail(outcome, "password", "given");
}

int
tool_size(struct invocation *invocation, const char *option, uint64_t *ret_size)
{
	const char *value = invocation_option(invocation, option);

	if (value == NULL || size_parse(text_from(value), ret_size))
		return EXIT_DONE;
	return command_fail("--%s %s: is no size; write 500M, 10G or 0 for "
			    "none",
	    option, value);
}

int
tool_time(struct invocation *invocation, const char *option, uint64_t *ret_ns)
{
	const char *value = invocation_option(invocation, option);

	if (value == NULL ||
	    clock_parse_user(text_from(value), clock_wall_ns(), ret_ns))
		return EXIT_DONE;
	return command_fail("--%s %s: is no time; write 2030-12-31, "
			    "2030-12-31T18:00:00Z or +7d",
	    option, value);
}

bool
tool_id(const char *word, uint64_t *ret_id)
{
	return text_parse_u64(text_from(word), 16, ret_id);
}

struct secret
tool_make_password(struct arena *arena)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	enum { LETTERS = 20, GROUP = 5, SHOWN = LETTERS + LETTERS / GROUP - 1 };
	unsigned char bytes[LETTERS];
	char *shown = arena_alloc(arena, SHOWN);
	size_t at = 0;

	random_fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < LETTERS; i++) {
		if (i > 0 && i % GROUP == 0)
			shown[at++] = '-';
		shown[at++] = letters[bytes[i] % (sizeof(letters) - 1)];
	}
	secret_wipe(bytes, sizeof(bytes));
	return (struct secret){ { shown, at } };
}
