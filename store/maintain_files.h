#pragma once

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

#include "server/base/outcome.h"
#include "server/base/text.h"

/* Folders of this machine, for import, export, backup and restore. */

/*
 * Opens an entry of a folder without ever leaving that folder or following a
 * symbolic link, whatever others do to it meanwhile (openat2). -1 and errno.
 */
int
beneath_open(int folder, const char *name, int flags, mode_t mode);

/* Names of a folder in the order of bytes, without "." and "..". */
struct listing {
	char **name; /* owned */
	size_t count, room;
};

enum outcome
listing_read(int folder, struct listing *ret_listing) MUST_CHECK;

void
listing_done(struct listing *listing);

uint64_t
stat_modified_ns(const struct stat *status);

/* NO_SPACE, FORBIDDEN, NOT_FOUND or IO, from errno. */
enum outcome
file_outcome(int error);

/* All bytes; EINTR and short writes are not seen. */
enum outcome
file_write(int fd, struct text bytes) MUST_CHECK;

/* Up to `size` bytes, fewer only at the end; *ret_len 0: the end. */
enum outcome
file_read(int fd, char *bytes, size_t size, size_t *ret_len) MUST_CHECK;
