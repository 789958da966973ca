#include "tests/unit/tree_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

unsigned
model_random(struct model *model, unsigned below)
{
	model->random = model->random * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned)(model->random >> 33) % below;
}

/* ---- The model ---- */

int
model_child(const struct model *model, int parent, int name)
{
	for (int i = 0; i < NODES; i++)
		if (model->node[i].state == LIVE && i != 0 &&
		    model->node[i].parent == parent &&
		    model->node[i].name == name)
			return i;
	return -1;
}

bool
model_reaches(const struct model *model, int node, int ancestor)
{
	while (node > 0 && node != ancestor)
		node = model->node[node].parent;
	return node == ancestor;
}

bool
model_visible(const struct model *model, int node)
{
	return model->node[node].state == LIVE && model_reaches(model, node, 0);
}

/* Each with the same chance. */
int
model_pick(struct model *model, bool collection)
{
	int chosen = 0;
	unsigned seen = 0;

	for (int i = 0; i < NODES; i++)
		if (model_visible(model, i) &&
		    (!collection || model->node[i].collection) &&
		    model_random(model, ++seen) == 0)
			chosen = i;
	return chosen;
}

void
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

int
model_add(struct model *model, int parent, int name, bool collection)
{
	for (int i = 1; i < NODES; i++)
		if (model->node[i].state == FREE) {
			model->node[i] = (struct model_node){ .state = LIVE,
				.collection = collection,
				.parent = parent,
				.name = name };
			return i;
		}
	fail_msg("the model is full");
	return -1;
}

size_t
model_room(const struct model *model)
{
	size_t room = 0;

	for (int i = 0; i < NODES; i++)
		room += model->node[i].state == FREE;
	return room;
}

size_t
model_weight(const struct model *model, int root)
{
	size_t count = 0;

	for (int i = 0; i < NODES; i++)
		count += model->node[i].state != FREE &&
		    model_reaches(model, i, root);
	return count;
}

void
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

void
model_copy(struct model *model, int from, int parent, int name)
{
	int onto = model_add(model, parent, name, model->node[from].collection);
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
void
model_touch(struct model *model, int collection)
{
	for (; collection > 0; collection = model->node[collection].parent)
		model->node[collection].expect_change = true;
	model->node[0].expect_change = true;
}

/* ---- Etags ---- */

void
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

void
etags_compare(struct model *model)
{
	char path[PATH_SIZE];

	for (int i = 0; i < NODES; i++) {
		uint64_t now;

		if (model->node[i].etag_seen == 0 || !model_visible(model, i) ||
		    !model->node[i].collection)
			continue;
		model_path(model, i, path);
		now = grove_node(&model->grove, path).tree_etag;
		assert_int_equal(now != model->node[i].etag_seen,
		    model->node[i].expect_change);
	}
}
