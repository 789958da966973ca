/*
 * What the store does when a call to the kernel fails, is interrupted, or does
 * less than it shall: each operation of calls_operations.c, with its calls
 * failing one at a time. The functions of this file stand before those of
 * libc, for the libraries as well, and go to the kernel by syscall().
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/calls_world.h"

enum call_kind {
	CALL_OPEN = 1 << 0, /* open, openat, openat2 */
	CALL_READ = 1 << 1,
	CALL_WRITE = 1 << 2,
	CALL_SYNC = 1 << 3,
	CALL_NAME = 1 << 4,   /* mkdir, rename */
	CALL_REMOVE = 1 << 5, /* unlink, rmdir */
	CALL_STATUS = 1 << 6, /* stat, times, sizes */
	CALL_LOCK = 1 << 7,
	CALL_START = 1 << 8, /* a pipe to a process */
	CALL_FIRST = CALL_OPEN | CALL_READ,
	CALL_LATER = CALL_WRITE | CALL_SYNC | CALL_LOCK,
	CALL_ALL = (1 << 9) - 1
};

/* Instead of an error: the half of the bytes is done. */
enum { CALL_SHORT = -1 };

/* Shared with children: one count for all. */
struct calls {
	_Atomic size_t left;
	_Atomic unsigned kinds, met;
	_Atomic int error;
};

static struct calls *calls;

static void
calls_begin(void)
{
	calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(calls != MAP_FAILED);
}

/* The call with this number, from 1, of these kinds ends with `error`. */
static void
calls_arm(unsigned kinds, int error, size_t number)
{
	atomic_store(&calls->kinds, kinds);
	atomic_store(&calls->error, error);
	atomic_store(&calls->met, 0);
	atomic_store(&calls->left, number);
}

/* The kind of the call that failed, 0: none did. All calls work again. */
static unsigned
calls_disarm(void)
{
	atomic_store(&calls->left, 0);
	return atomic_load(&calls->met);
}

/* Counts a call; true: it is the one that fails, and errno says how. */
static bool
strikes(unsigned kind)
{
	size_t left = calls != NULL ? atomic_load(&calls->left) : 0;

	if (left == 0 || (atomic_load(&calls->kinds) & kind) == 0)
		return false;
	while (left > 0 &&
	    !atomic_compare_exchange_weak(&calls->left, &left, left - 1))
		;
	if (left != 1)
		return false;
	atomic_store(&calls->met, kind);
	errno = atomic_load(&calls->error);
	return true;
}

static bool
strikes_file(unsigned kind, int fd)
{
	return fd > STDERR_FILENO && strikes(kind);
}

/* How many bytes of `size` are done; 0: none, the call fails. */
static size_t
strikes_bytes(unsigned kind, int fd, size_t size)
{
	if (!strikes_file(kind, fd))
		return size;
	return errno == CALL_SHORT ? (size + 1) / 2 : 0;
}

typedef long (*syscall_fn)(long number, ...);

static syscall_fn
real_syscall(void)
{
	static _Atomic syscall_fn found;
	syscall_fn function = atomic_load(&found);
	void *symbol;

	if (function != NULL)
		return function;
	symbol = dlsym(RTLD_NEXT, "syscall");
	memcpy(&function, &symbol, sizeof(function));
	atomic_store(&found, function);
	return function;
}

/*
 * For openat2(), which has no function in libc. Six arguments are taken on, of
 * which not all need be there, as libc does it.
 */
__attribute__((no_sanitize("address"))) long
syscall(long number, ...)
{
	long argument[6];
	va_list rest;

	va_start(rest, number);
	for (size_t i = 0; i < 6; i++)
		argument[i] = va_arg(rest, long);
	va_end(rest);
	if (number == SYS_openat2 && strikes(CALL_OPEN))
		return -1;
	return real_syscall()(number, argument[0], argument[1], argument[2],
	    argument[3], argument[4], argument[5]);
}

/* ---- Bytes ----------------------------------------------------------------- */

ssize_t
read(int fd, void *bytes, size_t size)
{
	size_t done = strikes_bytes(CALL_READ, fd, size);

	return done == 0 && size > 0 ? -1 : syscall(SYS_read, fd, bytes, done);
}

ssize_t
pread(int fd, void *bytes, size_t size, off_t at)
{
	size_t done = strikes_bytes(CALL_READ, fd, size);

	return done == 0 && size > 0 ?
	    -1 :
	    syscall(SYS_pread64, fd, bytes, done, at);
}

ssize_t
write(int fd, const void *bytes, size_t size)
{
	size_t done = strikes_bytes(CALL_WRITE, fd, size);

	return done == 0 && size > 0 ? -1 : syscall(SYS_write, fd, bytes, done);
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	size_t done = strikes_bytes(CALL_WRITE, fd, size);

	return done == 0 && size > 0 ?
	    -1 :
	    syscall(SYS_pwrite64, fd, bytes, done, at);
}

/* No power is cut here: what a sync would take is saved. */
static int
no_sync(int fd)
{
	return strikes_file(CALL_SYNC, fd) ? -1 : 0;
}

int
fsync(int fd)
{
	return no_sync(fd);
}

int
fdatasync(int fd)
{
	return no_sync(fd);
}

int
syncfs(int fd)
{
	return no_sync(fd);
}

int
ftruncate(int fd, off_t size)
{
	return strikes(CALL_STATUS) ? -1 :
				      (int)syscall(SYS_ftruncate, fd, size);
}

int
posix_fallocate(int fd, off_t at, off_t size)
{
	if (strikes(CALL_WRITE))
		return errno;
	return syscall(SYS_fallocate, fd, 0, at, size) == 0 ? 0 : errno;
}

