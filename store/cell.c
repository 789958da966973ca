#include "store/cell.h"

#include <stdio.h>

#include "server/base/clock.h"
#include "server/base/codec.h"
#include "store/keys.h"
#include "store/lock.h"
#include "store/tree_change.h"

/*
 * A cell is found by its slug (KEY_CELL) or by the node that it stands on
 * (KEY_CELL_ROOT). The node carries NODE_IS_CELL_ROOT, so that quotas look
 * for a cell only where one is.
 */
enum { CELL_RECORD = 1, OWN_SLUG_SIZE = 18 };

static bool
slug_byte_valid(char byte, bool first)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
	    (byte == '-' && !first);
}

bool
cell_slug_valid(struct text slug)
{
	if (slug.len == 0 || slug.len > CELL_SLUG_MAX ||
	    text_equal(slug, TEXT("my-files")))
		return false;
	for (size_t i = 0; i < slug.len; i++)
		if (!slug_byte_valid(slug.ptr[i], i == 0))
			return false;
	return true;
}

static struct text
own_slug(char slug[OWN_SLUG_SIZE], user_id user)
{
	(void)snprintf(slug, OWN_SLUG_SIZE, "~%llx", (unsigned long long)user);
	return text_from(slug);
}

static enum outcome
cell_decode(struct text key, struct text value, struct cell *ret_cell)
{
	struct reader reader = reader_from(value);
	struct cell cell = { .slug = key_rest_of(key, 0) };
	uint8_t version = reader_u8(&reader);

	cell.id = reader_u64(&reader);
	cell.root = reader_u64(&reader);
	cell.owner = reader_u64(&reader);
	cell.quota = reader_u64(&reader);
	cell.created_ns = reader_u64(&reader);
	cell.trash_bytes = reader_u64(&reader);
	cell.own_tree = reader_u8(&reader) == 1;
	cell.title = reader_text16(&reader);
	if (!reader_done(&reader) || version != CELL_RECORD || cell.root == 0 ||
	    cell.slug.len == 0)
		return DAMAGED;
	*ret_cell = cell;
	return OK;
}

static enum outcome
cell_store(struct txn *txn, const struct cell *cell)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, CELL_RECORD);
	writer_u64(&value, cell->id);
	writer_u64(&value, cell->root);
	writer_u64(&value, cell->owner);
	writer_u64(&value, cell->quota);
	writer_u64(&value, cell->created_ns);
	writer_u64(&value, cell->trash_bytes);
	writer_u8(&value, cell->own_tree);
	writer_text16(&value, cell->title);
	outcome = txn_put(txn, key_text(&key, KEY_CELL, cell->slug),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

enum outcome
cell_find(struct txn *txn, struct text slug, struct cell *ret_cell)
{
	struct key key;
	struct text value;
	enum outcome outcome;

	if (slug.len == 0 || slug.len > CELL_SLUG_MAX)
		return NOT_FOUND;
	outcome = txn_get(txn, key_text(&key, KEY_CELL, slug), &value);
	if (outcome != OK)
		return outcome;
	outcome = cell_decode((struct text){ (char *)key.bytes, key.len },
	    value, ret_cell);
	if (outcome == OK)
		ret_cell->slug = slug;
	return outcome;
}

enum outcome
cell_find_root(struct txn *txn, node_id root, struct cell *ret_cell)
{
	struct key key;
	struct text value;
	struct reader reader;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_CELL_ROOT, root),
	    &value);

	if (outcome != OK)
		return outcome;
	reader = reader_from(value);
	if (reader_u8(&reader) != CELL_RECORD)
		return DAMAGED;
	outcome = cell_find(txn, reader.rest, ret_cell);
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

enum outcome
cell_find_own(struct txn *txn, user_id user, struct cell *ret_cell)
{
	char slug[OWN_SLUG_SIZE];
	struct cell cell;
	enum outcome outcome = cell_find(txn, own_slug(slug, user), &cell);

	if (outcome != OK)
		return outcome;
	/* By the root once more: that slug is the transaction's text. */
	return cell_find_root(txn, cell.root, ret_cell);
}

