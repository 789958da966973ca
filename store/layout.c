#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/scopes.h"

/*
 * The state folder: whose it is, which folders it has, and whether its engine
 * can be read at all.
 */
static const char *const folders[] = { "engine", "blobs", "staging", "secret" };

enum outcome
layout_act_as_owner(const char *path, struct buffer *message)
{
	struct stat status;

	if (geteuid() != 0 || stat(path, &status) != 0 || status.st_uid == 0)
		return OK;
	if (setgroups(1, &status.st_gid) == 0 && setegid(status.st_gid) == 0 &&
	    seteuid(status.st_uid) == 0)
		return OK;
	buffer_format(message, "cannot act as the owner of %s (user %u): %s",
	    path, status.st_uid, strerrordesc_np(errno));
	return FORBIDDEN;
}

/* A new entry is durable when the folder that names it was synced. */
static int
sync_folder(const char *path)
{
	SCOPED(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : (int)TEMP_FAILURE_RETRY(fsync(fd));
}

static int
make_folder(const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return -1;
}

static int
sync_parent(const char *path)
{
	char parent[PATH_MAX];
	char *slash;
	int len = snprintf(parent, sizeof(parent), "%s", path);

	if (len < 0 || (size_t)len >= sizeof(parent))
		return -1;
	slash = strrchr(parent, '/');
	if (slash == NULL)
		return sync_folder(".");
	*(slash == parent ? slash + 1 : slash) = '\0';
	return sync_folder(parent);
}

static int
make_folders(const char *path)
{
	char name[PATH_MAX];

	if (make_folder(path) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int len = snprintf(name, sizeof(name), "%s/%s", path,
		    folders[i]);

		if (len < 0 || (size_t)len >= sizeof(name)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (make_folder(name) != 0)
			return -1;
	}
	return sync_folder(path) == 0 ? sync_parent(path) : -1;
}

enum outcome
layout_create(const char *path, struct buffer *message)
{
	int error;

	if (make_folders(path) == 0)
		return OK;
	error = errno;
	buffer_format(message, "cannot make the state folder %s: %s", path,
	    strerrordesc_np(error));
	return error == ENOSPC || error == EDQUOT ? NO_SPACE : IO;
}

bool
layout_exists(const char *path)
{
	char name[PATH_MAX];
	struct stat status;
	int len = snprintf(name, sizeof(name), "%s/engine", path);

	return len > 0 && (size_t)len < sizeof(name) &&
	    stat(name, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Touches the first and last key of every kind: roots, branches, leaves. */
static enum outcome
read_corners(struct engine *engine)
{
	SCOPED(txn) struct txn *txn = NULL;
	SCOPED(cursor) struct cursor *cursor = NULL;
	enum outcome outcome = txn_begin_read(engine, &txn);

	if (outcome == OK)
		outcome = cursor_open(txn, &cursor);
	for (int kind = 1; outcome == OK && kind < 128; kind++) {
		char byte = (char)kind;
		struct text key = { &byte, 1 };

		outcome = cursor_seek(cursor, key);
		if (outcome == OK)
			outcome = cursor_before(cursor, key);
		if (outcome == NOT_FOUND)
			outcome = OK;
	}
	return outcome;
}

static void
probe_child(const struct engine_row *row, const struct engine_options *options)
{
	static const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE };
	const struct rlimit none = { 0, 0 };
	struct engine_options read_only = *options;
	struct buffer message = { .max = 1024 };
	struct engine *engine;
	enum outcome outcome;
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &none);
	if (quiet >= 0)
		(void)dup2(quiet, STDERR_FILENO);
	read_only.read_only = true;
	outcome = row->open(&read_only, &message, &engine);
	/* Why not is said better by the caller's own opening. */
	if (outcome == OK && read_corners(engine) != OK)
		_exit(1);
	_exit(0);
}

enum outcome
layout_probe(const struct engine_row *row, const struct engine_options *options,
    struct buffer *message)
{
	int status = 0;
	pid_t child;

	if (!row->durable)
		return OK;
	child = fork();
	if (child == 0)
		probe_child(row, options);
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			child = -1;
	if (child < 0) {
		buffer_format(message,
		    "cannot start a process to look at %s: "
		    "%s",
		    options->path, strerrordesc_np(errno));
		return BUSY;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return OK;
	/* Killed from outside, as for want of memory: that proves nothing. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		buffer_format(message,
		    "the process that looks at %s was killed: try again",
		    options->path);
		return BUSY;
	}
	buffer_format(message,
	    "the engine in %s is damaged and cannot be "
	    "read: restore a backup",
	    options->path);
	return DAMAGED;
}
