#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/memory.h"
#include "tests/unit/grove.h"

/*
 * Random operations on a tree and on a simple model of it: an array of nodes
 * that know their parent. After each operation the outcome, and which
 * collections have a new etag, must be what the model says; now and then all
 * names and contents are compared, all counters recomputed, and the change
 * log replayed on what a client saw earlier.
 */
enum {
	NODES = 400,
	NAMES = 9,
	ITEMS = 64,
	VIEWS = 8,
	STEPS = 1200,
	CHECK_EVERY = 25,
	LINES = 8 * NODES, /* old and new places, while a log is replayed */
	PATH_SIZE = 512
};

enum model_state { FREE, LIVE, TRASHED };

struct model_node {
	enum model_state state; /* of a trashed item's root; below: LIVE */
	bool collection;
	int parent;             /* index; -1 for the root or in the trash */
	int name;               /* of NAMES */
	unsigned content;       /* 0: empty */
	uint64_t etag_seen;     /* of a collection, before the step */
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

static unsigned
pick(struct model *model, unsigned below)
{
	model->random = model->random * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned)(model->random >> 33) % below;
}

/* ---- The model ---- */

static int
model_child(const struct model *model, int parent, int name)
{
	for (int i = 0; i < NODES; i++)
		if (model->node[i].state == LIVE && i != 0 &&
		    model->node[i].parent == parent &&
		    model->node[i].name == name)
			return i;
	return -1;
}

static bool
model_reaches(const struct model *model, int node, int ancestor)
{
	while (node > 0 && node != ancestor)
		node = model->node[node].parent;
	return node == ancestor;
}

static bool
model_visible(const struct model *model, int node)
{
	return model->node[node].state == LIVE &&
	    model_reaches(model, node, 0);
}

/* Each with the same chance. */
static int
model_pick(struct model *model, bool collection)
{
	int chosen = 0;
	unsigned seen = 0;

	for (int i = 0; i < NODES; i++)
		if (model_visible(model, i) &&
		    (!collection || model->node[i].collection) &&
		    pick(model, ++seen) == 0)
			chosen = i;
	return chosen;
}

static void
model_path(const struct model *model, int node, char *path)
{
	char below[PATH_SIZE];

	if (node == 0) {
		path[0] = '\0';
		return;
	}
	model_path(model, model->node[node].parent, path);
	snprintf(below, sizeof(below), "%s%sn%d", path,
	    path[0] != '\0' ? "/" : "", model->node[node].name);
	memcpy(path, below, sizeof(below));
}

static int
model_add(struct model *model, int parent, int name, bool collection)
{
	for (int i = 1; i < NODES; i++)
		if (model->node[i].state == FREE) {
			model->node[i] = (struct model_node){ .state = LIVE,
			    .collection = collection, .parent = parent,
			    .name = name };
			return i;
		}
	fail_msg("the model is full");
	return -1;
}

static size_t
model_room(const struct model *model)
{
	size_t room = 0;

	for (int i = 0; i < NODES; i++)
		room += model->node[i].state == FREE;
	return room;
}

static size_t
model_weight(const struct model *model, int root)
{
	size_t count = 0;

	for (int i = 0; i < NODES; i++)
		count += model->node[i].state != FREE &&
		    model_reaches(model, i, root);
	return count;
}

static void
model_free(struct model *model, int root)
{
	bool below[NODES];

	for (int i = 0; i < NODES; i++)
		below[i] = model->node[i].state != FREE &&
		    model_reaches(model, i, root);
	for (int i = 0; i < NODES; i++)
		if (below[i])
			model->node[i].state = FREE;
}

static void
model_copy(struct model *model, int from, int parent, int name)
{
	int onto = model_add(model, parent, name,
	    model->node[from].collection);
	int children[NODES];
	size_t count = 0;

	model->node[onto].content = model->node[from].content;
	for (int i = 1; i < NODES; i++)
		if (i != onto && model->node[i].state == LIVE &&
		    model->node[i].parent == from)
			children[count++] = i;
	for (size_t i = 0; i < count; i++)
		model_copy(model, children[i], onto,
		    model->node[children[i]].name);
}

