#include "tests/unit/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
remove_entry(const char *path, const struct stat *status, int type,
    struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
remove_tree(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
state_path(const struct state *state, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", state->folder, name);
	return path;
}

static void
open_store(struct state *state, enum store_open how)
{
	struct buffer message = { .max = 4096 };
	enum outcome outcome = store_open(state->conf, how, &message,
	    &state->store);

	if (outcome != OK)
		print_error("store_open: %s: %.*s\n", outcome_name(outcome),
		    TEXT_ARGS(buffer_text(&message)));
	buffer_done(&message);
	assert_int_equal(outcome, OK);
}

/* The configuration owns its strings. */
static void
set_word(const char **word, const char *value)
{
	free((void *)(uintptr_t)*word);
	*word = strdup(value);
}

void
state_begin(struct state *state, const char *engine)
{
	const char *base = getenv("TMPDIR");

	thread_enter_worker();
	*state = (struct state){ 0 };
	snprintf(state->folder, sizeof(state->folder), "%s/unit.XXXXXX",
	    base != NULL && base[0] != '\0' ? base : "/tmp");
	assert_non_null(mkdtemp(state->folder));
	state->conf = conf_defaults();
	set_word(&state->conf->store.path, state_path(state, "state"));
	set_word(&state->conf->store.engine, engine);
	state->conf->store.reserve = 1 << 20;
	state->conf->store.map_size = UINT64_C(1) << 30;
	open_store(state, STORE_CREATE);
}

void
state_reopen(struct state *state)
{
	store_close(state->store);
	state->store = NULL;
	open_store(state, STORE_USE);
}

void
state_end(struct state *state)
{
	store_close(state->store);
	conf_unref(state->conf);
	remove_tree(state->folder);
}

void
write_whole(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}
