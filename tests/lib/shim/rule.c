#include "tests/lib/shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * The rules. Nothing here calls what the library replaces, save by syscall(),
 * and errno is the caller's whenever a call is let through.
 */
struct shim_control *shim_control;

__attribute__((constructor)) static void
shim_open(void)
{
	const char *path = getenv("SHIM_CONTROL");
	const char *record = getenv("SHIM_RECORD");
	void *map;
	int fd;

	if (path == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*shim_control), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map == MAP_FAILED)
		return;
	shim_control = map;
	if (shim_control->magic != SHIM_MAGIC)
		shim_control = NULL;
	else if (record != NULL)
		record_open(record);
}

/* "" where the descriptor has no name. */
static void
path_of_fd(int fd, char *ret_path)
{
	char link[32];
	ssize_t length;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, ret_path, SHIM_PATH - 1);
	ret_path[length > 0 ? length : 0] = '\0';
}

static void
path_at(int folder, const char *path, char *ret_path)
{
	char base[SHIM_PATH];

	if (path[0] == '/') {
		(void)snprintf(ret_path, SHIM_PATH, "%s", path);
		return;
	}
	if (folder == AT_FDCWD) {
		if (getcwd(base, sizeof(base)) == NULL)
			base[0] = '\0';
	} else {
		path_of_fd(folder, base);
	}
	if (snprintf(ret_path, SHIM_PATH, "%s/%s", base, path) >= SHIM_PATH)
		ret_path[0] = '\0';
}

static bool
rule_fits(const struct shim_rule *rule, enum shim_kind kind, const char *path)
{
	return rule->armed != 0 && (rule->kinds & kind) != 0 &&
	    (rule->pid == 0 || rule->pid == (uint32_t)getpid()) &&
	    (rule->pattern[0] == '\0' || fnmatch(rule->pattern, path, 0) == 0);
}

bool
shim_pretends(enum shim_kind kind, const char *path)
{
	for (size_t i = 0; i < SHIM_RULES; i++)
		if (shim_control->rules[i].action == SHIM_PRETEND &&
		    rule_fits(&shim_control->rules[i], kind, path))
			return true;
	return false;
}

/* Every rule that fits counts; the first whose turn it is acts. */
static void
rules_ask(struct shim_call *call)
{
	for (size_t i = 0; i < SHIM_RULES; i++) {
		struct shim_rule *rule = &shim_control->rules[i];
		uint64_t number;

		if (!rule_fits(rule, call->kind, call->path))
			continue;
		number = atomic_fetch_add(&rule->seen, 1) + 1;
		if (call->rule != NULL || rule->action == SHIM_COUNT ||
		    number < rule->from ||
		    (rule->until != 0 && number > rule->until))
			continue;
		atomic_fetch_add(&rule->acted, 1);
		call->rule = rule;
		call->action = rule->action;
	}
}

static void
die(void)
{
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

static void
wait_for(uint64_t microseconds)
{
	struct timespec time = { .tv_sec = (time_t)(microseconds / 1000000),
		.tv_nsec = (long)(microseconds % 1000000) * 1000 };

	(void)nanosleep(&time, NULL);
}

static bool
inside_root(const char *path)
{
	size_t length = strlen(shim_control->root);

	return length > 0 && strncmp(path, shim_control->root, length) == 0 &&
	    (path[length] == '/' || path[length] == '\0');
}

static bool
begin(struct shim_call *call, int error)
{
	call->recorded = shim_control->recording != 0 &&
	    inside_root(call->path);
	call->begun = atomic_load(&shim_control->log_end);
	rules_ask(call);
	errno = error;
	if (call->rule == NULL)
		return true;
	switch (call->action) {
	case SHIM_KILL:
		die();
		return false;
	case SHIM_FAIL:
		errno = call->rule->error;
		return false;
	case SHIM_PRETEND:
		errno = 0;
		return false;
	case SHIM_DELAY:
		wait_for(call->rule->argument);
		break;
	default:
		break;
	}
	errno = error;
	return true;
}

bool
shim_begin_fd(struct shim_call *call, enum shim_kind kind, int fd)
{
	int error = errno;

	call->kind = kind;
	call->rule = NULL;
	call->action = SHIM_COUNT;
	call->recorded = false;
	if (shim_control == NULL)
		return true;
	path_of_fd(fd, call->path);
	return begin(call, error);
}

bool
shim_begin_at(struct shim_call *call, enum shim_kind kind, int folder,
    const char *path)
{
	int error = errno;

	call->kind = kind;
	call->rule = NULL;
	call->action = SHIM_COUNT;
	call->recorded = false;
	if (shim_control == NULL || path == NULL)
		return true;
	path_at(folder, path, call->path);
	return begin(call, error);
}

size_t
shim_count(const struct shim_call *call, size_t count)
{
	if (call->rule == NULL)
		return count;
	if (call->action == SHIM_KILL_HALF && call->kind == SHIM_WRITE)
		return count / 2;
	if (call->action == SHIM_SHORT && call->rule->argument < count)
		return (size_t)call->rule->argument;
	return count;
}

void
shim_end(const struct shim_call *call)
{
	if (call->rule != NULL &&
	    (call->action == SHIM_KILL_AFTER || call->action == SHIM_KILL_HALF))
		die();
}
