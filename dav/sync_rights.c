#include "dav/sync_rights.h"

bool
sync_rights_name(const struct principal *principal, user_id subject)
{
	if (principal->id == subject)
		return true;
	for (size_t i = 0; i < principal->group_count; i++)
		if (principal->group[i] == subject)
			return true;
	return false;
}

/*
 * Still where it was when the grant changed. Elsewhere it has a name that they
 * never saw, and its tombstone has told the old one.
 */
static enum outcome
is_in_place(struct exchange *exchange, const struct log_entry *entry,
    const struct node *node, bool *ret_in_place)
{
	struct text key;
	enum outcome outcome = name_key(exchange->arena, entry->name, &key);

	if (outcome == OK)
		*ret_in_place = node->parent == entry->parent &&
		    text_equal(node->key, key);
	return outcome;
}

static bool
may_list_parent(const struct sync_walk *walk)
{
	struct sync_walk parent = *walk;

	parent.trail.count--;
	return sync_walk_visible(&parent) &&
	    rights_hold(&parent.rights[parent.trail.count - 1], ATOM(LIST));
}

enum outcome
sync_rights_judge(struct exchange *exchange, node_id root, bool deep,
    const struct log_entry *entry, struct sync_walk *walk,
    enum sync_rights *ret_rights)
{
	bool in_place = false;
	size_t last;
	enum outcome outcome;

	*ret_rights = SYNC_RIGHTS_NOTHING;
	if (!sync_rights_name(&exchange->principal, entry->subject))
		return OK;
	*walk = (struct sync_walk){ .deep = deep };
	outcome = sync_walk_begin(walk, exchange, root, entry->node);
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	last = walk->trail.count - 1;
	/* The rights on the collection itself are bound by the token. */
	if (last == walk->root || (!deep && last != walk->root + 1))
		return OK;
	if (sync_walk_visible(walk)) {
		*ret_rights = SYNC_RIGHTS_SHOWN;
		return OK;
	}
	if (!may_list_parent(walk))
		return OK;
	outcome = is_in_place(exchange, entry, &walk->trail.node[last],
	    &in_place);
	if (outcome == OK && in_place)
		*ret_rights = SYNC_RIGHTS_HIDDEN;
	return outcome;
}
