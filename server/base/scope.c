#include "server/base/scope.h"

#include <errno.h>
#include <unistd.h>

void
fd_close(int fd)
{
	int saved = errno;

	if (fd < 0)
		return;
	/*
	 * Linux closes the descriptor whatever close() answers. Errors of
	 * writing are caught by the fdatasync() that every durable file gets.
	 */
	(void)close(fd);
	errno = saved;
}