/* Everything from here up to the root gets a new etag. */
static void
model_touch(struct model *model, int collection)
{
	for (; collection > 0; collection = model->node[collection].parent)
		model->node[collection].expect_change = true;
	model->node[0].expect_change = true;
}

/* ---- Etags ---- */

static void
etags_read(struct model *model)
{
	char path[PATH_SIZE];

	for (int i = 0; i < NODES; i++) {
		model->node[i].etag_seen = 0;
		model->node[i].expect_change = false;
		if (!model_visible(model, i) || !model->node[i].collection)
			continue;
		model_path(model, i, path);
		model->node[i].etag_seen =
		    grove_node(&model->grove, path).tree_etag;
	}
}

static void
etags_compare(struct model *model)
{
	char path[PATH_SIZE];

	for (int i = 0; i < NODES; i++) {
		uint64_t now;

		if (model->node[i].etag_seen == 0 ||
		    !model_visible(model, i) || !model->node[i].collection)
			continue;
		model_path(model, i, path);
		now = grove_node(&model->grove, path).tree_etag;
		assert_int_equal(now != model->node[i].etag_seen,
		    model->node[i].expect_change);
	}
}

/* ---- Operations ---- */

static void
content_text(unsigned content, char *text)
{
	if (content == 0)
		text[0] = '\0';
	else
		snprintf(text, 64, "content %u %.*s", content,
		    (int)(content % 17), "xxxxxxxxxxxxxxxxx");
}

static void
child_path(const struct model *model, int parent, int name, char *path)
{
	size_t len;

	model_path(model, parent, path);
	len = strlen(path);
	snprintf(path + len, PATH_SIZE - len, "%sn%d", len > 0 ? "/" : "",
	    name);
}

static void
do_put(struct model *model)
{
	int parent = model_pick(model, true);
	int name = (int)pick(model, NAMES);
	int old = model_child(model, parent, name);
	unsigned content = pick(model, 5) == 0 ? 0 : ++model->content;
	char path[PATH_SIZE], text[64];
	enum outcome outcome;

	child_path(model, parent, name, path);
	content_text(content, text);
	outcome = grove_put(&model->grove, path, text);
	if (old >= 0 && model->node[old].collection) {
		assert_int_equal(outcome, EXISTS);
		return;
	}
	assert_int_equal(outcome, OK);
	if (old < 0)
		old = model_add(model, parent, name, false);
	model->node[old].content = content;
	model_touch(model, parent);
	model->done[0]++;
}

static void
do_mkcol(struct model *model)
{
	int parent = model_pick(model, true);
	int name = (int)pick(model, NAMES);
	int old = model_child(model, parent, name);
	char path[PATH_SIZE];
	enum outcome outcome;

	child_path(model, parent, name, path);
	outcome = grove_mkcol(&model->grove, path);
	assert_int_equal(outcome, old >= 0 ? EXISTS : OK);
	if (outcome != OK)
		return;
	(void)model_add(model, parent, name, true);
	model_touch(model, parent);
	model->done[1]++;
}

static void
do_delete(struct model *model)
{
	int node = model_pick(model, false);
	char path[PATH_SIZE];
	enum outcome outcome;

	/* Leave most of the large ones standing. */
	if (model->items == ITEMS ||
	    (model_weight(model, node) > 8 && pick(model, 4) != 0))
		return;
	model_path(model, node, path);
	outcome = grove_delete(&model->grove, path);
	assert_int_equal(outcome, node == 0 ? CONFLICT : OK);
	if (outcome != OK)
		return;
	model->item[model->items++] = (struct model_item){ .node = node,
	    .parent = model->node[node].parent,
	    .sequence = grove_trash(&model->grove).sequence };
	model_touch(model, model->node[node].parent);
	model->node[node].parent = -1;
	model->node[node].state = TRASHED;
	model->done[2]++;
}

