#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/log.h"

bool
privileges_drop(const char *state)
{
	struct stat info;

	if (geteuid() != 0 || stat(state, &info) != 0 || info.st_uid == 0)
		return true;
	if (setgroups(0, NULL) == 0 && setgid(info.st_gid) == 0 &&
	    setuid(info.st_uid) == 0)
		return true;
	log_message(LOG_LEVEL_ERROR, "start",
	    "cannot become the owner of %s: %s", state, strerrordesc_np(errno));
	return false;
}

void
descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_message(LOG_LEVEL_WARNING, "start", "descriptor limit: %s",
		    strerrordesc_np(errno));
}

bool
parent_watch(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != 1;
}
