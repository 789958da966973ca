#include "store/disk.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum outcome
disk_outcome(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* RLIMIT_FSIZE */
		return NO_SPACE;
	case ENOMEM:
		return BUSY;
	default:
		return IO;
	}
}

bool
disk_is_short(int fd, uint64_t size)
{
	struct statvfs status;

	return fstatvfs(fd, &status) == 0 &&
	    (uint64_t)status.f_bavail * status.f_frsize < size;
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
