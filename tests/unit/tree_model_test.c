#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/memory.h"
#include "tests/unit/tree_model.h"

/*
 * Random operations on a tree and on a simple model of it: an array of nodes
 * that know their parent. After each operation the outcome, and which
 * collections have a new etag, must be what the model says; now and then all
 * names and contents are compared, all counters recomputed, and the change
 * log replayed on what a client saw earlier.
 */
enum { STEPS = 1200, CHECK_EVERY = 25 };

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
	int name = (int)model_random(model, NAMES);
	int old = model_child(model, parent, name);
	unsigned content = model_random(model, 5) == 0 ? 0 : ++model->content;
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
	int name = (int)model_random(model, NAMES);
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
	    (model_weight(model, node) > 8 && model_random(model, 4) != 0))
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
	int name = (int)model_random(model, NAMES);
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
	int name = (int)model_random(model, NAMES);
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
	index = model_random(model, (unsigned)model->items);
	item = model->item[index];
	node = &model->node[item.node];
	if (!model_visible(model, item.parent) ||
	    !model->node[item.parent].collection)
		expected = CONFLICT;
	else if (model_child(model, item.parent, node->name) >= 0)
		expected = EXISTS;
	outcome = trash_restore(model->grove.txn, model->grove.store,
	    model->grove.root, item.sequence, TEXT_NONE, &model->grove.actor);
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
	switch (model_random(model, 3)) {
	case 0:
		assert_ok(tree_set_flag(model->grove.txn, &trail,
		    NODE_HAS_GRANTS, model_random(model, 2) == 0));
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
	if (model_random(model, 2) == 0)
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

typedef void (*operation_fn)(struct model *model);

/* Often the first ones, now and then the last. */
static const operation_fn operations[] = { do_put, do_put, do_put, do_mkcol,
	do_mkcol, do_mkcol, do_delete, do_delete, do_move, do_move, do_move,
	do_copy, do_copy, do_restore, do_restore, do_mark, do_empty };

static void
model_step(struct model *model)
{
	size_t count = sizeof(operations) / sizeof(operations[0]);
	unsigned which = model_random(model, (unsigned)count);

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
	model->node[0] = (struct model_node){
		.state = LIVE, .collection = true, .parent = -1
	};
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
	const struct CMUnitTest tests[] = { GROVE_TEST(test_model),
		GROVE_TEST(test_model_seeds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
