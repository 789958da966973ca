#include <stdio.h>

#include "server/base/clock.h"
#include "server/base/codec.h"
#include "store/keys.h"
#include "store/tree_change.h"

/* The record of a tree, and the making of a new one. */
enum {
	TREE_RECORD = 2,
	TREE_RECORD_OLD = 1, /* without the newest tombstone */
	HEX_NAME_SIZE = 17
};

enum outcome
tree_get(struct txn *txn, node_id id, struct tree *ret_tree)
{
	struct tree tree = { .root = id };
	struct key key;
	struct text value;
	struct reader reader;
	uint8_t version;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_TREE, id), &value);

	if (outcome != OK)
		return outcome;
	reader = reader_from(value);
	version = reader_u8(&reader);
	if (version != TREE_RECORD && version != TREE_RECORD_OLD)
		return DAMAGED;
	tree.owner = reader_u64(&reader);
	tree.sequence = reader_u64(&reader);
	tree.pruned = reader_u64(&reader);
	tree.swept = reader_u64(&reader);
	tree.version_bytes = reader_u64(&reader);
	tree.trash_bytes = reader_u64(&reader);
	tree.trash = reader_u64(&reader);
	tree.tombstone = version == TREE_RECORD ? reader_u64(&reader) :
						  tree.sequence;
	if (!reader_done(&reader))
		return DAMAGED;
	*ret_tree = tree;
	return OK;
}

enum outcome
tree_store(struct txn *txn, const struct tree *tree)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, TREE_RECORD);
	writer_u64(&value, tree->owner);
	writer_u64(&value, tree->sequence);
	writer_u64(&value, tree->pruned);
	writer_u64(&value, tree->swept);
	writer_u64(&value, tree->version_bytes);
	writer_u64(&value, tree->trash_bytes);
	writer_u64(&value, tree->trash);
	writer_u64(&value, tree->tombstone);
	outcome = txn_put(txn, key_id(&key, KEY_TREE, tree->root),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

enum outcome
tree_create(struct txn *txn, struct store *store, user_id owner,
    struct node *ret_root)
{
	struct tree tree = { .root = store_next_id(store),
		.owner = owner,
		.trash = store_next_id(store) };
	uint64_t now_ns = clock_wall_ns();
	char name[HEX_NAME_SIZE];
	struct node root = { .id = tree.root,
		.tree = tree.root,
		.kind = NODE_COLLECTION,
		.created_ns = now_ns,
		.modified_ns = now_ns,
		.creator = owner,
		.author = owner,
		.etag = store_next_id(store),
		.tree_etag = store_next_id(store) };
	enum outcome outcome;

	(void)snprintf(name, sizeof(name), "%016llx",
	    (unsigned long long)tree.root);
	root.key = text_from(name);
	root.name = root.key;
	outcome = node_store(txn, &root);
	if (outcome == OK)
		outcome = tree_store(txn, &tree);
	if (outcome == OK)
		outcome = node_find_id(txn, tree.root, ret_root);
	return outcome;
}
