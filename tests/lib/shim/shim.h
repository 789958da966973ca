#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * A library to preload (LD_PRELOAD) into a process under test. It stands
 * before libc's calls that reach files, counts them by kind and path, acts at
 * the N-th (end the process, fail, do less, wait, or only say that it was
 * done), and writes down what reached a folder, in order and with contents.
 *
 * The test commands it through a file that both map (SHIM_CONTROL), so rules
 * come and go while the process runs, and every process that inherits the
 * environment counts together. tests/lib/preload.py is the other side; the
 * layout below is the one that it has.
 */

enum shim_kind {
	SHIM_OPEN = 1 << 0,   /* without O_CREAT */
	SHIM_CREATE = 1 << 1, /* with O_CREAT, or O_TMPFILE */
	SHIM_READ = 1 << 2,   /* read, pread, readv, preadv */
	SHIM_WRITE = 1 << 3,  /* write, pwrite, writev, pwritev */
	SHIM_SYNC = 1 << 4,   /* fsync, fdatasync, msync, syncfs, sync */
	SHIM_RANGE = 1 << 5,  /* sync_file_range, which promises nothing */
	SHIM_RENAME = 1 << 6,
	SHIM_LINK = 1 << 7,
	SHIM_UNLINK = 1 << 8, /* and rmdir */
	SHIM_TRUNCATE = 1 << 9,
	SHIM_ALLOCATE = 1 << 10, /* fallocate, posix_fallocate */
	SHIM_COPY = 1 << 11,     /* splice, copy_file_range, sendfile */
	SHIM_MAP = 1 << 12,      /* mmap of a file */
	SHIM_MKDIR = 1 << 13
};

enum shim_action {
	SHIM_COUNT,     /* nothing but the count */
	SHIM_KILL,      /* SIGKILL before the call */
	SHIM_KILL_HALF, /* half of a write, then SIGKILL; else as KILL_AFTER */
	SHIM_KILL_AFTER,
	SHIM_FAIL,   /* errno = error, nothing done */
	SHIM_SHORT,  /* at most `argument` bytes of a read or write */
	SHIM_DELAY,  /* `argument` microseconds before the call */
	SHIM_PRETEND /* success is said, nothing done, nothing recorded */
};

enum {
	SHIM_RULES = 16,
	SHIM_PATH = 4096,
	SHIM_PATTERN = 256,
	SHIM_ROOT = 1024
};

#define SHIM_MAGIC UINT64_C(0x31306d6968736463)

struct shim_rule {
	uint32_t armed;
	uint32_t kinds;  /* enum shim_kind, several at will */
	uint32_t action; /* enum shim_action */
	int32_t error;
	uint64_t from, until; /* acts on calls from..until; until 0: no end */
	uint64_t argument;
	uint32_t pid; /* 0: any process */
	uint32_t unused;
	_Atomic uint64_t seen, acted;
	char pattern[SHIM_PATTERN]; /* fnmatch, * also matches /; "": any */
};

struct shim_control {
	uint64_t magic;
	_Atomic uint64_t log_end; /* bytes of the record */
	uint32_t recording;
	uint32_t unused;
	char root[SHIM_ROOT]; /* the folder that is recorded, absolute */
	struct shim_rule rules[SHIM_RULES];
};

enum shim_event {
	SHIM_EV_WRITE = 1, /* inode, offset, length, data */
	SHIM_EV_SYNC,      /* inode (0: all); offset: log_end when it began */
	SHIM_EV_TRUNCATE,  /* inode, length */
	SHIM_EV_ALLOCATE,  /* inode, offset, length, flags: the mode */
	SHIM_EV_CREATE,    /* inode, folder (0: no name yet), name */
	SHIM_EV_MKDIR,     /* inode, folder, name */
	SHIM_EV_RENAME,    /* inode, folder, target, two names */
	SHIM_EV_LINK,      /* inode, folder, name */
	SHIM_EV_UNLINK,    /* folder, name */
	SHIM_EV_MAP        /* inode: written through memory, unseen */
};

enum {
	SHIM_FLAG_DSYNC = 1,   /* of WRITE: on the disk when it ended */
	SHIM_FLAG_EXCHANGE = 2 /* of RENAME */
};

/* Followed by the data, or the names each with its NUL; filled up to 8. */
struct shim_record {
	uint64_t size; /* with what follows; 0: the writer died here */
	uint32_t event, flags;
	uint64_t inode, folder, target;
	uint64_t offset, length;
	uint32_t pid, thread;
};

/* One call on its way through the library. */
struct shim_call {
	enum shim_kind kind;
	const struct shim_rule *rule; /* what acts on it; NULL: nothing */
	enum shim_action action;
	bool recorded; /* it reaches the recorded folder */
	uint64_t begun;
	char path[SHIM_PATH];
};

/* rule.c */
extern struct shim_control *shim_control;

/* false: the call must not be made; errno says why, or 0 for "done". */
bool
shim_begin_fd(struct shim_call *call, enum shim_kind kind, int fd);
bool
shim_begin_at(struct shim_call *call, enum shim_kind kind, int folder,
    const char *path);
size_t
shim_count(const struct shim_call *call, size_t count);
void
shim_end(const struct shim_call *call);
bool
shim_pretends(enum shim_kind kind, const char *path);

/* record.c */
void
record_open(const char *path);
void
record_data(const struct shim_call *call, int fd, uint64_t at, const void *data,
    size_t size);
void
record_vector(const struct shim_call *call, int fd, uint64_t at,
    const struct iovec *vector, size_t size);
void
record_back(const struct shim_call *call, int fd, uint64_t at, size_t size);
void
record_inode(const struct shim_call *call, enum shim_event event, int fd,
    uint64_t at, uint64_t length);
void
record_allocate(const struct shim_call *call, int fd, unsigned mode,
    uint64_t at, uint64_t length);
void
record_entry(const struct shim_call *call, enum shim_event event, int folder,
    const char *path, unsigned flags);
void
record_move(const struct shim_call *call, int folder, const char *path,
    int target, const char *name, unsigned flags);
