#include "dav/sync_rights.h"

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

enum outcome
sync_rights_shown(const struct sync_view *view, const struct log_entry *entry,
    struct sync_walk *walk, bool *ret_shown)
{
	size_t last;
	enum outcome outcome;

	*ret_shown = false;
	*walk = (struct sync_walk){ .deep = view->deep };
	outcome = sync_walk_begin(walk, view->exchange, view->root->node->id,
	    entry->node);
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	last = walk->trail.count - 1;
	/* The rights on the collection itself are bound by the token. */
	if (last == walk->root || (!view->deep && last != walk->root + 1) ||
	    !sync_walk_visible(walk))
		return OK;
	return is_in_place(view->exchange, entry, &walk->trail.node[last],
	    ret_shown);
}
