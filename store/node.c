#include "store/node.h"

#include <endian.h>
#include <string.h>

#include "server/base/codec.h"
#include "store/keys.h"
#include "store/media_later.h"

/*
 * Record of a node: a version byte, kind, flags, a block of little-endian
 * u64, for a collection one more block, then two texts. Listings decode a
 * million of these a second, so the blocks are cut out by one bounded read
 * each and their fields loaded by fixed index, with no memory and no copy.
 */
enum { NODE_RECORD = 1, NODE_FLAGS_ALL = (1 << 5) - 1 };

enum node_field {
	FIELD_ID,
	FIELD_TREE,
	FIELD_BLOB,
	FIELD_SIZE,
	FIELD_ETAG,
	FIELD_CREATED,
	FIELD_MODIFIED,
	FIELD_SEQUENCE,
	FIELD_CREATOR,
	FIELD_AUTHOR,
	FIELD_VERSIONS,
	FIELD_COUNT
};

enum below_field {
	BELOW_SIZE,
	BELOW_COUNT,
	BELOW_ETAG,
	BELOW_GRANTS_LOCKS, /* u32 each, grants low */
	BELOW_LEVELS,
	BELOW_FIELD_COUNT
};

/* All of a record but its texts: six bytes, the blocks, two lengths. */
enum { NODE_FIXED_MAX = 6 + FIELD_COUNT * 8 + BELOW_FIELD_COUNT * 8 + 4 };

static uint64_t
load_field(struct text block, size_t index)
{
	uint64_t value;

	memcpy(&value, block.ptr + index * sizeof(value), sizeof(value));
	return le64toh(value);
}

static void
load_fields(struct text block, struct node *node)
{
	node->id = load_field(block, FIELD_ID);
	node->tree = load_field(block, FIELD_TREE);
	node->blob = load_field(block, FIELD_BLOB);
	node->size = load_field(block, FIELD_SIZE);
	node->etag = load_field(block, FIELD_ETAG);
	node->created_ns = load_field(block, FIELD_CREATED);
	node->modified_ns = load_field(block, FIELD_MODIFIED);
	node->sequence = load_field(block, FIELD_SEQUENCE);
	node->creator = load_field(block, FIELD_CREATOR);
	node->author = load_field(block, FIELD_AUTHOR);
	node->tree_versions = load_field(block, FIELD_VERSIONS);
}

static void
load_below(struct text block, struct node *node)
{
	uint64_t counters = load_field(block, BELOW_GRANTS_LOCKS);

	node->tree_size = load_field(block, BELOW_SIZE);
	node->tree_count = load_field(block, BELOW_COUNT);
	node->tree_etag = load_field(block, BELOW_ETAG);
	node->tree_grants = (uint32_t)counters;
	node->tree_locks = (uint32_t)(counters >> 32);
	node->tree_levels = (uint32_t)load_field(block, BELOW_LEVELS);
}

static bool
node_is_sane(const struct node *node)
{
	if (node->id == 0 || node->tree == 0)
		return false;
	if ((node->flags & ~(uint32_t)NODE_FLAGS_ALL) != 0)
		return false;
	if (node->kind == NODE_COLLECTION)
		return node->blob == 0 && node->size == 0;
	return node->media.len <= NODE_MEDIA_MAX &&
	    (node->blob != 0) == (node->size != 0);
}

/* `place.key` and `place.parent` are set by the caller, who knows them. */
static enum outcome
node_read(struct text value, const struct node *place, struct node *ret_node)
{
	struct reader reader = reader_from(value);
	struct node node = { .parent = place->parent, .key = place->key };
	uint8_t version = reader_u8(&reader);
	uint8_t kind = reader_u8(&reader);
	struct text block;

	node.flags = reader_u32(&reader);
	if (version != NODE_RECORD ||
	    (kind != NODE_FILE && kind != NODE_COLLECTION))
		return DAMAGED;
	node.kind = kind == NODE_FILE ? NODE_FILE : NODE_COLLECTION;
	block = reader_bytes(&reader, FIELD_COUNT * sizeof(uint64_t));
	if (reader.failed)
		return DAMAGED;
	load_fields(block, &node);
	if (node.kind == NODE_COLLECTION) {
		block = reader_bytes(&reader,
		    BELOW_FIELD_COUNT * sizeof(uint64_t));
		if (reader.failed)
			return DAMAGED;
		load_below(block, &node);
	}
	node.name = reader_text16(&reader);
	node.media = reader_text16(&reader);
	if (node.name.len == 0)
		node.name = node.key;
	if (!reader_done(&reader) || node.name.len > PATH_SEGMENT_MAX ||
	    !node_is_sane(&node))
		return DAMAGED;
	*ret_node = node;
	return OK;
}

