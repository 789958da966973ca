#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "server/base/log.h"
#include "server/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/*
 * What glibc, libevent, OpenSSL, LMDB and our own code call once the threads
 * run: sockets that exist, files below the state folder, memory, time, locks.
 */
static const int allowed[] = { SCMP_SYS(accept4), SCMP_SYS(access),
	SCMP_SYS(brk), SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(clone), SCMP_SYS(clone3),
	SCMP_SYS(close), SCMP_SYS(copy_file_range), SCMP_SYS(dup),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(fadvise64), SCMP_SYS(fallocate),
	SCMP_SYS(fchmod), SCMP_SYS(fcntl), SCMP_SYS(fdatasync), SCMP_SYS(flock),
	SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(fsync),
	SCMP_SYS(ftruncate), SCMP_SYS(futex), SCMP_SYS(getdents64),
	SCMP_SYS(getpeername), SCMP_SYS(getpid), SCMP_SYS(getppid),
	SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt), SCMP_SYS(gettid), SCMP_SYS(gettimeofday),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(ioctl), SCMP_SYS(linkat), SCMP_SYS(lseek),
	SCMP_SYS(lstat), SCMP_SYS(madvise), SCMP_SYS(membarrier),
	SCMP_SYS(mkdirat), SCMP_SYS(mlock), SCMP_SYS(mmap), SCMP_SYS(mprotect),
	SCMP_SYS(mremap), SCMP_SYS(msync), SCMP_SYS(munlock), SCMP_SYS(munmap),
	SCMP_SYS(nanosleep), SCMP_SYS(newfstatat), SCMP_SYS(open),
	SCMP_SYS(openat), SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(prctl), SCMP_SYS(pread64), SCMP_SYS(preadv),
	SCMP_SYS(prlimit64), SCMP_SYS(pwrite64), SCMP_SYS(pwritev),
	SCMP_SYS(read), SCMP_SYS(readahead), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(readv), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(restart_syscall), SCMP_SYS(rmdir),
	SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setscheduler),
	SCMP_SYS(sched_yield), SCMP_SYS(sendfile), SCMP_SYS(sendmsg),
	SCMP_SYS(sendto), SCMP_SYS(set_robust_list), SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown), SCMP_SYS(sigaltstack), SCMP_SYS(stat),
	SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(sync_file_range),
	SCMP_SYS(sysinfo), SCMP_SYS(tgkill), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(uname), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(utimensat), SCMP_SYS(write),
	SCMP_SYS(writev) };

/* Nobody calls these by mistake. */
static const int deadly[] = { SCMP_SYS(execve), SCMP_SYS(execveat),
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(mount),
	SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(keyctl) };

static int
add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = seccomp_rule_add(filter, action, calls[i], 0);
	/* No such call on this kind of machine. */
	return rc == -EDOM ? 0 : rc;
}

static int
load(scmp_filter_ctx filter)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* The first test of a filter is the commonest call. */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add_all(filter, SCMP_ACT_ALLOW, allowed,
		    sizeof(allowed) / sizeof(allowed[0]));
	if (rc == 0)
		rc = add_all(filter, SCMP_ACT_KILL_PROCESS, deadly,
		    sizeof(deadly) / sizeof(deadly[0]));
	return rc == 0 ? seccomp_load(filter) : rc;
}

bool
sandbox_calls(const struct conf *conf)
{
	scmp_filter_ctx filter;
	int rc;

	if (conf->sandbox == CONF_SWITCH_OFF || SANITIZED)
		return true;
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	rc = filter != NULL ? load(filter) : -ENOMEM;
	seccomp_release(filter);
	if (rc == -EINVAL || rc == -ENOSYS) {
		log_message(LOG_LEVEL_WARNING, "sandbox",
		    "this kernel has no seccomp filters: system calls are not "
		    "restricted");
		return true;
	}
	if (rc != 0) {
		log_message(LOG_LEVEL_ERROR, "sandbox", "seccomp: %s",
		    strerrordesc_np(-rc));
		return false;
	}
	log_message(LOG_LEVEL_INFO, "sandbox", "seccomp: %zu calls allowed",
	    sizeof(allowed) / sizeof(allowed[0]));
	return true;
}
