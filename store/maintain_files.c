#include "store/maintain_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/base/scope.h"

int
beneath_open(int folder, const char *name, int flags, mode_t mode)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC |
				    O_NOFOLLOW),
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS };
	long fd;

	/* EAGAIN: somebody renamed meanwhile, and the kernel is not sure. */
	do
		fd = syscall(SYS_openat2, folder, name, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return (int)fd;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
listing_add(struct listing *listing, const char *name)
{
	if (listing->count == listing->room) {
		listing->room = listing->room == 0 ? 64 : listing->room * 2;
		listing->name = memory_resize(listing->name,
		    listing->room * sizeof(*listing->name));
	}
	listing->name[listing->count++] = memory_string(text_from(name));
}

enum outcome
listing_read(int folder, struct listing *ret_listing)
{
	struct listing listing = { 0 };
	int fd = beneath_open(folder, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir == NULL) {
		enum outcome outcome = file_outcome(errno);

		fd_close(fd);
		return outcome;
	}
	errno = 0;
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			listing_add(&listing, entry->d_name);
	if (errno != 0) {
		closedir(dir);
		listing_done(&listing);
		return IO;
	}
	closedir(dir);
	if (listing.count > 1)
		qsort(listing.name, listing.count, sizeof(*listing.name),
		    compare_names);
	*ret_listing = listing;
	return OK;
}

void
listing_done(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		free(listing->name[i]);
	free(listing->name);
	*listing = (struct listing){ 0 };
}

/* Times before 1970 have no place in a store: 1 ns is the earliest. */
uint64_t
stat_modified_ns(const struct stat *status)
{
	if (status->st_mtim.tv_sec < 0 ||
	    (uint64_t)status->st_mtim.tv_sec > UINT64_MAX / NS_PER_SECOND - 1)
		return 1;
	return (uint64_t)status->st_mtim.tv_sec * NS_PER_SECOND +
	    (uint64_t)status->st_mtim.tv_nsec;
}

enum outcome
file_outcome(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return NO_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return FORBIDDEN;
	case ENOENT:
		return NOT_FOUND;
	case EEXIST:
		return EXISTS;
	default:
		return IO;
	}
}

enum outcome
file_write(int fd, struct text bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_outcome(errno);
		bytes = text_slice(bytes, (size_t)n, bytes.len);
	}
	return OK;
}

enum outcome
file_read(int fd, char *bytes, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, bytes + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return IO;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return OK;
}
