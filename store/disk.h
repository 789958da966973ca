#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/base/outcome.h"
#include "server/base/text.h"

/*
 * Whole reads and writes at a place of a file. NO_SPACE when the disk, a quota
 * or a limit of file sizes is in the way, BUSY when the kernel has no memory
 * now, IO for every other failure. Any thread.
 */
enum outcome
disk_outcome(int error);

enum outcome
disk_write(int fd, struct text bytes, off_t offset) MUST_CHECK;

/* NOT_FOUND: the file ends before. */
enum outcome
disk_read(int fd, char *bytes, size_t len, off_t offset) MUST_CHECK;

/*
 * fdatasync. After IO the file must not be synced again to try anew: the
 * kernel forgets what it could not write, and the second sync succeeds.
 */
enum outcome
disk_sync(int fd) MUST_CHECK;

/* The file system of `fd` has less than `size` bytes left. */
bool
disk_is_short(int fd, uint64_t size);
