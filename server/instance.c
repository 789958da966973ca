/*
 * flock(2) of state/lock: it goes with the last descriptor, however the
 * processes that hold it end.
 */
#include "server/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/scope.h"

enum {
	LOCK_TRIES = 50, /* times 100 ms: a process that is ending */
	PATH_SIZE = 4200
};

bool
instance_take(const char *state, int *ret_fd)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	struct stat info;
	char path[PATH_SIZE];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/lock", state);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0) {
		fprintf(stderr, "celldav: %s: %s; %s\n", path,
		    strerrordesc_np(errno),
		    errno == ENOENT ? "make it with celldav init" :
				      "its owner must be able to write there");
		return false;
	}
	if (geteuid() == 0 && stat(state, &info) == 0 &&
	    fchown(fd, info.st_uid, info.st_gid) != 0)
		log_message(LOG_LEVEL_WARNING, "lock", "%s",
		    strerrordesc_np(errno));
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			*ret_fd = fd;
			return true;
		}
		(void)nanosleep(&pause, NULL);
	}
	fprintf(stderr,
	    "celldav: %s is being served by another process; "
	    "end that one first\n",
	    state);
	fd_close(fd);
	return false;
}

bool
instance_is(int fd, const char *state)
{
	struct stat held, named;
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/lock", state);
	return fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
	    held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}
