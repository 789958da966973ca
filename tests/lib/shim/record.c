#include "tests/lib/shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * The record. Its order is that of the calls' ends: place is taken with one
 * atomic addition, so whoever saw a call return finds it in the record before
 * the end that it reads then. A sync also tells where the record ended when
 * it began: only what stands before that is surely on the disk.
 */
enum {
	PLACE_HIGH = 900, /* out of the way of the server's descriptors */
	PIECES = 1024,
	BACK_SIZE = 1 << 16
};

static int record_fd = -1;

void
record_open(const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	record_fd = fcntl(fd, F_DUPFD_CLOEXEC, PLACE_HIGH);
	if (record_fd < 0)
		record_fd = fd;
	else
		(void)close(fd);
}

/* A record that cannot be written ends the test, not its truth. */
static void
write_whole(const void *data, size_t size, uint64_t at)
{
	while (size > 0) {
		ssize_t done = syscall(SYS_pwrite64, record_fd, data, size, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			abort();
		data = (const char *)data + done;
		size -= (size_t)done;
		at += (uint64_t)done;
	}
}

/* The head goes last: a record without it was not finished. */
static void
append(struct shim_record *record, const struct iovec *data, size_t count)
{
	uint64_t at, to;
	size_t size = sizeof(*record);

	for (size_t i = 0; i < count; i++)
		size += data[i].iov_len;
	size = (size + 7) / 8 * 8;
	record->size = size;
	record->pid = (uint32_t)getpid();
	record->thread = (uint32_t)gettid();
	at = atomic_fetch_add(&shim_control->log_end, size);
	to = at + sizeof(*record);
	for (size_t i = 0; i < count; i++) {
		write_whole(data[i].iov_base, data[i].iov_len, to);
		to += data[i].iov_len;
	}
	if (to < at + size)
		write_whole("\0\0\0\0\0\0\0", (size_t)(at + size - to), to);
	write_whole(record, sizeof(*record), at);
}

static bool
wanted(const struct shim_call *call)
{
	return call->recorded && record_fd >= 0;
}

/* Sockets and pipes have no contents that a power cut would spare. */
static bool
file_of(int fd, uint64_t *ret_inode)
{
	struct stat info;

	if (fstat(fd, &info) != 0 ||
	    !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))
		return false;
	*ret_inode = info.st_ino;
	return true;
}

static unsigned
write_flags(const struct shim_call *call, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_DSYNC) == 0 ||
	    shim_pretends(SHIM_SYNC, call->path))
		return 0;
	return SHIM_FLAG_DSYNC;
}

void
record_vector(const struct shim_call *call, int fd, uint64_t at,
    const struct iovec *vector, size_t size)
{
	struct shim_record record = {
		.event = SHIM_EV_WRITE, .offset = at, .length = size
	};
	struct iovec piece[PIECES];
	size_t count = 0, left = size;
	int error = errno;

	if (wanted(call) && file_of(fd, &record.inode)) {
		record.flags = write_flags(call, fd);
		for (; left > 0 && count < PIECES; count++) {
			piece[count] = vector[count];
			if (piece[count].iov_len > left)
				piece[count].iov_len = left;
			left -= piece[count].iov_len;
		}
		append(&record, piece, count);
	}
	errno = error;
}

void
record_data(const struct shim_call *call, int fd, uint64_t at, const void *data,
    size_t size)
{
	struct iovec piece = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = size };

	record_vector(call, fd, at, &piece, size);
}

/* What the kernel copied by itself is read back from the file. */
void
record_back(const struct shim_call *call, int fd, uint64_t at, size_t size)
{
	static _Thread_local char data[BACK_SIZE];
	char link[32];
	int error = errno, from;

	if (!wanted(call))
		return;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	from = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		abort();
	while (size > 0) {
		size_t piece = size < BACK_SIZE ? size : BACK_SIZE;
		ssize_t got = syscall(SYS_pread64, from, data, piece, at);

		if (got <= 0)
			abort();
		record_data(call, fd, at, data, (size_t)got);
		at += (uint64_t)got;
		size -= (size_t)got;
	}
	(void)close(from);
	errno = error;
}

void
record_allocate(const struct shim_call *call, int fd, unsigned mode,
    uint64_t at, uint64_t length)
{
	struct shim_record record = { .event = SHIM_EV_ALLOCATE,
		.flags = mode,
		.offset = at,
		.length = length };
	int error = errno;

	if (wanted(call) && file_of(fd, &record.inode))
		append(&record, NULL, 0);
	errno = error;
}

void
record_inode(const struct shim_call *call, enum shim_event event, int fd,
    uint64_t at, uint64_t length)
{
	struct shim_record record = {
		.event = event, .offset = at, .length = length
	};
	int error = errno;

	if (wanted(call) && (fd < 0 || file_of(fd, &record.inode)))
		append(&record, NULL, 0);
	errno = error;
}

/* The folder of a path: its inode, and where the last name begins. */
static bool
folder_of(int folder, const char *path, uint64_t *ret_inode,
    const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char parent[SHIM_PATH];
	struct stat info;

	*ret_name = slash == NULL ? path : slash + 1;
	(void)snprintf(parent, sizeof(parent), "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	if (fstatat(folder, parent, &info, 0) != 0)
		return false;
	*ret_inode = info.st_ino;
	return true;
}

void
record_entry(const struct shim_call *call, enum shim_event event, int folder,
    const char *path, unsigned flags)
{
	struct shim_record record = { .event = event, .flags = flags };
	const char *name = "";
	struct iovec piece;
	struct stat info;
	int error = errno;

	if (wanted(call) && folder_of(folder, path, &record.folder, &name)) {
		if (event != SHIM_EV_UNLINK &&
		    fstatat(folder, path, &info, AT_SYMLINK_NOFOLLOW) == 0)
			record.inode = info.st_ino;
		piece = (struct iovec){ .iov_base = (void *)(uintptr_t)name,
			.iov_len = strlen(name) + 1 };
		append(&record, &piece, 1);
	}
	errno = error;
}

void
record_move(const struct shim_call *call, int folder, const char *path,
    int target, const char *name, unsigned flags)
{
	struct shim_record record = { .event = SHIM_EV_RENAME, .flags = flags };
	const char *old = "", *new = "";
	struct iovec piece[2];
	struct stat info;
	int error = errno;

	if (wanted(call) && folder_of(folder, path, &record.folder, &old) &&
	    folder_of(target, name, &record.target, &new) &&
	    fstatat(target, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
		record.inode = info.st_ino;
		piece[0].iov_base = (void *)(uintptr_t)old;
		piece[0].iov_len = strlen(old) + 1;
		piece[1].iov_base = (void *)(uintptr_t)new;
		piece[1].iov_len = strlen(new) + 1;
		append(&record, piece, 2);
	}
	errno = error;
}
