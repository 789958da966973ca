#include "dav/sync_gone.h"

#include "auth/grant.h"
#include "auth/privilege.h"

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

/* Sees all that is there, and always did since the token. */
static bool
is_owner(const struct sync_view *view)
{
	return view->root->cell.owner == view->exchange->principal.id;
}

/* The first node of the way that may not be listed, or the last. */
static size_t
way_end(const struct sync_walk *walk, bool *ret_hidden)
{
	size_t last = walk->trail.count - 1, i = walk->root;

	while (i < last &&
	    rights_hold(&walk->rights[i], ATOM(STAT) | ATOM(LIST)))
		i++;
	*ret_hidden = !rights_hold(&walk->rights[i], ATOM(STAT) | ATOM(LIST));
	return i;
}

/*
 * Where the name was, as the asker sees the way there. What came later decides:
 *
 * - A collection on the way left another place: the name had another href, and
 *   the tombstone of that collection tells it.
 * - A collection on the way is hidden. If that came later, by a grant, it goes
 *   now with all that is below: were it told only by its own entry, and shown
 *   again until then, what left in between would never be told.
 *
 * NAMED asks for a closer look.
 */
static enum sync_gone
way_judge(const struct sync_view *view, const struct log_entry *entry,
    struct sync_walk *walk)
{
	const struct sync_window *window = view->window;
	const struct node *node = walk->trail.node;
	bool hidden;
	size_t end = way_end(walk, &hidden);

	for (size_t i = walk->root + 1; i <= end; i++)
		if (sync_marks_get(&window->left, node[i].id) > entry->sequence)
			return SYNC_GONE_NOTHING;
	if (!hidden)
		return SYNC_GONE_NAMED;
	walk->trail.count = end + 1;
	return end > walk->root &&
		sync_window_granted(window, node[end].id) > entry->sequence ?
	    SYNC_GONE_ABOVE :
	    SYNC_GONE_NOTHING;
}

static enum outcome
member_is_seen(const struct sync_walk *walk, const struct node *node,
    bool *ret_seen)
{
	struct exchange *exchange = walk->exchange;
	struct rights rights;
	enum outcome outcome = rights_of_member(exchange->txn,
	    &exchange->principal, &walk->rights[walk->trail.count - 1],
	    &walk->trail, node, exchange->now_ns, &rights);

	if (outcome == OK)
		*ret_seen = rights_hold(&rights, ATOM(STAT));
	return outcome;
}

/*
 * Only the name of a collection that left is told, its members go with it; but
 * where another stands at the same name the client would keep the old members
 * beside the new. With sync-level 1 it was never told of members, and the new
 * collection is news of its own; a token of the old one is bound to that. What
 * the asker may not see is not there.
 */
static enum outcome
taken_judge(const struct sync_view *view, const struct log_entry *entry,
    const struct sync_walk *walk, enum sync_gone *ret_gone)
{
	struct node taken;
	bool seen = false;
	enum outcome outcome = sync_gone_taken(view->exchange, entry, &taken);

	if (outcome == OK)
		outcome = member_is_seen(walk, &taken, &seen);
	if (outcome != OK || !seen)
		return outcome;
	if (!text_equal(taken.name, entry->name))
		return OK; /* spelled otherwise it has another href */
	*ret_gone = entry->kind == LOG_REMOVED && entry->collection &&
		(view->deep || taken.kind != NODE_COLLECTION) ?
	    SYNC_GONE_REPLACED :
	    SYNC_GONE_NOTHING;
	return OK;
}

/* ---- Was it ever seen? ---------------------------------------------------------- */

struct refusal {
	const struct sync_view *view;
	bool found;
};

static bool
grant_look(const struct grant *grant, void *context)
{
	struct refusal *refusal = context;
	const struct exchange *exchange = refusal->view->exchange;

	refusal->found = (grant->rules & RULE_NO_ACCESS) != 0 &&
	    grant->from_ns <= exchange->now_ns &&
	    (grant->until_ns == 0 || exchange->now_ns < grant->until_ns) &&
	    sync_names_subject(&exchange->principal, grant->subject) &&
	    !sync_window_names(refusal->view->window, grant->node,
		grant->subject);
	return !refusal->found;
}