/* The same under a name that comes from the table, too. */
static enum outcome
node_read_at(const struct node *place, struct text value, struct node *ret_node)
{
	if (place->key.len == 0 || place->key.len > PATH_SEGMENT_MAX)
		return DAMAGED;
	return node_read(value, place, ret_node);
}

enum outcome
node_decode(struct text key, struct text value, struct node *ret_node)
{
	struct node place = { .parent = key_id_of(key, 0),
		.key = key_rest_of(key, 1) };

	if (key.len == 0 || key.ptr[0] != KEY_NODE)
		return DAMAGED;
	return node_read_at(&place, value, ret_node);
}

static void
write_below(const struct node *node, struct buffer *out)
{
	writer_u64(out, node->tree_size);
	writer_u64(out, node->tree_count);
	writer_u64(out, node->tree_etag);
	writer_u32(out, node->tree_grants);
	writer_u32(out, node->tree_locks);
	writer_u64(out, node->tree_levels);
}

void
node_encode(const struct node *node, struct buffer *out)
{
	/* One piece of memory, however it grows. */
	(void)buffer_room(out,
	    NODE_FIXED_MAX + node->name.len + node->media.len);
	writer_u8(out, NODE_RECORD);
	writer_u8(out, (uint8_t)node->kind);
	writer_u32(out, node->flags);
	writer_u64(out, node->id);
	writer_u64(out, node->tree);
	writer_u64(out, node->blob);
	writer_u64(out, node->size);
	writer_u64(out, node->etag);
	writer_u64(out, node->created_ns);
	writer_u64(out, node->modified_ns);
	writer_u64(out, node->sequence);
	writer_u64(out, node->creator);
	writer_u64(out, node->author);
	writer_u64(out, node->tree_versions);
	if (node->kind == NODE_COLLECTION)
		write_below(node, out);
	writer_text16(out,
	    text_equal(node->name, node->key) ? TEXT_NONE : node->name);
	writer_text16(out, node->media);
}

enum outcome
node_find(struct txn *txn, node_id parent, struct text name,
    struct node *ret_node)
{
	struct node place = { .parent = parent, .key = name };
	struct key key;
	struct text value;
	enum outcome outcome;

	if (name.len == 0 || name.len > PATH_SEGMENT_MAX)
		return NOT_FOUND;
	outcome = txn_get(txn, key_name(&key, KEY_NODE, parent, name), &value);
	if (outcome != OK)
		return outcome;
	return node_read(value, &place, ret_node);
}

/* Where a node hangs: version byte, parent id, NFC name. */
static enum outcome
place_find(struct txn *txn, node_id id, node_id *ret_parent,
    struct text *ret_name)
{
	struct key key;
	struct text value;
	struct reader reader;
	node_id parent;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_PLACE, id),
	    &value);

	if (outcome != OK)
		return outcome;
	reader = reader_from(value);
	if (reader_u8(&reader) != NODE_RECORD)
		return DAMAGED;
	parent = reader_u64(&reader);
	if (reader.failed || reader.rest.len == 0)
		return DAMAGED;
	*ret_parent = parent;
	*ret_name = reader.rest;
	return OK;
}

/* A place that names no node, or another one, is damage and not absence. */
enum outcome
node_find_id(struct txn *txn, node_id id, struct node *ret_node)
{
	struct node node;
	node_id parent;
	struct text name;
	enum outcome outcome = place_find(txn, id, &parent, &name);

	if (outcome != OK)
		return outcome;
	outcome = node_find(txn, parent, name, &node);
	if (outcome == NOT_FOUND || (outcome == OK && node.id != id))
		return DAMAGED;
	if (outcome == OK)
		*ret_node = node;
	return outcome;
}

enum outcome
node_update(struct txn *txn, const struct node *node)
{
	struct buffer value = { 0 };
	struct key key;
	node_id id = node->id;
	enum outcome outcome;

	node_encode(node, &value);
	outcome = txn_put(txn,
	    key_name(&key, KEY_NODE, node->parent, node->key),
	    buffer_text(&value));
	buffer_done(&value);
	if (outcome == OK && node->kind == NODE_FILE && node->media.len == 0)
		outcome = later_add(txn, id);
	return outcome;
}

