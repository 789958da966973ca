#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/sandbox.h"
#include "tests/unit/state.h"

/*
 * What the sandbox lets through and what it does not, tried in a child. Where
 * the kernel has no Landlock, the part about files is skipped, loudly.
 */
static bool
kernel_has_landlock(void)
{
	/* LANDLOCK_CREATE_RULESET_VERSION */
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 2;
}

static bool
creates(const char *folder, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
moves(const char *folder)
{
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/a/file", folder);
	snprintf(to, sizeof(to), "%s/b/file", folder);
	return rename(from, to) == 0;
}

static bool
binds(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool bound = bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;

	close(fd);
	return bound;
}

/* Runs in the child; 0, or the number of the line that was wrong. */
#define EXPECT(truth) \
	do { \
		if (!(truth)) \
			return __LINE__ % 250; \
	} while (0)

static int
try_files(const struct conf *conf, const char *outside)
{
	char *argument[] = { (char[]){ "true" }, NULL };
	bool network = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 4;

	EXPECT(creates(conf->store.path, "a/file"));
	EXPECT(sandbox_files(conf));
	EXPECT(creates(conf->store.path, "b/other"));
	EXPECT(moves(conf->store.path));
	EXPECT(!creates(outside, "file") && errno == EACCES);
	EXPECT(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	EXPECT(open("/usr/bin/true", O_RDONLY) >= 0);
	EXPECT(execv("/usr/bin/true", argument) < 0 && errno == EACCES);
	EXPECT(!network || !binds());
	return 0;
}

static int
try_calls(const struct conf *conf, const char *outside)
{
	EXPECT(sandbox_calls(conf));
	EXPECT(creates(outside, "file"));
	EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
	EXPECT(chroot("/") < 0 && errno == EPERM);
	return 0;
}

static int
try_to_execute(const struct conf *conf, const char *outside)
{
	char *argument[] = { (char[]){ "true" }, NULL };

	(void)outside;
	EXPECT(sandbox_calls(conf));
	(void)execv("/usr/bin/true", argument);
	return 1;
}

static int
status_of(int (*attempt)(const struct conf *conf, const char *outside),
    bool off)
{
	char state[] = "/tmp/sandbox.XXXXXX", outside[] = "/tmp/sandbox.XXXXXX";
	struct conf conf = { .sandbox = off ? CONF_SWITCH_OFF :
					      CONF_SWITCH_AUTO };
	char path[64];
	int status;
	pid_t child;

	assert_non_null(mkdtemp(state));
	assert_non_null(mkdtemp(outside));
	for (const char *name = "ab"; *name != '\0'; name++) {
		snprintf(path, sizeof(path), "%s/%c", state, *name);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	conf.store.path = state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(attempt(&conf, outside));
	assert_int_equal(waitpid(child, &status, 0), child);
	remove_tree(state);
	remove_tree(outside);
	return status;
}

static void
test_files(void **state)
{
	(void)state;
	if (!kernel_has_landlock()) {
		print_message("SKIPPED: this kernel has no Landlock\n");
		skip();
	}
	assert_int_equal(status_of(try_files, false), 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static void
test_calls(void **state)
{
	int status;

	(void)state;
#ifdef SANITIZED
	skip();
#endif
	assert_int_equal(status_of(try_calls, false), 0);
	status = status_of(try_to_execute, false);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void
test_off(void **state)
{
	int status;

	(void)state;
	status = status_of(try_to_execute, true);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
