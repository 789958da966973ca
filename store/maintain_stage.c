#include "store/maintain_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/memory.h"
#include "store/layout.h"
#include "store/maintain_files.h"
#include "store/maintain_report.h"
#include "store/scopes.h"

enum { STAGE_FDS = 16 };

#define STAGE_CONF "celldav.conf"
#define STAGE_STATE "state"

static enum outcome
stage_failed(const struct stage *stage, const char *what, int error)
{
	maintain_finding(stage->maintain, "%s %s: %s", stage->target, what,
	    strerrordesc_np(error));
	return file_outcome(error);
}

/* Inside the target: a rename does not leave the file system. */
static enum outcome
make_stage(struct stage *stage)
{
	SCOPED(buffer) struct buffer message = { .max = 1000 };
	struct buffer path = { 0 };
	enum outcome outcome = layout_act_as_owner(stage->target, &message);

	if (outcome != OK) {
		maintain_finding(stage->maintain, "%.*s",
		    TEXT_ARGS(buffer_text(&message)));
		return outcome;
	}
	buffer_format(&path, "%s/.restore-XXXXXX%c", stage->target, 0);
	if (mkdtemp(path.ptr) == NULL) {
		outcome = stage_failed(stage, "cannot be written", errno);
		buffer_done(&path);
		return outcome;
	}
	stage->path = path.ptr; /* handed over */
	return OK;
}

enum outcome
stage_begin(struct maintain *maintain, const char *target,
    struct stage *ret_stage)
{
	struct stage *stage = ret_stage;
	enum outcome outcome = OK;

	*stage = (struct stage){
		.maintain = maintain, .target = target, .folder = -1
	};
	stage->made = mkdir(target, 0700) == 0;
	if (!stage->made && errno != EEXIST)
		return stage_failed(stage, "cannot be made", errno);
	stage->folder = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stage->folder < 0)
		outcome = stage_failed(stage, "cannot be opened", errno);
	else if (stage_taken(stage, STAGE_STATE))
		outcome = EXISTS;
	else
		outcome = make_stage(stage);
	if (outcome != OK)
		stage_end(stage);
	return outcome;
}

bool
stage_taken(const struct stage *stage, const char *name)
{
	if (faccessat(stage->folder, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	maintain_finding(stage->maintain,
	    "%s/%s is there already: restore into another folder",
	    stage->target, name);
	return true;
}

/* NOT_FOUND: the backup had none. */
static enum outcome
place_one(const struct stage *stage, int from, const char *name)
{
	if (renameat2(from, name, stage->folder, name, RENAME_NOREPLACE) == 0)
		return OK;
	if (errno == ENOENT)
		return NOT_FOUND;
	if (errno == EEXIST && stage_taken(stage, name))
		return EXISTS;
	return stage_failed(stage, "cannot be written", errno);
}

/* The state last: it is what makes the folder one that serves. */
enum outcome
stage_place(struct stage *stage)
{
	SCOPED(fd) int from = open(stage->path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum outcome conf, outcome;

	if (from < 0 || TEMP_FAILURE_RETRY(syncfs(from)) != 0)
		return stage_failed(stage, "cannot be written", errno);
	conf = place_one(stage, from, STAGE_CONF);
	if (conf != OK && conf != NOT_FOUND)
		return conf;
	outcome = place_one(stage, from, STAGE_STATE);
	if (outcome == OK)
		stage->placed = true;
	else if (conf == OK)
		(void)unlinkat(stage->folder, STAGE_CONF, 0); /* just placed */
	if (outcome == OK && TEMP_FAILURE_RETRY(fsync(stage->folder)) != 0)
		return stage_failed(stage, "cannot be written", errno);
	return outcome;
}

static int
remove_one(const char *path, const struct stat *status, int type,
    struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
stage_end(struct stage *stage)
{
	if (stage->path != NULL &&
	    nftw(stage->path, remove_one, STAGE_FDS, FTW_DEPTH | FTW_PHYS) != 0)
		maintain_finding(stage->maintain,
		    "%s cannot be removed: remove it yourself", stage->path);
	free(stage->path);
	stage->path = NULL;
	fd_close(stage->folder);
	stage->folder = -1;
	if (stage->made && !stage->placed)
		(void)rmdir(stage->target); /* others may use it by now */
}
