#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/grove.h"

enum { GROVE_USER = 77 };

void
grove_begin(struct grove *grove, const char *engine)
{
	struct node root;

	*grove = (struct grove){ .actor = { GROVE_USER,
				     UINT64_C(1000) * NS_PER_SECOND } };
	state_begin(&grove->state, engine);
	grove->store = grove->state.store;
	grove->arena = arena_new();
	assert_ok(txn_begin_write(grove->store->engine, &grove->txn));
	assert_ok(tree_create(grove->txn, grove->store, GROVE_USER, &root));
	grove->root = root.id;
}

void
grove_end(struct grove *grove)
{
	grove_check(grove);
	txn_abort(grove->txn);
	arena_free(grove->arena);
	state_end(&grove->state);
}

void
grove_commit(struct grove *grove)
{
	assert_ok(txn_commit(grove->txn));
	assert_ok(txn_begin_write(grove->store->engine, &grove->txn));
}

void
grove_rollback(struct grove *grove)
{
	txn_abort(grove->txn);
	assert_ok(txn_begin_write(grove->store->engine, &grove->txn));
}

struct trail
grove_trail_in(struct grove *grove, node_id root, const char *text)
{
	struct trail trail = { 0 };
	struct path path;

	assert_ok(path_parse_decoded(grove->arena,
	    arena_copy(grove->arena, text_from(text)), &path));
	assert_ok(trail_find(grove->txn, grove->arena, root, &path, &trail));
	return trail;
}

struct trail
grove_trail(struct grove *grove, const char *path)
{
	return grove_trail_in(grove, grove->root, path);
}

struct node
grove_node(struct grove *grove, const char *path)
{
	struct trail trail = grove_trail(grove, path);

	assert_int_equal(trail.missing, 0);
	return *trail_last(&trail);
}

bool
grove_has(struct grove *grove, const char *path)
{
	return grove_trail(grove, path).missing == 0;
}

static struct text
last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return text_from(slash != NULL ? slash + 1 : path);
}

enum outcome
grove_put_in(struct grove *grove, node_id root, const char *path,
    const char *bytes)
{
	struct trail trail = grove_trail_in(grove, root, path);
	struct tree_content content = { .name = last_name(path),
		.media = TEXT("text/plain") };
	struct node node;

	blob_small(grove->store, text_from(bytes), &content.blob);
	return tree_put(grove->txn, grove->store, &trail, &content,
	    &grove->actor, &node);
}

enum outcome
grove_put(struct grove *grove, const char *path, const char *bytes)
{
	return grove_put_in(grove, grove->root, path, bytes);
}

enum outcome
grove_mkcol(struct grove *grove, const char *path)
{
	struct trail trail = grove_trail(grove, path);
	struct node node;

	return tree_mkcol(grove->txn, grove->store, &trail, last_name(path),
	    &grove->actor, &node);
}

enum outcome
grove_delete(struct grove *grove, const char *path)
{
	struct trail trail = grove_trail(grove, path);

	return tree_delete(grove->txn, grove->store, &trail, &grove->actor);
}

/* The collection that a path lies in. */
static struct trail
parent_trail(struct grove *grove, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct text parent = { path,
		slash != NULL ? (size_t)(slash - path) : 0 };

	return grove_trail(grove, arena_string(grove->arena, parent));
}

enum outcome
grove_move(struct grove *grove, const char *from, const char *onto)
{
	struct trail source = grove_trail(grove, from);
	struct trail target = parent_trail(grove, onto);

	if (target.missing > 0)
		return CONFLICT;
	return tree_move(grove->txn, grove->store, &source, &target,
	    last_name(onto), TREE_MOVE_PLACE, &grove->actor);
}

enum outcome
grove_copy(struct grove *grove, const char *from, const char *onto)
{
	struct trail source = grove_trail(grove, from);
	struct trail target = parent_trail(grove, onto);
	struct tree_copy copy = { .source = trail_last(&source),
		.arena = grove->arena,
		.actor = grove->actor };
	struct node node;
	enum outcome outcome = OK;

	if (target.missing > 0 || source.missing > 0)
		return CONFLICT;
	while (outcome == OK && !copy.complete)
		outcome = tree_copy_slice(grove->txn, grove->store, &copy);
	if (outcome == OK)
		outcome = tree_copy_publish(grove->txn, grove->store, &copy,
		    &target, last_name(onto), &node);
	if (outcome != OK)
		assert_ok(tree_copy_discard(grove->txn, grove->store, &copy));
	return outcome;
}

void
grove_expect(struct grove *grove, const char *path, const char *bytes)
{
	struct node node = grove_node(grove, path);
	struct text stored;

	assert_int_equal(node.size, strlen(bytes));
	if (node.size == 0)
		return;
	assert_ok(blob_bytes(grove->txn, node.blob, &stored));
	assert_int_equal(stored.len, strlen(bytes));
	assert_memory_equal(stored.ptr, bytes, stored.len);
}

struct newest {
	struct grove *grove;
	struct trash_item item;
	bool found;
};

static bool
take_newest(const struct trash_item *item, void *context)
{
	struct newest *newest = context;

	newest->item = *item;
	newest->item.path = arena_copy(newest->grove->arena, item->path);
	newest->item.name = arena_copy(newest->grove->arena, item->name);
	newest->found = true;
	return false;
}

struct trash_item
grove_trash(struct grove *grove)
{
	struct newest newest = { .grove = grove };

	assert_ok(trash_each(grove->txn, grove->root, take_newest, &newest));
	assert_true(newest.found);
	return newest.item;
}

void
grove_reclaim(struct grove *grove)
{
	bool more = true;

	while (more)
		assert_ok(tree_reclaim(grove->txn, grove->store, 7, &more));
}
