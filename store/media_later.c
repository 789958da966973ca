#include "store/media_later.h"

#include <string.h>

#include "server/base/codec.h"
#include "store/blob.h"
#include "store/keys.h"
#include "store/node.h"
#include "store/scopes.h"

enum { LATER_RECORD = 1 };

static const char bytes_type[] = "application/octet-stream";

_Static_assert(sizeof(((struct later_item *)0)->name) >= PATH_SEGMENT_MAX,
    "a name fits");

enum outcome
later_add(struct txn *txn, node_id node)
{
	static const char record[] = { LATER_RECORD };
	struct key key;

	return txn_put(txn, key_id(&key, KEY_UNTYPED, node),
	    (struct text){ record, sizeof(record) });
}

static bool
is_open(const struct node *node)
{
	return node->kind == NODE_FILE && node->media.len == 0;
}

/*
 * What there is to see of a node. One that is gone, or has a type by now, is
 * taken too: its entry goes with the others. Only small contents wait for a
 * type, so the bytes are in the engine; where they cannot be had (scrub will
 * say why), it stays bytes.
 */
static enum outcome
item_fill(struct txn *txn, struct later_item *item)
{
	struct node node;
	struct text bytes;
	enum outcome outcome = node_find_id(txn, item->node, &node);

	item->type[0] = '\0';
	item->name_len = item->head_len = 0;
	if (outcome == NOT_FOUND || (outcome == OK && !is_open(&node)))
		return OK;
	if (outcome != OK)
		return outcome;
	item->etag = node.etag;
	memcpy(item->type, bytes_type, sizeof(bytes_type));
	if (node.name.len > sizeof(item->name) ||
	    blob_bytes(txn, node.blob, &bytes) != OK)
		return OK;
	bytes = text_slice(bytes, 0, sizeof(item->head));
	memcpy(item->name, node.name.ptr, node.name.len);
	memcpy(item->head, bytes.ptr, bytes.len);
	item->name_len = node.name.len;
	item->head_len = bytes.len;
	return OK;
}

static enum outcome
list_ids(struct txn *txn, struct later *later)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = cursor_open(txn, &cursor);

	later->count = 0;
	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_UNTYPED, 0));
	while (outcome == OK && later->count < LATER_MAX &&
	    cursor->key.ptr[0] == KEY_UNTYPED) {
		later->item[later->count++].node = key_id_of(cursor->key, 0);
		outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
later_take(struct store *store, struct later *ret_later)
{
	SCOPED(txn) struct txn *txn = NULL;
	enum outcome outcome = txn_begin_read(store->engine, &txn);

	if (outcome == OK)
		outcome = list_ids(txn, ret_later);
	for (size_t i = 0; outcome == OK && i < ret_later->count; i++)
		outcome = item_fill(txn, &ret_later->item[i]);
	return outcome;
}

void
later_decide(struct media_cookie *cookie, struct later_item *item)
{
	struct text type;

	if (item->head_len == 0)
		return;
	type = media_detect(cookie, (struct text){ item->name, item->name_len },
	    (struct text){ item->head, item->head_len });
	memcpy(item->type, type.ptr, type.len);
	item->type[type.len] = '\0';
}

struct settling {
	struct change change; /* first */
	struct later *later;
};

/* One that was written again meanwhile stays in the list, for a new look. */
static enum outcome
item_settle(struct txn *txn, const struct later_item *item)
{
	struct node node;
	struct key key;
	enum outcome outcome = node_find_id(txn, item->node, &node);

	if (outcome == OK && is_open(&node)) {
		if (item->type[0] == '\0' || node.etag != item->etag)
			return OK;
		node.media = text_from(item->type);
		outcome = node_update(txn, &node);
	}
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	outcome = txn_remove(txn, key_id(&key, KEY_UNTYPED, item->node));
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
settling_run(struct txn *txn, struct change *change)
{
	const struct later *later = ((struct settling *)change)->later;
	enum outcome outcome = OK;

	for (size_t i = 0; outcome == OK && i < later->count; i++)
		outcome = item_settle(txn, &later->item[i]);
	return outcome;
}

enum outcome
later_settle(struct store *store, struct later *later)
{
	struct settling settling = { .change.run = settling_run,
		.later = later };

	return change_run(store->committer, &settling.change);
}
