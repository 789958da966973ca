#include "store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/memory.h"
#include "server/base/scope.h"

/*
 * The size that the file shall have stands in a sparse length, which costs
 * nothing; the blocks behind it are what is taken and given. So a process
 * that dies while the space is lent leaves the length, and the next one takes
 * the blocks again.
 */
static int
reserve_file(const char *path)
{
	return (int)TEMP_FAILURE_RETRY(open(path,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

enum outcome
reserve_resize(const char *path, uint64_t size)
{
	SCOPED(fd) int fd = reserve_file(path);
	struct stat status;

	if (fd < 0 || size > INT64_MAX || fstat(fd, &status) != 0)
		return errno == ENOSPC ? NO_SPACE : IO;
	if ((uint64_t)status.st_size == size)
		return OK;
	return ftruncate(fd, (off_t)size) == 0 ? OK : IO;
}

/* All blocks or none: a part would be lost to everybody. */
static bool
take_blocks(int fd, uint64_t size)
{
	int rc;

	if (fd < 0)
		return false;
	do
		rc = posix_fallocate(fd, 0, (off_t)size);
	while (rc == EINTR);
	if (rc == 0)
		return true;
	(void)(ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0);
	return false;
}

void
reserve_open(struct reserve *reserve, const char *path)
{
	SCOPED(fd) int fd = -1;
	struct stat status;

	*reserve = (struct reserve){ 0 };
	if (path == NULL)
		return;
	fd = reserve_file(path);
	if (fd < 0 || fstat(fd, &status) != 0 || status.st_size == 0)
		return;
	reserve->path = memory_string(text_from(path));
	reserve->size = (uint64_t)status.st_size;
	reserve->given = !take_blocks(fd, reserve->size);
}

void
reserve_done(struct reserve *reserve)
{
	free(reserve->path);
	*reserve = (struct reserve){ 0 };
}

bool
reserve_give(struct reserve *reserve)
{
	SCOPED(fd) int fd = -1;

	if (reserve->path == NULL || reserve->given)
		return false;
	fd = reserve_file(reserve->path);
	if (fd < 0 || ftruncate(fd, 0) != 0)
		return false;
	reserve->given = true;
	/* The length is for the next process; without it this one knows. */
	(void)(ftruncate(fd, (off_t)reserve->size) == 0);
	return true;
}

bool
reserve_take(struct reserve *reserve)
{
	SCOPED(fd) int fd = -1;

	if (!reserve->given)
		return true;
	fd = reserve_file(reserve->path);
	reserve->given = !take_blocks(fd, reserve->size);
	return !reserve->given;
}