/*
 * Could it be seen, with all on the way of the walk, before the entry? A
 * refusal that stands and has not changed in this window says no.
 */
static enum outcome
sight_judge(const struct sync_view *view, const struct sync_walk *walk,
    const struct log_entry *entry, node_id node, enum sync_gone *ret_gone)
{
	node_id way[PATH_LEVELS_MAX + 2];
	size_t count = 0;
	struct refusal refusal = { view, false };
	enum sync_sight sight = SYNC_SIGHT_NEVER;
	enum outcome outcome = grant_each(view->exchange->txn, node, grant_look,
	    &refusal);

	if (outcome != OK)
		return outcome;
	for (size_t i = walk->root + 1; i < walk->trail.count; i++)
		way[count++] = walk->trail.node[i].id;
	way[count++] = node;
	if (!refusal.found)
		sight = sync_window_sight(view->window, way, count,
		    entry->sequence);
	if (sight == SYNC_SIGHT_NEVER)
		*ret_gone = SYNC_GONE_HIDDEN;
	if (sight == SYNC_SIGHT_PERHAPS)
		*ret_gone = SYNC_GONE_UNKNOWN;
	return OK;
}

/* Its own grants tell while it has them; else nobody can say. */
static enum outcome
grants_judge(const struct sync_view *view, const struct log_entry *entry,
    const struct sync_walk *walk, enum sync_gone *ret_gone)
{
	struct node node = { 0 };
	bool seen = true;
	enum outcome outcome = node_find_id(view->exchange->txn, entry->node,
	    &node);

	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	if ((node.flags & NODE_HAS_GRANTS) == 0 ||
	    node.tree != view->window->tree) {
		if (entry->granted)
			*ret_gone = SYNC_GONE_UNKNOWN;
		return OK;
	}
	outcome = member_is_seen(walk, &node, &seen);
	if (outcome == OK && !seen)
		*ret_gone = SYNC_GONE_HIDDEN;
	return outcome;
}

static enum outcome
seen_judge(const struct sync_view *view, const struct log_entry *entry,
    const struct sync_walk *walk, enum sync_gone *ret_gone)
{
	enum outcome outcome = OK;

	if (is_owner(view))
		return OK;
	if (sync_window_granted(view->window, entry->node) == 0)
		outcome = grants_judge(view, entry, walk, ret_gone);
	if (outcome == OK && *ret_gone == SYNC_GONE_NAMED)
		outcome = sight_judge(view, walk, entry, entry->node, ret_gone);
	return outcome;
}

/* The name itself, where the way to it is open. */
static enum outcome
name_judge(const struct sync_view *view, const struct log_entry *entry,
    const struct sync_walk *walk, enum sync_gone *ret_gone)
{
	enum outcome outcome = taken_judge(view, entry, walk, ret_gone);

	if (outcome == NOT_FOUND)
		outcome = OK;
	if (outcome == OK && *ret_gone == SYNC_GONE_NAMED)
		outcome = seen_judge(view, entry, walk, ret_gone);
	return outcome;
}

enum outcome
sync_gone_judge(const struct sync_view *view, const struct log_entry *entry,
    struct sync_walk *walk, enum sync_gone *ret_gone)
{
	enum sync_gone gone = SYNC_GONE_NOTHING;
	enum outcome outcome = sync_walk_begin(walk, view->exchange,
	    view->root->node->id, entry->parent);

	if (outcome == OK &&
	    (view->deep || entry->parent == view->root->node->id)) {
		gone = way_judge(view, entry, walk);
		if (gone == SYNC_GONE_NAMED)
			outcome = name_judge(view, entry, walk, &gone);
		else if (gone == SYNC_GONE_ABOVE)
			outcome = sight_judge(view, walk, entry,
			    trail_last(&walk->trail)->id, &gone);
	}
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_gone = gone;
	return OK;
}
