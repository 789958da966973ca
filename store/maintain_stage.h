#pragma once

#include "store/maintain.h"

/*
 * Where a restore writes: a folder of its own inside the target, so that the
 * target gets all at once or nothing. One that was killed leaves its folder
 * behind, which is in nobody's way.
 */
struct stage {
	struct maintain *maintain;
	const char *target;
	bool made; /* the target was not there before */
	bool placed;
	int folder; /* the target, open */
	char *path; /* owned; of the stage, NULL: none */
};

/* EXISTS when the target has a state. What fails is told as a finding. */
enum outcome
stage_begin(struct maintain *maintain, const char *target,
    struct stage *ret_stage) MUST_CHECK;

/* The target has something of that name; the finding says so. */
bool
stage_taken(const struct stage *stage, const char *name);

/* What was written takes its place and lasts. */
enum outcome
stage_place(struct stage *stage) MUST_CHECK;

/* Nothing of the stage stays; of the target neither, if it was made here. */
void
stage_end(struct stage *stage);