/* Writes the cell, its root's entry and the flag of that node. */
static enum outcome
cell_enter(struct txn *txn, const struct cell *cell, struct node *root)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	root->flags |= NODE_IS_CELL_ROOT;
	outcome = node_update(txn, root);
	if (outcome == OK)
		outcome = cell_store(txn, cell);
	if (outcome != OK)
		return outcome;
	writer_u8(&value, CELL_RECORD);
	buffer_append(&value, cell->slug);
	outcome = txn_put(txn, key_id(&key, KEY_CELL_ROOT, cell->root),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

/*
 * Who owns a cell sees all that is below, whatever its grants say: for those
 * who came or went the log has no entries (RFC 6578).
 */
static enum outcome
owner_changed(struct txn *txn, node_id root)
{
	struct node node;
	enum outcome outcome = node_find_id(txn, root, &node);

	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	return log_break(txn, node.tree);
}

/* A live collection that carries no cell yet. */
static enum outcome
root_check(struct txn *txn, struct arena *arena, node_id id,
    struct node *ret_root)
{
	struct trail trail;
	enum outcome outcome = trail_find_id(txn, arena, id, &trail);

	if (outcome != OK)
		return outcome == NOT_FOUND ? CONFLICT : outcome;
	*ret_root = *trail_last(&trail);
	if (ret_root->kind != NODE_COLLECTION ||
	    (ret_root->flags & NODE_IS_CELL_ROOT) != 0)
		return CONFLICT;
	return OK;
}

static enum outcome
cell_create_in(struct txn *txn, struct store *store, struct arena *arena,
    const struct cell *wanted)
{
	struct cell cell = *wanted, other;
	struct node root;
	enum outcome outcome = cell_find(txn, cell.slug, &other);

	if (outcome == OK)
		return EXISTS;
	if (outcome != NOT_FOUND)
		return outcome;
	cell.own_tree = cell.root == 0;
	if (cell.own_tree) {
		outcome = tree_create(txn, store, cell.owner, &root);
		if (outcome == OK)
			node_hold(arena, &root);
	} else {
		outcome = root_check(txn, arena, cell.root, &root);
	}
	if (outcome != OK)
		return outcome;
	cell.root = root.id;
	cell.id = cell.id != 0 ? cell.id : store_next_id(store);
	cell.trash_bytes = 0;
	if (cell.created_ns == 0)
		cell.created_ns = clock_wall_ns();
	outcome = cell_enter(txn, &cell, &root);
	if (outcome == OK && !cell.own_tree)
		outcome = owner_changed(txn, cell.root);
	return outcome;
}

static enum outcome
cell_create_held(struct txn *txn, struct store *store, const struct cell *cell)
{
	struct arena *arena = arena_new();
	enum outcome outcome = cell_create_in(txn, store, arena, cell);

	arena_free(arena);
	return outcome;
}

enum outcome
cell_create(struct txn *txn, struct store *store, const struct cell *cell)
{
	if (!cell_slug_valid(cell->slug) || cell->title.len > UINT16_MAX)
		return BAD_INPUT;
	return cell_create_held(txn, store, cell);
}

enum outcome
cell_make_own(struct txn *txn, struct store *store, user_id user,
    struct cell *ret_cell)
{
	char slug[OWN_SLUG_SIZE];
	struct cell cell = { .slug = own_slug(slug, user),
		.owner = user,
		.title = TEXT("my-files") };
	enum outcome outcome = cell_create_held(txn, store, &cell);

	if (outcome != OK && outcome != EXISTS)
		return outcome;
	return cell_find_own(txn, user, ret_cell);
}

/* What a tree holds counts for its new owner. */
static enum outcome
tree_give(struct txn *txn, node_id id, user_id owner)
{
	struct tree tree;
	struct node root;
	int64_t bytes;
	enum outcome outcome = tree_get(txn, id, &tree);

	if (outcome == OK)
		outcome = node_find_id(txn, id, &root);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	bytes = (int64_t)(node_weight(&root) + tree.trash_bytes);
	outcome = quota_charge(txn, tree.owner, -bytes);
	if (outcome == OK)
		outcome = quota_charge(txn, owner, bytes);
	tree.owner = owner;
	return outcome == OK ? tree_store(txn, &tree) : outcome;
}

enum outcome
cell_update(struct txn *txn, const struct cell *cell)
{
	struct cell old, next;
	enum outcome outcome;

	if (cell->title.len > UINT16_MAX)
		return BAD_INPUT;
	outcome = cell_find(txn, cell->slug, &old);
	if (outcome != OK)
		return outcome;
	next = old;
	next.title = cell->title;
	next.quota = cell->quota;
	next.owner = cell->owner;
	outcome = cell_store(txn, &next);
	if (outcome == OK && old.own_tree && old.owner != next.owner)
		outcome = tree_give(txn, old.root, next.owner);
	if (outcome == OK && old.owner != next.owner)
		outcome = owner_changed(txn, old.root);
	return outcome;
}

static enum outcome
cell_unlink(struct txn *txn, struct text slug, node_id root)
{
	struct key key;
	enum outcome outcome = txn_remove(txn,
	    key_id(&key, KEY_CELL_ROOT, root));

	if (outcome == OK)
		outcome = txn_remove(txn, key_text(&key, KEY_CELL, slug));
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

/* The folder stays, without its cell; it may be gone already. */
static enum outcome
root_release(struct txn *txn, node_id id)
{
	struct node root;
	enum outcome outcome = node_find_id(txn, id, &root);

	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	root.flags &= ~(uint32_t)NODE_IS_CELL_ROOT;
	return node_update(txn, &root);
}

/*
 * The root goes now, so that nothing below has a trail any more; the rest is
 * freed at leisure. The record of the tree is kept for that, and holds nothing.
 */
static enum outcome
tree_abandon(struct txn *txn, struct store *store, node_id id)
{
	struct reclaim work = {
		.key = store_next_id(store), .what = RECLAIM_TREE, .id = id
	};
	struct tree tree;
	struct node root;
	enum outcome outcome = tree_get(txn, id, &tree);

	if (outcome == OK)
		outcome = node_find_id(txn, id, &root);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	outcome = quota_charge(txn, tree.owner,
	    -(int64_t)(node_weight(&root) + tree.trash_bytes));
	tree.version_bytes = 0;
	tree.trash_bytes = 0;
	if (outcome == OK)
		outcome = tree_store(txn, &tree);
	if (outcome == OK)
		outcome = lock_remove_tree(txn, &root);
	if (outcome == OK)
		outcome = node_find_id(txn, id, &root);
	if (outcome == OK)
		outcome = node_free(txn, store, &root);
	return outcome == OK ? reclaim_store(txn, &work) : outcome;
}

enum outcome
cell_remove(struct txn *txn, struct store *store, struct text slug)
{
	struct cell cell;
	enum outcome outcome = cell_find(txn, slug, &cell);

	if (outcome != OK)
		return outcome;
	outcome = cell_unlink(txn, slug, cell.root);
	if (outcome == OK)
		outcome = root_release(txn, cell.root);
	if (outcome != OK)
		return outcome;
	return cell.own_tree ? tree_abandon(txn, store, cell.root) :
			       owner_changed(txn, cell.root);
}

enum outcome
cell_forget(struct txn *txn, node_id root)
{
	struct arena *arena;
	struct cell cell;
	enum outcome outcome = cell_find_root(txn, root, &cell);

	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	arena = arena_new();
	outcome = cell_unlink(txn, arena_copy(arena, cell.slug), root);
	arena_free(arena);
	return outcome;
}

enum outcome
cell_charge_trash(struct txn *txn, node_id root, int64_t bytes)
{
	struct arena *arena;
	struct cell cell;
	enum outcome outcome = cell_find_root(txn, root, &cell);

	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	/* A cell that came after the deletion was not charged for it. */
	if (bytes < 0 && cell.trash_bytes < (uint64_t)-bytes)
		bytes = -(int64_t)cell.trash_bytes;
	outcome = counter_add(&cell.trash_bytes, bytes);
	if (outcome != OK)
		return outcome;
	arena = arena_new();
	cell.slug = arena_copy(arena, cell.slug);
	cell.title = arena_copy(arena, cell.title);
	outcome = cell_store(txn, &cell);
	arena_free(arena);
	return outcome;
}

enum outcome
cell_each(struct txn *txn, cell_each_fn visit, void *context)
{
	struct cursor *cursor;
	struct key key;
	struct cell cell;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, key_text(&key, KEY_CELL, TEXT_NONE));
	while (outcome == OK && cursor->key.len > 1 &&
	    cursor->key.ptr[0] == KEY_CELL) {
		/* '~' sorts behind every byte of a slug: own cells follow. */
		if (cursor->key.ptr[1] == '~')
			break;
		outcome = cell_decode(cursor->key, cursor->value, &cell);
		if (outcome != OK || !visit(&cell, context))
			break;
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND ? OK : outcome;
}
