#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/scope.h"
#include "server/sandbox.h"

/*
 * The kernel's headers may be older than the kernel: what they lack is named
 * here, and asked for only where the kernel says that it has it. glibc has no
 * wrappers for these calls.
 */
enum {
	ABI_REFER = 2, /* without it nothing may change its folder */
	ABI_TRUNCATE = 3,
	ABI_NETWORK = 4,
	ABI_SCOPES = 6
};

#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset {
	uint64_t handled_fs, handled_net, scoped;
};

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t working = LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | FS_REFER |
    FS_TRUNCATE;
static const uint64_t on_file = LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;

/* Libraries, their caches, libmagic's data, time zones; /proc for sanitizers
 * and glibc. */
static const char *const readable[] = { "/usr", "/lib", "/lib64", "/etc/magic",
	"/etc/magic.mime", "/etc/localtime", "/etc/ld.so.cache", "/proc/self",
	"/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm",
	"/sys/devices/system/cpu", "/dev/urandom", "/dev/null" };

static int
ruleset_make(const struct ruleset *ruleset, uint32_t flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, ruleset,
	    ruleset != NULL ? sizeof(*ruleset) : 0, flags);
}

static uint64_t
all_of(int abi)
{
	uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	all |= FS_REFER;
	return abi >= ABI_TRUNCATE ? all | FS_TRUNCATE : all;
}

static bool
allow(int rules, const char *path, uint64_t access, uint64_t handled)
{
	struct landlock_path_beneath_attr beneath = { 0 };
	SCOPED(fd) int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR;
	if (fstat(fd, &status) != 0)
		return false;
	beneath.parent_fd = fd;
	beneath.allowed_access = access & handled;
	if (!S_ISDIR(status.st_mode))
		beneath.allowed_access &= on_file;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
		   &beneath, 0) == 0;
}

static bool
restrict_to(const struct conf *conf, int abi)
{
	struct ruleset ruleset = { .handled_fs = all_of(abi) };
	SCOPED(fd) int rules = -1;
	bool good;

	if (abi >= ABI_NETWORK)
		ruleset.handled_net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= ABI_SCOPES)
		ruleset.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	rules = ruleset_make(&ruleset, 0);
	good = rules >= 0 &&
	    allow(rules, conf->store.path, working, ruleset.handled_fs);
	for (size_t i = 0; good && i < sizeof(readable) / sizeof(readable[0]);
	    i++)
		good = allow(rules, readable[i], reading, ruleset.handled_fs);
	return good && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

bool
sandbox_files(const struct conf *conf)
{
	int abi;

	if (conf->sandbox == CONF_SWITCH_OFF) {
		log_message(LOG_LEVEL_WARNING, "sandbox",
		    "off by configuration");
		return true;
	}
	abi = ruleset_make(NULL, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < ABI_REFER) {
		log_message(LOG_LEVEL_WARNING, "sandbox",
		    "this kernel has no Landlock of ABI 2 or later: files are "
		    "guarded by the user's permissions alone");
		return true;
	}
	if (!restrict_to(conf, abi)) {
		log_message(LOG_LEVEL_ERROR, "sandbox", "Landlock: %s",
		    strerrordesc_np(errno));
		return false;
	}
	log_message(LOG_LEVEL_INFO, "sandbox", "Landlock ABI %d", abi);
	return true;
}
