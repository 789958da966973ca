#include "tests/lib/shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * The calls on descriptors. They are made by syscall(), so that there is
 * nothing to look up and no order in which libraries must begin; a long holds
 * an offset on every machine that this is for.
 */
_Static_assert(sizeof(long) == 8, "offsets fit one argument");

/* The 64-bit names are the same functions under another name. */
#define ALSO(name, of) extern __typeof__(of) name __attribute__((alias(#of)))

/* What a call that is not made returns: `done` when that shall be believed. */
static ssize_t
unmade(size_t done)
{
	return errno == 0 ? (ssize_t)done : -1;
}

static size_t
vector_size(const struct iovec *vector, int count)
{
	size_t size = 0;

	for (int i = 0; i < count; i++)
		size += vector[i].iov_len;
	return size;
}

/* Where write() will write. */
static uint64_t
place_of(const struct shim_call *call, int fd)
{
	int error = errno;
	int flags;
	off_t at;

	if (!call->recorded)
		return 0;
	flags = fcntl(fd, F_GETFL);
	at = lseek(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
	errno = error;
	return at < 0 ? 0 : (uint64_t)at;
}

/* ---- Reading -------------------------------------------------------------- */

ssize_t
read(int fd, void *buffer, size_t count)
{
	struct shim_call call;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_READ, fd))
		return unmade(0);
	done = syscall(SYS_read, fd, buffer, shim_count(&call, count));
	shim_end(&call);
	return done;
}

ssize_t
pread(int fd, void *buffer, size_t count, off_t at)
{
	struct shim_call call;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_READ, fd))
		return unmade(0);
	done = syscall(SYS_pread64, fd, buffer, shim_count(&call, count), at);
	shim_end(&call);
	return done;
}
ALSO(pread64, pread);

ssize_t
readv(int fd, const struct iovec *vector, int count)
{
	struct shim_call call;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_READ, fd))
		return unmade(0);
	if (call.action == SHIM_SHORT && count > 0)
		done = syscall(SYS_read, fd, vector[0].iov_base,
		    shim_count(&call, vector[0].iov_len));
	else
		done = syscall(SYS_readv, fd, vector, count);
	shim_end(&call);
	return done;
}

ssize_t
preadv(int fd, const struct iovec *vector, int count, off_t at)
{
	struct shim_call call;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_READ, fd))
		return unmade(0);
	done = syscall(SYS_preadv, fd, vector, count, at, 0);
	shim_end(&call);
	return done;
}
ALSO(preadv64, preadv);

/* ---- Writing -------------------------------------------------------------- */

ssize_t
write(int fd, const void *buffer, size_t count)
{
	struct shim_call call;
	uint64_t at;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_WRITE, fd))
		return unmade(count);
	at = place_of(&call, fd);
	done = syscall(SYS_write, fd, buffer, shim_count(&call, count));
	if (done > 0)
		record_data(&call, fd, at, buffer, (size_t)done);
	shim_end(&call);
	return done;
}

ssize_t
pwrite(int fd, const void *buffer, size_t count, off_t at)
{
	struct shim_call call;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_WRITE, fd))
		return unmade(count);
	done = syscall(SYS_pwrite64, fd, buffer, shim_count(&call, count), at);
	if (done > 0)
		record_data(&call, fd, (uint64_t)at, buffer, (size_t)done);
	shim_end(&call);
	return done;
}
ALSO(pwrite64, pwrite);

/* Cut off behind `left` bytes; the pieces must hold as many as `vector`. */
static int
vector_cut(const struct iovec *vector, int count, size_t left,
    struct iovec *ret_cut)
{
	int used = 0;

	for (; used < count && left > 0; used++) {
		ret_cut[used] = vector[used];
		if (ret_cut[used].iov_len > left)
			ret_cut[used].iov_len = left;
		left -= ret_cut[used].iov_len;
	}
	return used;
}

/* at -1: where the descriptor is */
static ssize_t
write_vector(int fd, const struct iovec *vector, int count, off_t at, int flags)
{
	struct shim_call call;
	size_t size = vector_size(vector, count), less;
	struct iovec cut[IOV_MAX];
	uint64_t place = (uint64_t)at;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_WRITE, fd))
		return unmade(size);
	less = shim_count(&call, size);
	if (less < size && count <= IOV_MAX) {
		count = vector_cut(vector, count, less, cut);
		vector = cut;
	}
	if (at == -1)
		place = place_of(&call, fd);
	done = at == -1 && flags == 0 ?
	    syscall(SYS_writev, fd, vector, count) :
	    syscall(SYS_pwritev2, fd, vector, count, at, at >> 63, flags);
	if (done > 0)
		record_vector(&call, fd, place, vector, (size_t)done);
	if (done > 0 && (flags & (RWF_DSYNC | RWF_SYNC)) != 0)
		record_inode(&call, SHIM_EV_SYNC, fd,
		    atomic_load(&shim_control->log_end), 0);
	shim_end(&call);
	return done;
}

ssize_t
writev(int fd, const struct iovec *vector, int count)
{
	return write_vector(fd, vector, count, -1, 0);
}