enum outcome
node_store(struct txn *txn, const struct node *node)
{
	struct buffer value = { 0 };
	struct key key, name;
	struct text place = key_name(&name, KEY_NODE, node->parent, node->key);
	enum outcome outcome;

	/* The name first: node->key may be borrowed from the transaction. */
	writer_u8(&value, NODE_RECORD);
	writer_u64(&value, node->parent);
	buffer_append(&value, key_rest_of(place, 1));
	outcome = node_update(txn, node);
	if (outcome == OK)
		outcome = txn_put(txn, key_id(&key, KEY_PLACE, node->id),
		    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

enum outcome
node_unlink(struct txn *txn, const struct node *node)
{
	struct key key;
	node_id id = node->id;
	enum outcome outcome = txn_remove(txn,
	    key_name(&key, KEY_NODE, node->parent, node->key));

	if (outcome == OK)
		outcome = txn_remove(txn, key_id(&key, KEY_PLACE, id));
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

void
node_hold(struct arena *arena, struct node *node)
{
	bool same = text_equal(node->name, node->key);

	node->key = arena_copy(arena, node->key);
	node->name = same ? node->key : arena_copy(arena, node->name);
	if (node->media.len > 0)
		node->media = arena_copy(arena, node->media);
}

/* The cursor onto the first member of `parent` behind `after`. */
static enum outcome
seek_behind(struct cursor *cursor, node_id parent, struct text after)
{
	struct key key;
	struct text start;
	enum outcome outcome;

	if (after.len > PATH_SEGMENT_MAX)
		return BUG;
	start = key_name(&key, KEY_NODE, parent, after);
	outcome = cursor_seek(cursor, start);
	if (outcome == OK && after.len > 0 && text_equal(cursor->key, start))
		outcome = cursor_next(cursor);
	return outcome;
}

/* NOT_FOUND when the cursor has left the members of `parent`. */
static enum outcome
member_decode(const struct cursor *cursor, node_id parent,
    struct node *ret_node)
{
	struct node place = { .parent = parent };
	struct key key;
	struct text prefix = key_id(&key, KEY_NODE, parent);

	if (!text_starts(cursor->key, prefix))
		return NOT_FOUND;
	place.key = text_slice(cursor->key, prefix.len, cursor->key.len);
	return node_read_at(&place, cursor->value, ret_node);
}

enum outcome
node_next(struct txn *txn, node_id parent, struct text after,
    struct node *ret_node)
{
	struct cursor *cursor;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = seek_behind(cursor, parent, after);
	if (outcome == OK)
		outcome = member_decode(cursor, parent, ret_node);
	cursor_close(cursor);
	return outcome;
}

enum outcome
node_each(struct txn *txn, node_id parent, struct text after,
    node_each_fn visit, void *context)
{
	struct cursor *cursor;
	struct node node;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = seek_behind(cursor, parent, after);
	while (outcome == OK) {
		outcome = member_decode(cursor, parent, &node);
		if (outcome != OK || !visit(&node, context))
			break;
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND ? OK : outcome;
}

/* One open cursor a level: each stands on the member that was visited. */
struct walk {
	struct txn *txn;
	struct cursor *cursor[PATH_LEVELS_MAX];
	node_id parent[PATH_LEVELS_MAX];
	size_t depth;
	node_walk_fn visit;
	void *context;
};

static enum outcome
walk_enter(struct walk *walk, node_id parent)
{
	size_t level = walk->depth;
	enum outcome outcome;

	if (level == PATH_LEVELS_MAX)
		return DAMAGED;
	outcome = cursor_open(walk->txn, &walk->cursor[level]);
	if (outcome != OK)
		return outcome;
	walk->parent[level] = parent;
	walk->depth++;
	return seek_behind(walk->cursor[level], parent, TEXT_NONE);
}

/* Visits where the top cursor stands, then enters it or steps on. */
static enum outcome
walk_step(struct walk *walk, bool *ret_stop)
{
	size_t top = walk->depth - 1;
	struct node node;
	enum outcome outcome;

	outcome = member_decode(walk->cursor[top], walk->parent[top], &node);
	if (outcome != OK)
		return outcome;
	if (!walk->visit(&node, walk->depth, walk->context)) {
		*ret_stop = true;
		return OK;
	}
	if (node.kind == NODE_COLLECTION)
		return walk_enter(walk, node.id);
	return cursor_next(walk->cursor[top]);
}

static enum outcome
walk_leave(struct walk *walk)
{
	walk->depth--;
	cursor_close(walk->cursor[walk->depth]);
	if (walk->depth == 0)
		return OK;
	return cursor_next(walk->cursor[walk->depth - 1]);
}

enum outcome
node_walk(struct txn *txn, node_id parent, node_walk_fn visit, void *context)
{
	struct walk walk = { .txn = txn, .visit = visit, .context = context };
	bool stop = false;
	enum outcome outcome = walk_enter(&walk, parent);

	while (walk.depth > 0 && !stop) {
		if (outcome == OK)
			outcome = walk_step(&walk, &stop);
		if (outcome == NOT_FOUND)
			outcome = walk_leave(&walk);
		else if (outcome != OK)
			break;
	}
	while (walk.depth > 0)
		cursor_close(walk.cursor[--walk.depth]);
	return outcome == NOT_FOUND ? OK : outcome;
}
