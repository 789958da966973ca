#include "tests/lib/shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The calls on names. Whether O_CREAT made a file is not told by the call;
 * every such open is recorded with the inode that it found or made, and the
 * reader of the record, who knows the names, tells the two apart.
 */
#define ALSO(name, of) extern __typeof__(of) name __attribute__((alias(#of)))

static int
unmade(void)
{
	return errno == 0 ? 0 : -1;
}

/* ---- Opening -------------------------------------------------------------- */

static bool
is_tmpfile(int flags)
{
	return (flags & O_TMPFILE) == O_TMPFILE;
}

static void
open_record(const struct shim_call *call, int fd, int folder, const char *path,
    int flags)
{
	struct stat info;

	if (!call->recorded)
		return;
	if (is_tmpfile(flags))
		record_inode(call, SHIM_EV_CREATE, fd, 0, 0);
	else if ((flags & O_CREAT) != 0)
		record_entry(call, SHIM_EV_CREATE, folder, path, 0);
	if ((flags & O_TRUNC) != 0 && fstat(fd, &info) == 0 &&
	    S_ISREG(info.st_mode))
		record_inode(call, SHIM_EV_TRUNCATE, fd, 0, 0);
}

static int
open_at(int folder, const char *path, int flags, mode_t mode)
{
	bool creates = (flags & O_CREAT) != 0 || is_tmpfile(flags);
	struct shim_call call;
	int error, fd;

	if (!shim_begin_at(&call, creates ? SHIM_CREATE : SHIM_OPEN, folder,
		path))
		return -1;
	fd = (int)syscall(SYS_openat, folder, path, flags, mode);
	error = errno;
	if (fd >= 0)
		open_record(&call, fd, folder, path, flags);
	errno = error;
	shim_end(&call);
	return fd;
}

/* The mode is there only where a file may be made. */
#define MODE_OF(flags, mode) \
	do { \
		va_list arguments; \
		if (((flags) & O_CREAT) != 0 || is_tmpfile(flags)) { \
			va_start(arguments, flags); \
			(mode) = va_arg(arguments, mode_t); \
			va_end(arguments); \
		} \
	} while (0)

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return open_at(AT_FDCWD, path, flags, mode);
}
ALSO(open64, open);

int
openat(int folder, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return open_at(folder, path, flags, mode);
}
ALSO(openat64, openat);

int
creat(const char *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
ALSO(creat64, creat);

/* What _FORTIFY_SOURCE makes of an open() without a mode. */
int
__open_2(const char *path, int flags);
int
__open64_2(const char *path, int flags);
int
__openat_2(int folder, const char *path, int flags);
int
__openat64_2(int folder, const char *path, int flags);

int
__open_2(const char *path, int flags)
{
	return open_at(AT_FDCWD, path, flags, 0);
}
ALSO(__open64_2, __open_2);

int
__openat_2(int folder, const char *path, int flags)
{
	return open_at(folder, path, flags, 0);
}
ALSO(__openat64_2, __openat_2);

/* ---- Names ---------------------------------------------------------------- */

int
renameat2(int folder, const char *path, int target, const char *name,
    unsigned flags)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_at(&call, SHIM_RENAME, target, name))
		return unmade();
	rc = (int)syscall(SYS_renameat2, folder, path, target, name, flags);
	if (rc == 0)
		record_move(&call, folder, path, target, name,
		    (flags & RENAME_EXCHANGE) != 0 ? SHIM_FLAG_EXCHANGE : 0);
	shim_end(&call);
	return rc;
}

int
renameat(int folder, const char *path, int target, const char *name)
{
	return renameat2(folder, path, target, name, 0);
}

int
rename(const char *path, const char *name)
{
	return renameat2(AT_FDCWD, path, AT_FDCWD, name, 0);
}

int
linkat(int folder, const char *path, int target, const char *name, int flags)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_at(&call, SHIM_LINK, target, name))
		return unmade();
	rc = (int)syscall(SYS_linkat, folder, path, target, name, flags);
	if (rc == 0)
		record_entry(&call, SHIM_EV_LINK, target, name, 0);
	shim_end(&call);
	return rc;
}

int
link(const char *path, const char *name)
{
	return linkat(AT_FDCWD, path, AT_FDCWD, name, 0);
}

int
unlinkat(int folder, const char *path, int flags)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_at(&call, SHIM_UNLINK, folder, path))
		return unmade();
	rc = (int)syscall(SYS_unlinkat, folder, path, flags);
	if (rc == 0)
		record_entry(&call, SHIM_EV_UNLINK, folder, path, 0);
	shim_end(&call);
	return rc;
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int
mkdirat(int folder, const char *path, mode_t mode)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_at(&call, SHIM_MKDIR, folder, path))
		return unmade();
	rc = (int)syscall(SYS_mkdirat, folder, path, mode);
	if (rc == 0)
		record_entry(&call, SHIM_EV_MKDIR, folder, path, 0);
	shim_end(&call);
	return rc;
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}
