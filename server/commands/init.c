/*
 * celldav init: a folder with a configuration, a state, secret keys and the
 * first administrator. It never touches what is there; what it could not
 * finish it takes away again.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/principal.h"
#include "server/base/random.h"
#include "server/base/scope.h"
#include "server/commands/rows.h"
#include "server/commands/sample.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"

enum { KEY_BYTES = 32, NFTW_FDS = 16 };

struct setup {
	const char *dir, *conf, *state;
	struct sample sample;
	struct text name;
	struct secret password;
	bool chosen; /* the password came from a file */
	struct text phc;
};

static int
remove_one(const char *path, const struct stat *status, int type,
    struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Only what this run has made: nothing was there before. */
static void
setup_undo(const struct setup *setup)
{
	(void)unlink(setup->conf);
	(void)nftw(setup->state, remove_one, NFTW_FDS, FTW_DEPTH | FTW_PHYS);
}

static int
setup_read(struct invocation *invocation, struct setup *setup)
{
	struct arena *arena = invocation->arena;
	const char *name = invocation_option(invocation, "admin");
	const char *file = invocation_option(invocation, "password-file");
	int status;

	setup->dir = invocation_option(invocation, "dir");
	setup->conf = arena_string(arena,
	    arena_format(arena, "%s/celldav.conf", setup->dir));
	setup->state = arena_string(arena,
	    arena_format(arena, "%s/state", setup->dir));
	setup->sample.listen = invocation_option(invocation, "listen");
	setup->sample.public_url = invocation_option(invocation, "public-url");
	setup->chosen = file != NULL;
	if (user_name_key(arena, text_from(name != NULL ? name : "admin"),
		&setup->name) != OK)
		return command_fail("%s: is no user name; use up to 64 "
				    "letters, digits and . _ - @ +",
		    name);
	status = sample_check(&setup->sample);
	if (status == EXIT_DONE && file != NULL)
		status = tool_password(invocation, file, &setup->password);
	else if (status == EXIT_DONE)
		setup->password = tool_make_password(arena);
	if (status == EXIT_DONE)
		status = tool_hash(invocation, setup->password, &setup->phc);
	return status;
}

static int
setup_folder(const struct setup *setup)
{
	struct stat status;

	if (mkdir(setup->dir, 0755) != 0 && errno != EEXIST)
		return command_fail("%s: cannot be made: %s", setup->dir,
		    strerrordesc_np(errno));
	if (lstat(setup->conf, &status) == 0 ||
	    lstat(setup->state, &status) == 0)
		return command_fail("%s: is set up already; nothing was "
				    "touched; choose another --dir",
		    setup->dir);
	return EXIT_DONE;
}

/*
 * Root sets up what belongs to the folder's owner: the service runs as that
 * one, and could not read a state of root's.
 */
static int
setup_owner(const struct setup *setup)
{
	struct stat status;

	if (geteuid() != 0 || stat(setup->dir, &status) != 0 ||
	    status.st_uid == 0)
		return EXIT_DONE;
	if (setegid(status.st_gid) == 0 && seteuid(status.st_uid) == 0)
		return EXIT_DONE;
	return command_fail("%s: cannot act as its owner: %s", setup->dir,
	    strerrordesc_np(errno));
}

/* The server's own key; nothing uses it until there are links. */
static int
setup_key(struct invocation *invocation, const struct setup *setup)
{
	unsigned char key[KEY_BYTES];
	const char *path = arena_string(invocation->arena,
	    arena_format(invocation->arena, "%s/secret/server.key",
		setup->state));
	SCOPED(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	bool written;

	random_fill(key, sizeof(key));
	written = fd >= 0 &&
	    write(fd, key, sizeof(key)) == (ssize_t)sizeof(key) &&
	    fsync(fd) == 0;
	secret_wipe(key, sizeof(key));
	if (written)
		return EXIT_DONE;
	return command_fail("%s: cannot be written: %s", path,
	    strerrordesc_np(errno));
}

struct first_user {
	struct store *store;
	struct user user;
};

static enum outcome
run_first_user(struct txn *txn, void *context)
{
	struct first_user *first = context;
	struct user user = first->user;

	return user_add(txn, first->store, &user);
}

static int
setup_state(struct invocation *invocation, const struct setup *setup)
{
	struct first_user first = { .user = { .name = setup->name,
					.role = ROLE_ADMIN,
					.password = setup->phc } };
	enum outcome outcome;
	int status;

	invocation->config = setup->conf;
	status = tool_store(invocation, STORE_CREATE);
	if (status == EXIT_DONE)
		status = setup_key(invocation, setup);
	if (status != EXIT_DONE)
		return status;
	first.store = invocation->store;
	thread_enter_worker();
	outcome = store_change(invocation->store, run_first_user, &first);
	return outcome == OK ? EXIT_DONE :
			       tool_fail(outcome, "user", "to be made");
}

static int
setup_show(struct invocation *invocation, const struct setup *setup)
{
	static const struct show_column columns[] = {
		{ "config", SHOW_TEXT },
		{ "user", SHOW_TEXT },
		{ "password", SHOW_TEXT },
		{ NULL, SHOW_TEXT },
	};
	json_t *object = json_object();

	json_object_set_new(object, "config", json_string(setup->conf));
	json_object_set_new(object, "user", show_text(setup->name));
	if (!setup->chosen)
		json_object_set_new(object, "password",
		    show_text(setup->password.bytes));
	if (invocation->json || !setup->chosen)
		return show_object(invocation, object, columns);
	json_decref(object);
	printf("config: %s\nuser: %.*s\n", setup->conf, TEXT_ARGS(setup->name));
	return EXIT_DONE;
}

static int
init_run(struct invocation *invocation)
{
	struct setup setup = { .chosen = false };
	int status = setup_read(invocation, &setup);

	if (status == EXIT_DONE)
		status = setup_folder(&setup);
	if (status == EXIT_DONE)
		status = setup_owner(&setup);
	if (status != EXIT_DONE)
		return status;
	status = sample_write(invocation->arena, setup.dir, &setup.sample);
	if (status == EXIT_DONE)
		status = setup_state(invocation, &setup);
	if (status == EXIT_DONE)
		return setup_show(invocation, &setup);
	setup_undo(&setup);
	return status;
}

static const struct option_row options[] = {
	{ .name = "dir",
	    .kind = OPTION_VALUE,
	    .value = "DIR",
	    .required = true,
	    .help = "the folder to set up" },
	{ .name = "listen",
	    .kind = OPTION_VALUE,
	    .value = "ADDRESS:PORT",
	    .help = "where to accept connections; else 127.0.0.1:8080" },
	{ .name = "public-url",
	    .kind = OPTION_VALUE,
	    .value = "URL",
	    .help = "how users reach the server; else made from --listen" },
	{ .name = "admin",
	    .kind = OPTION_VALUE,
	    .value = "NAME",
	    .help = "the first administrator; else admin" },
	{ .name = "password-file",
	    .kind = OPTION_VALUE,
	    .value = "FILE",
	    .help = "its password is the first line of FILE; else a random "
		    "one is made and printed, once" },
	{ .name = NULL },
};

const struct command command_init = {
	.name = "init",
	.arguments = "",
	.summary = "set up a folder: configuration, state, keys, "
		   "administrator",
	.options = options,
	.run = init_run,
};