ssize_t
pwritev(int fd, const struct iovec *vector, int count, off_t at)
{
	return write_vector(fd, vector, count, at, 0);
}
ALSO(pwritev64, pwritev);

ssize_t
pwritev2(int fd, const struct iovec *vector, int count, off_t at, int flags)
{
	return write_vector(fd, vector, count, at, flags);
}
ALSO(pwritev64v2, pwritev2);

/* ---- Copying in the kernel ------------------------------------------------ */

static uint64_t
target_of(const struct shim_call *call, int fd, const off_t *at)
{
	return at != NULL ? (uint64_t)*at : place_of(call, fd);
}

ssize_t
copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at,
    size_t count, unsigned flags)
{
	struct shim_call call;
	uint64_t at;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_COPY, to))
		return unmade(count);
	at = target_of(&call, to, to_at);
	done = syscall(SYS_copy_file_range, from, from_at, to, to_at,
	    shim_count(&call, count), flags);
	if (done > 0)
		record_back(&call, to, at, (size_t)done);
	shim_end(&call);
	return done;
}

ssize_t
splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t count,
    unsigned flags)
{
	struct shim_call call;
	uint64_t at;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_COPY, to))
		return unmade(count);
	at = target_of(&call, to, to_at);
	done = syscall(SYS_splice, from, from_at, to, to_at,
	    shim_count(&call, count), flags);
	if (done > 0)
		record_back(&call, to, at, (size_t)done);
	shim_end(&call);
	return done;
}

ssize_t
sendfile(int to, int from, off_t *from_at, size_t count)
{
	struct shim_call call;
	uint64_t at;
	ssize_t done;

	if (!shim_begin_fd(&call, SHIM_COPY, to))
		return unmade(count);
	at = target_of(&call, to, NULL);
	done = syscall(SYS_sendfile, to, from, from_at,
	    shim_count(&call, count));
	if (done > 0)
		record_back(&call, to, at, (size_t)done);
	shim_end(&call);
	return done;
}
ALSO(sendfile64, sendfile);

/* ---- Sizes, syncs and maps ------------------------------------------------ */

int
ftruncate(int fd, off_t size)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_fd(&call, SHIM_TRUNCATE, fd))
		return (int)unmade(0);
	rc = (int)syscall(SYS_ftruncate, fd, size);
	if (rc == 0)
		record_inode(&call, SHIM_EV_TRUNCATE, fd, 0, (uint64_t)size);
	shim_end(&call);
	return rc;
}
ALSO(ftruncate64, ftruncate);

int
fallocate(int fd, int mode, off_t at, off_t length)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_fd(&call, SHIM_ALLOCATE, fd))
		return (int)unmade(0);
	rc = (int)syscall(SYS_fallocate, fd, mode, at, length);
	if (rc == 0)
		record_allocate(&call, fd, (unsigned)mode, (uint64_t)at,
		    (uint64_t)length);
	shim_end(&call);
	return rc;
}
ALSO(fallocate64, fallocate);

/* Says its error as its result, and leaves errno alone. */
int
posix_fallocate(int fd, off_t at, off_t length)
{
	int error = errno, rc;

	rc = fallocate(fd, 0, at, length) == 0 ? 0 : errno;
	errno = error;
	return rc;
}
ALSO(posix_fallocate64, posix_fallocate);

static int
sync_file(int fd, long number)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_fd(&call, SHIM_SYNC, fd))
		return (int)unmade(0);
	rc = (int)syscall(number, fd);
	if (rc == 0)
		record_inode(&call, SHIM_EV_SYNC,
		    number == SYS_syncfs ? -1 : fd, call.begun, 0);
	shim_end(&call);
	return rc;
}

int
fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}

int
syncfs(int fd)
{
	return sync_file(fd, SYS_syncfs);
}

int
sync_file_range(int fd, off64_t at, off64_t length, unsigned flags)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_fd(&call, SHIM_RANGE, fd))
		return (int)unmade(0);
	rc = (int)syscall(SYS_sync_file_range, fd, at, length, flags);
	shim_end(&call);
	return rc;
}

/* Which file it is cannot be seen from here: counted by its name "memory". */
int
msync(void *address, size_t length, int flags)
{
	struct shim_call call;
	int rc;

	if (!shim_begin_at(&call, SHIM_SYNC, AT_FDCWD, "/memory"))
		return (int)unmade(0);
	rc = (int)syscall(SYS_msync, address, length, flags);
	shim_end(&call);
	return rc;
}

void *
mmap(void *address, size_t length, int protection, int flags, int fd, off_t at)
{
	struct shim_call call;
	long map;

	if (fd < 0 || (flags & MAP_ANONYMOUS) != 0)
		return (void *)syscall(SYS_mmap, address, length, protection,
		    flags, fd, at);
	if (!shim_begin_fd(&call, SHIM_MAP, fd))
		return MAP_FAILED;
	map = syscall(SYS_mmap, address, length, protection, flags, fd, at);
	if (map != -1 && (flags & MAP_SHARED) != 0 &&
	    (protection & PROT_WRITE) != 0)
		record_inode(&call, SHIM_EV_MAP, fd, (uint64_t)at, length);
	shim_end(&call);
	return (void *)map;
}
ALSO(mmap64, mmap);
