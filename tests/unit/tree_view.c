#include "tests/unit/tree_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/memory.h"

/* What a client sees, and the change log replayed on it. */

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
		len += (size_t)snprintf(path + len, PATH_SIZE - len, "%s%.*s",
		    len > 0 ? "/" : "", TEXT_ARGS(trail->node[i].name));
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
	snprintf(path + len, sizeof(path) - len, "%s%.*s", len > 0 ? "/" : "",
	    TEXT_ARGS(entry->name));
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
	outcome = trail_find_id(grove->txn, grove->arena, entry->node, &trail);
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

void
replay_compare(struct model *model)
{
	struct view *view = &model->view[model_random(model, VIEWS)];
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
			assert_int_equal(view->line[i].etag, now.line[i].etag);
			assert_int_equal(view->line[i].collection,
			    now.line[i].collection);
		}
		free(now.line);
	}
	view_take(model, view);
}
