#include "dav/sync_gone.h"

bool
account_list_has(const struct account_list *list, uint64_t id)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->id[i] == id)
			return true;
	return false;
}

enum outcome
sync_gone_taken(struct exchange *exchange, const struct log_entry *entry,
    struct node *ret_node)
{
	struct text key;
	enum outcome outcome = name_key(exchange->arena, entry->name, &key);

	if (outcome == OK)
		outcome = node_find(exchange->txn, entry->parent, key,
		    ret_node);
	return outcome;
}

/* Where it left is a place whose members the asker may list. */
static bool
place_is_told(const struct sync_walk *walk, const struct place *root, bool deep,
    const struct log_entry *entry)
{
	return sync_walk_visible(walk) &&
	    rights_hold(&walk->rights[walk->trail.count - 1], ATOM(LIST)) &&
	    (deep || entry->parent == root->node->id);
}

/*
 * Only the name of a collection that left is told, its members go with it; but
 * where another stands at the same name the client would keep the old members
 * beside the new. With sync-level 1 it was never told of members, and the new
 * collection is news of its own, if it may be seen; a token of the old one is
 * bound to that.
 */
static enum outcome
taken_judge(const struct sync_walk *walk, bool deep,
    const struct log_entry *entry, const struct node *taken,
    enum sync_gone *ret_gone)
{
	struct exchange *exchange = walk->exchange;
	struct rights rights;
	enum outcome outcome;

	if (!entry->collection || deep || taken->kind != NODE_COLLECTION) {
		*ret_gone = entry->collection ? SYNC_GONE_REPLACED :
						SYNC_GONE_NOTHING;
		return OK;
	}
	outcome = rights_of_member(exchange->txn, &exchange->principal,
	    &walk->rights[walk->trail.count - 1], &walk->trail, taken,
	    exchange->now_ns, &rights);
	if (outcome == OK)
		*ret_gone = rights_hold(&rights, ATOM(STAT)) ?
		    SYNC_GONE_NOTHING :
		    SYNC_GONE_REPLACED;
	return outcome;
}

/*
 * Without its grants nobody can say who saw it, but for the owner of the cell,
 * who sees everything.
 */
static enum outcome
seen_judge(const struct sync_walk *walk, const struct place *root,
    const struct log_entry *entry, enum sync_gone *ret_gone)
{
	struct exchange *exchange = walk->exchange;
	struct rights rights;
	struct node node = { 0 };
	enum outcome outcome = node_find_id(exchange->txn, entry->node, &node);

	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	if ((node.flags & NODE_HAS_GRANTS) == 0) {
		*ret_gone = entry->granted &&
			root->cell.owner != exchange->principal.id ?
		    SYNC_GONE_UNKNOWN :
		    SYNC_GONE_NAMED;
		return OK;
	}
	outcome = rights_of_member(exchange->txn, &exchange->principal,
	    &walk->rights[walk->trail.count - 1], &walk->trail, &node,
	    exchange->now_ns, &rights);
	if (outcome == OK)
		*ret_gone = rights_hold(&rights, ATOM(STAT)) ? SYNC_GONE_NAMED :
							       SYNC_GONE_HIDDEN;
	return outcome;
}

enum outcome
sync_gone_judge(struct exchange *exchange, const struct place *root, bool deep,
    const struct log_entry *entry, const struct account_list *concerned,
    struct sync_walk *walk, enum sync_gone *ret_gone)
{
	struct node taken;
	enum outcome outcome = sync_walk_begin(walk, exchange, root->node->id,
	    entry->parent);

	*ret_gone = SYNC_GONE_NOTHING;
	if (outcome != OK || !place_is_told(walk, root, deep, entry))
		return outcome == NOT_FOUND ? OK : outcome;
	outcome = sync_gone_taken(exchange, entry, &taken);
	if (outcome == OK)
		return taken_judge(walk, deep, entry, &taken, ret_gone);
	if (outcome != NOT_FOUND)
		return outcome;
	if (account_list_has(concerned, entry->node)) {
		*ret_gone = SYNC_GONE_NAMED;
		return OK;
	}
	return seen_judge(walk, root, entry, ret_gone);
}
