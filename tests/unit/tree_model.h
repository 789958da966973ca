#pragma once

#include "tests/unit/grove.h"

/*
 * A simple model of a tree, for tree_model_test.c: an array of nodes that know
 * their parent, and what clients saw of the tree at earlier sequences.
 */
enum {
	NODES = 400,
	NAMES = 9,
	ITEMS = 64,
	VIEWS = 8,
	LINES = 8 * NODES, /* old and new places, while a log is replayed */
	PATH_SIZE = 512
};

enum model_state { FREE, LIVE, TRASHED };

struct model_node {
	enum model_state state; /* of a trashed item's root; below: LIVE */
	bool collection;
	int parent;         /* index; -1 for the root or in the trash */
	int name;           /* of NAMES */
	unsigned content;   /* 0: empty */
	uint64_t etag_seen; /* of a collection, before the step */
	bool expect_change;
};

struct model_item {
	int node, parent;
	uint64_t sequence;
};

struct view_line {
	char path[PATH_SIZE];
	bool collection;
	uint64_t etag;
};

struct view { /* what a client saw at a sequence */
	uint64_t sequence;
	size_t count;
	struct view_line *line;
};

struct model {
	struct grove grove;
	struct model_node node[NODES];
	struct model_item item[ITEMS];
	size_t items;
	struct view view[VIEWS];
	unsigned content;
	uint64_t random;
	size_t done[8]; /* operations of each kind that were carried out */
};

/* A number below `below`; the same sequence for a seed. */
unsigned
model_random(struct model *model, unsigned below);

int
model_child(const struct model *model, int parent, int name);

bool
model_reaches(const struct model *model, int node, int ancestor);

bool
model_visible(const struct model *model, int node);

/* A visible node, or collection; each with the same chance. */
int
model_pick(struct model *model, bool collection);

void
model_path(const struct model *model, int node, char *path);

int
model_add(struct model *model, int parent, int name, bool collection);

size_t
model_room(const struct model *model);

size_t
model_weight(const struct model *model, int root);

void
model_free(struct model *model, int root);

void
model_copy(struct model *model, int from, int parent, int name);

/* Everything from here up to the root gets a new etag. */
void
model_touch(struct model *model, int collection);

/* Before a step, and after it: who has a new etag is whom was touched. */
void
etags_read(struct model *model);

void
etags_compare(struct model *model);

/* Replays the log on an earlier view, which must become what is there now. */
void
replay_compare(struct model *model);
