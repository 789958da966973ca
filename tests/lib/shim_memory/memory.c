#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A library to preload into a process under test: it counts allocations, lets
 * the N-th fail, knows for whom that was, and how many blocks live. The test
 * commands it through a file that both map (SHIM_MEMORY);
 * tests/lib/memory_shim.py is the other side. Names with __libc_ are glibc's
 * own, so nothing has to be looked up.
 */
#define MAGIC UINT64_C(0x6d656d2d7368696d)

struct control {
	uint64_t magic;
	uint32_t armed, pid; /* pid: whose allocations count */
	uint64_t at;         /* the one that fails */
	_Atomic uint64_t seen, acted;
	_Atomic int64_t live;
	_Atomic uint32_t magic_failed; /* it was libmagic, perhaps by libc */
};

#define FRAMES 32

void *
__libc_malloc(size_t size);
void *
__libc_calloc(size_t count, size_t size);
void *
__libc_realloc(void *old, size_t size);
void *
__libc_memalign(size_t alignment, size_t size);
void
__libc_free(void *block);

static struct control *control;

__attribute__((constructor)) static void
control_open(void)
{
	const char *path = getenv("SHIM_MEMORY");
	void *map;
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	(void)close(fd);
	(void)backtrace(&(void *){ NULL }, 1);
	if (map != MAP_FAILED && ((struct control *)map)->magic == MAGIC)
		control = map;
}

static bool
ours(void)
{
	return control != NULL && control->pid != 0 &&
	    control->pid == (uint32_t)syscall(SYS_getpid);
}

/* libgcc has been loaded by then, so this allocates nothing. */
static bool
within_libmagic(void)
{
	void *frame[FRAMES];
	int count = backtrace(frame, FRAMES);
	Dl_info info;

	for (int i = 0; i < count; i++)
		if (dladdr(frame[i], &info) != 0 &&
		    strstr(info.dli_fname, "/libmagic.so") != NULL)
			return true;
	return false;
}

static bool
fails(void)
{
	if (!ours() || control->armed == 0 ||
	    atomic_fetch_add(&control->seen, 1) + 1 != control->at)
		return false;
	atomic_store(&control->magic_failed, within_libmagic());
	atomic_fetch_add(&control->acted, 1);
	errno = ENOMEM;
	return true;
}

static void *
counted(void *block)
{
	if (block != NULL && ours())
		atomic_fetch_add(&control->live, 1);
	return block;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : counted(__libc_malloc(size));
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : counted(__libc_calloc(count, size));
}

void *
realloc(void *old, size_t size)
{
	void *block = fails() ? NULL : __libc_realloc(old, size);

	return old == NULL ? counted(block) : block;
}

void *
memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : counted(__libc_memalign(alignment, size));
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int
posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	int error = errno;
	void *block = memalign(alignment, size);

	errno = error;
	if (block == NULL)
		return ENOMEM;
	*ret_block = block;
	return 0;
}

void
free(void *block)
{
	if (block != NULL && ours())
		atomic_fetch_sub(&control->live, 1);
	__libc_free(block);
}