static void
do_move(struct model *model)
{
	int node = model_pick(model, false), parent = model_pick(model, true);
	int name = (int)pick(model, NAMES);
	int old = model_child(model, parent, name);
	char from[PATH_SIZE], onto[PATH_SIZE];
	enum outcome outcome, expected = OK;

	model_path(model, node, from);
	child_path(model, parent, name, onto);
	if (node == 0 || model_reaches(model, parent, node))
		expected = CONFLICT;
	else if (old >= 0 && old != node)
		expected = EXISTS;
	outcome = grove_move(&model->grove, from, onto);
	assert_int_equal(outcome, expected);
	if (outcome != OK || old == node)
		return;
	model_touch(model, model->node[node].parent);
	model_touch(model, parent);
	model->node[node].parent = parent;
	model->node[node].name = name;
	model->done[3]++;
}

static void
do_copy(struct model *model)
{
	int node = model_pick(model, false), parent = model_pick(model, true);
	int name = (int)pick(model, NAMES);
	int old = model_child(model, parent, name);
	char from[PATH_SIZE], onto[PATH_SIZE];
	enum outcome outcome, expected = OK;

	if (model_weight(model, node) * 2 > model_room(model))
		return;
	model_path(model, node, from);
	child_path(model, parent, name, onto);
	if (model_reaches(model, parent, node))
		expected = CONFLICT;
	else if (old >= 0)
		expected = EXISTS;
	outcome = grove_copy(&model->grove, from, onto);
	assert_int_equal(outcome, expected);
	if (outcome != OK)
		return;
	model_copy(model, node, parent, name);
	model_touch(model, parent);
	model->done[4]++;
}

static void
do_restore(struct model *model)
{
	struct model_item item;
	struct model_node *node;
	enum outcome outcome, expected = OK;
	size_t index;

	if (model->items == 0)
		return;
	index = pick(model, (unsigned)model->items);
	item = model->item[index];
	node = &model->node[item.node];
	if (!model_visible(model, item.parent) ||
	    !model->node[item.parent].collection)
		expected = CONFLICT;
	else if (model_child(model, item.parent, node->name) >= 0)
		expected = EXISTS;
	outcome = trash_restore(model->grove.txn, model->grove.store,
	    model->grove.root, item.sequence, TEXT_NONE,
	    &model->grove.actor);
	assert_int_equal(outcome, expected);
	if (outcome != OK)
		return;
	node->parent = item.parent;
	node->state = LIVE;
	model->item[index] = model->item[--model->items];
	model_touch(model, item.parent);
	model->done[5]++;
}

static void
do_mark(struct model *model)
{
	int node = model_pick(model, false);
	struct trail trail;
	char path[PATH_SIZE];

	model_path(model, node, path);
	trail = grove_trail(&model->grove, path);
	switch (pick(model, 3)) {
	case 0:
		assert_ok(tree_set_flag(model->grove.txn, &trail,
		    NODE_HAS_GRANTS, pick(model, 2) == 0));
		break;
	case 1:
		assert_ok(tree_touch(model->grove.txn, &trail,
		    &model->grove.actor));
		if (node != 0)
			model_touch(model, model->node[node].parent);
		break;
	default:
		assert_ok(tree_set_times(model->grove.txn, &trail,
		    &model->grove.actor, 0, trail_last(&trail)->modified_ns));
		break;
	}
	model->done[6]++;
}

static void
do_empty(struct model *model)
{
	size_t items = 0;

	if (model->items < ITEMS / 2 && model_room(model) > NODES / 3)
		return;
	assert_ok(trash_empty(model->grove.txn, model->grove.store,
	    model->grove.root, UINT64_MAX, &items));
	assert_int_equal(items, model->items);
	while (model->items > 0)
		model_free(model, model->item[--model->items].node);
	if (pick(model, 2) == 0)
		grove_reclaim(&model->grove);
	model->done[7]++;
}

