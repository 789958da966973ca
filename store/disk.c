#include "store/disk.h"

#include <errno.h>
#include <unistd.h>

enum outcome
disk_outcome(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? NO_SPACE :
								      IO;
}

enum outcome
disk_write(int fd, struct text bytes, off_t offset)
{
	while (bytes.len > 0) {
		ssize_t n = TEMP_FAILURE_RETRY(pwrite(fd, bytes.ptr, bytes.len,
		    offset));

		if (n <= 0)
			return n == 0 ? IO : disk_outcome(errno);
		bytes.ptr += n;
		bytes.len -= (size_t)n;
		offset += n;
	}
	return OK;
}

enum outcome
disk_read(int fd, char *bytes, size_t len, off_t offset)
{
	while (len > 0) {
		ssize_t n = TEMP_FAILURE_RETRY(pread(fd, bytes, len, offset));

		if (n <= 0)
			return n == 0 ? NOT_FOUND : IO;
		bytes += n;
		len -= (size_t)n;
		offset += n;
	}
	return OK;
}

enum outcome
disk_sync(int fd)
{
	/* EINTR comes before anything was written, and loses nothing. */
	return TEMP_FAILURE_RETRY(fdatasync(fd)) == 0 ? OK :
							disk_outcome(errno);
}