/* ---- Names ----------------------------------------------------------------- */

static int
open_at(int folder, const char *path, int flags, va_list rest)
{
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;

	if (strikes(CALL_OPEN))
		return -1;
	return (int)syscall(SYS_openat, folder, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list rest;
	int fd;

	va_start(rest, flags);
	fd = open_at(AT_FDCWD, path, flags, rest);
	va_end(rest);
	return fd;
}

int
openat(int folder, const char *path, int flags, ...)
{
	va_list rest;
	int fd;

	va_start(rest, flags);
	fd = open_at(folder, path, flags, rest);
	va_end(rest);
	return fd;
}

int
mkdirat(int folder, const char *path, mode_t mode)
{
	return strikes(CALL_NAME) ?
	    -1 :
	    (int)syscall(SYS_mkdirat, folder, path, mode);
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int
renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	return strikes(CALL_NAME) ?
	    -1 :
	    (int)syscall(SYS_renameat2, from, old, to, new, flags);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	return renameat2(from, old, to, new, 0);
}

int
rename(const char *old, const char *new)
{
	return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

int
unlinkat(int folder, const char *path, int flags)
{
	return strikes(CALL_REMOVE) ?
	    -1 :
	    (int)syscall(SYS_unlinkat, folder, path, flags);
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

/* ---- What is known of a file, and locks ------------------------------------ */

int
fstatat(int folder, const char *path, struct stat *status, int flags)
{
	return strikes(CALL_STATUS) ?
	    -1 :
	    (int)syscall(SYS_newfstatat, folder, path, status, flags);
}

int
fstat(int fd, struct stat *status)
{
	return fstatat(fd, "", status, AT_EMPTY_PATH);
}

int
futimens(int fd, const struct timespec times[2])
{
	return strikes(CALL_STATUS) ?
	    -1 :
	    (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

int
flock(int fd, int how)
{
	return strikes(CALL_LOCK) ? -1 : (int)syscall(SYS_flock, fd, how);
}

int
fcntl(int fd, int command, ...)
{
	va_list rest;
	void *argument;

	va_start(rest, command);
	argument = va_arg(rest, void *);
	va_end(rest);
	if ((command == F_OFD_SETLK || command == F_OFD_SETLKW ||
		command == F_SETLK || command == F_GETLK) &&
	    strikes(CALL_LOCK))
		return -1;
	return (int)syscall(SYS_fcntl, fd, command, argument);
}

/* ---- What begins something ------------------------------------------------- */

int
pipe2(int ends[2], int flags)
{
	return strikes(CALL_START) ? -1 : (int)syscall(SYS_pipe2, ends, flags);
}

/* ---- The rounds ------------------------------------------------------------ */

/* Under a sanitizer all of it is slow: fewer calls are tried. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOW = true };
#elif defined(__has_feature) /* clang, which says it otherwise */
enum {
	SLOW = __has_feature(address_sanitizer) ||
	    __has_feature(thread_sanitizer)
};
#else
enum { SLOW = false };
#endif

enum { CALLS_MAX = 4000 };

struct trouble {
	unsigned kinds;
	int error;
	bool harmless; /* nobody notices */
};

/* False: the operation got through without meeting the call. */
static bool
one_round(struct world *world, const struct calls_operation *operation,
    const struct trouble *trouble, size_t at) ON_WORKER;

static bool
one_round(struct world *world, const struct calls_operation *operation,
    const struct trouble *trouble, size_t at)
{
	bool harmless = trouble->harmless && !operation->easily_stopped;
	enum outcome outcome;
	unsigned met;

	operation->ready(world);
	calls_arm(trouble->kinds, trouble->error, at);
	outcome = operation->run(world);
	met = calls_disarm();
	if ((met == 0 || harmless) && outcome != operation->expected)
		fail_msg("%s, call %zu (kind %x, error %d): %s",
		    operation->name, at, met, trouble->error,
		    outcome_name(outcome));
	operation->judge(world, outcome);
	return met != 0;
}

static void
all_rounds(const struct trouble *trouble)
{
	struct world world;

	calls_world_begin(&world);
	for (size_t i = 0; i < calls_operation_count; i++) {
		size_t at = 1;

		while (at < CALLS_MAX &&
		    one_round(&world, &calls_operations[i], trouble, at))
			at += SLOW ? 1 + 2 * at : 1 + at / 2;
		assert_in_range(at, 2, CALLS_MAX - 1);
	}
	world_end(&world);
}

static void
test_errors_of_the_disk(void **unused)
{
	const struct trouble trouble = { CALL_ALL, EIO, false };

	(void)unused;
	all_rounds(&trouble);
}

static void
test_no_space(void **unused)
{
	const struct trouble trouble = {
		CALL_OPEN | CALL_WRITE | CALL_SYNC | CALL_NAME, ENOSPC, false
	};

	(void)unused;
	all_rounds(&trouble);
}

/* Opening a file is hardly ever interrupted, and LMDB takes it as an error. */
static void
test_interrupted_calls(void **unused)
{
	const struct trouble first = { CALL_FIRST, EINTR, false };
	const struct trouble later = { CALL_LATER, EINTR, true };

	(void)unused;
	all_rounds(&later);
	if (!SLOW)
		all_rounds(&first);
}

static void
test_halves(void **unused)
{
	const struct trouble trouble = { CALL_READ | CALL_WRITE, CALL_SHORT,
		false };

	(void)unused;
	all_rounds(&trouble);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_of_the_disk),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_interrupted_calls),
		cmocka_unit_test(test_halves),
	};

	calls_begin();
	/* Thousands of small files come and go; a disk would be slow. */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	/* Nor is libmagic's database read each time: types are no matter. */
	(void)setenv("MAGIC", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