/* ---- Comparing ---- */

static void
content_compare(struct model *model)
{
	uint64_t count = 0;
	char path[PATH_SIZE], text[64];

	for (int i = 0; i < NODES; i++) {
		if (!model_visible(model, i))
			continue;
		count++;
		model_path(model, i, path);
		assert_int_equal(grove_node(&model->grove, path).kind,
		    model->node[i].collection ? NODE_COLLECTION : NODE_FILE);
		content_text(model->node[i].content, text);
		if (!model->node[i].collection)
			grove_expect(&model->grove, path, text);
	}
	assert_int_equal(grove_node(&model->grove, "").tree_count + 1, count);
}

/* ---- What a client sees, and the log ---- */

static void
view_drop(struct view *view, const char *path)
{
	size_t len = strlen(path), kept = 0;

	for (size_t i = 0; i < view->count; i++) {
		const char *line = view->line[i].path;

		if (strncmp(line, path, len) == 0 &&
		    (line[len] == '\0' || line[len] == '/'))
			continue;
		view->line[kept++] = view->line[i];
	}
	view->count = kept;
}

static void
view_set(struct view *view, const char *path, const struct node *node)
{
	size_t i = 0;

	while (i < view->count && strcmp(view->line[i].path, path) != 0)
		i++;
	if (i == view->count) {
		assert_true(i < LINES);
		snprintf(view->line[i].path, PATH_SIZE, "%s", path);
		view->count++;
	}
	view->line[i].collection = node->kind == NODE_COLLECTION;
	view->line[i].etag = node->etag;
}

static void
trail_path(const struct trail *trail, char *path)
{
	size_t len = 0;

	path[0] = '\0';
	for (size_t i = 1; i < trail->count; i++)
		len += (size_t)snprintf(path + len, PATH_SIZE - len,
		    "%s%.*s", len > 0 ? "/" : "",
		    TEXT_ARGS(trail->node[i].name));
}

struct subtree {
	struct model *model;
	struct view *view;
};

static bool
view_below(const struct node *node, size_t levels, void *context)
{
	struct subtree *subtree = context;
	struct trail trail;
	char path[PATH_SIZE];

	(void)levels;
	assert_ok(trail_find_id(subtree->model->grove.txn,
	    subtree->model->grove.arena, node->id, &trail));
	trail_path(&trail, path);
	view_set(subtree->view, path, node);
	return true;
}

static void
view_take(struct model *model, struct view *view)
{
	struct subtree subtree = { model, view };
	struct node root = grove_node(&model->grove, "");
	struct tree tree;

	if (view->line == NULL)
		view->line = memory_array(LINES, sizeof(*view->line));
	view->count = 0;
	view_set(view, "", &root);
	assert_ok(node_walk(model->grove.txn, model->grove.root, view_below,
	    &subtree));
	assert_ok(tree_get(model->grove.txn, model->grove.root, &tree));
	view->sequence = tree.sequence;
}

struct replay {
	struct subtree subtree;
	uint64_t last;
};

static void
replay_removed(struct replay *replay, const struct log_entry *entry)
{
	struct grove *grove = &replay->subtree.model->grove;
	struct trail trail;
	char path[PATH_SIZE];
	enum outcome outcome = trail_find_id(grove->txn, grove->arena,
	    entry->parent, &trail);
	size_t len;

	if (outcome == NOT_FOUND)
		return;
	assert_int_equal(outcome, OK);
	trail_path(&trail, path);
	len = strlen(path);
	snprintf(path + len, sizeof(path) - len, "%s%.*s",
	    len > 0 ? "/" : "", TEXT_ARGS(entry->name));
	view_drop(replay->subtree.view, path);
}

/* In order: what stood at a place goes before what stands there now comes. */
static bool
replay_entry(const struct log_entry *entry, void *context)
{
	struct replay *replay = context;
	struct grove *grove = &replay->subtree.model->grove;
	struct trail trail;
	char path[PATH_SIZE];
	enum outcome outcome;

	assert_true(entry->sequence > replay->last);
	replay->last = entry->sequence;
	if (entry->kind == LOG_REMOVED) {
		replay_removed(replay, entry);
		return true;
	}
	outcome = trail_find_id(grove->txn, grove->arena, entry->node,
	    &trail);
	if (outcome == NOT_FOUND)
		return true;
	assert_int_equal(outcome, OK);
	trail_path(&trail, path);
	view_set(replay->subtree.view, path, trail_last(&trail));
	if (entry->kind == LOG_ARRIVED && entry->collection)
		assert_ok(node_walk(grove->txn, entry->node, view_below,
		    &replay->subtree));
	return true;
}

static int
line_compare(const void *a, const void *b)
{
	return strcmp(((const struct view_line *)a)->path,
	    ((const struct view_line *)b)->path);
}

static void
replay_compare(struct model *model)
{
	struct view *view = &model->view[pick(model, VIEWS)];
	struct view now = { 0 };
	struct replay replay = { { model, view }, view->sequence };

	if (view->line != NULL) {
		assert_ok(log_each(model->grove.txn, model->grove.root,
		    view->sequence, replay_entry, &replay));
		view_take(model, &now);
		assert_int_equal(view->count, now.count);
		qsort(view->line, view->count, sizeof(*view->line),
		    line_compare);
		qsort(now.line, now.count, sizeof(*now.line), line_compare);
		for (size_t i = 0; i < now.count; i++) {
			assert_string_equal(view->line[i].path,
			    now.line[i].path);
			assert_int_equal(view->line[i].etag,
			    now.line[i].etag);
			assert_int_equal(view->line[i].collection,
			    now.line[i].collection);
		}
		free(now.line);
	}
	view_take(model, view);
}

typedef void (*operation_fn)(struct model *model);

/* Often the first ones, now and then the last. */
static const operation_fn operations[] = {
	do_put, do_put, do_put, do_mkcol, do_mkcol, do_mkcol, do_delete,
	do_delete, do_move, do_move, do_move, do_copy, do_copy, do_restore,
	do_restore, do_mark, do_empty
};

static void
model_step(struct model *model)
{
	size_t count = sizeof(operations) / sizeof(operations[0]);
	unsigned which = pick(model, (unsigned)count);

	model->grove.actor.now_ns += NS_PER_SECOND;
	if (model_room(model) < 8) {
		do_empty(model);
		which = 6;
	}
	if (model_room(model) < 2)
		return;
	etags_read(model);
	operations[which](model);
	etags_compare(model);
}

static void
model_run(const char *engine, uint64_t seed, size_t steps)
{
	struct model *model = memory_alloc(sizeof(*model));

	model->random = seed;
	model->node[0] = (struct model_node){ .state = LIVE,
	    .collection = true, .parent = -1 };
	grove_begin(&model->grove, engine);
	for (size_t i = 0; i < steps; i++) {
		model_step(model);
		if (i % CHECK_EVERY != 0)
			continue;
		content_compare(model);
		grove_check(&model->grove);
		replay_compare(model);
		grove_commit(&model->grove);
		arena_free(model->grove.arena);
		model->grove.arena = arena_new();
	}
	/* A model that wanders off into doing nothing proves nothing. */
	for (size_t i = 0; i < 7; i++)
		assert_true(model->done[i] > 10);
	grove_end(&model->grove);
	for (size_t i = 0; i < VIEWS; i++)
		free(model->view[i].line);
	free(model);
}

static void
test_model(void **state)
{
	model_run(*state, 20240229, STEPS);
}

/* More beginnings, shorter: other shapes of tree. */
static void
test_model_seeds(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		model_run(*state, seed, STEPS / 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GROVE_TEST(test_model),
		GROVE_TEST(test_model_seeds)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
