#include "dav/resave.h"

#include "dav/temporary.h"
#include "server/base/clock.h"
#include "store/log_entry.h"

enum {
	ENTRIES_MAX = 64 /* newest ones of the change log that are looked at */
};

static const uint64_t window_ns = 60 * NS_PER_SECOND;

struct search {
	struct exchange *exchange;
	node_id parent, found;
	struct text key;
};

/* The newest of them counts. */
static bool
search_entry(const struct log_entry *entry, void *context)
{
	struct search *search = context;
	struct exchange *exchange = search->exchange;
	uint64_t now_ns = clock_wall_ns();
	struct text key;

	if (entry->kind != LOG_REMOVED || entry->parent != search->parent ||
	    entry->collection || now_ns < entry->at_ns ||
	    now_ns - entry->at_ns >= window_ns)
		return true;
	if (name_key(exchange->arena, entry->name, &key) == OK &&
	    text_equal(key, search->key))
		search->found = entry->node;
	return true;
}

/* What bore the name of the place a moment ago; 0: nothing. */
static enum outcome
search_log(struct exchange *exchange, const struct place *place,
    node_id *ret_node)
{
	const struct node *parent = trail_last(&place->trail);
	struct search search = {
		.exchange = exchange,
		.parent = parent->id,
		.key = place->inside.key[place->inside.count - 1],
	};
	struct tree tree;
	uint64_t after;
	enum outcome outcome = tree_get(exchange->txn, parent->tree, &tree);

	*ret_node = 0;
	if (outcome != OK)
		return outcome;
	after = tree.sequence > ENTRIES_MAX ? tree.sequence - ENTRIES_MAX : 0;
	if (after < tree.pruned)
		after = tree.pruned;
	if (tree.tombstone <= after)
		return OK;
	outcome = log_each(exchange->txn, parent->tree, after, search_entry,
	    &search);
	*ret_node = search.found;
	return outcome;
}

/*
 * It was put aside in its own collection under a name of that kind, nobody has
 * locked it there, and who asks may do both halves of the exchange.
 */
static enum outcome
document_check(struct exchange *exchange, const struct place *place, node_id id,
    struct trail *trail, bool *ret_fits)
{
	const struct node *node;
	struct rights rights;
	enum outcome outcome = trail_find_id(exchange->txn, exchange->arena, id,
	    trail);

	*ret_fits = false;
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	node = trail_last(trail);
	if (node->kind != NODE_FILE ||
	    node->parent != trail_last(&place->trail)->id ||
	    (node->flags & NODE_HAS_LOCKS) != 0 ||
	    !name_is_temporary(node->name))
		return OK;
	outcome = rights_of(exchange->txn, &exchange->principal, trail,
	    exchange->now_ns, &rights);
	if (outcome != OK)
		return outcome;
	*ret_fits = rights_hold(&rights, ATOM(RENAME) | ATOM(MODIFY)) &&
	    ((rights.rules & RULE_RENAME_OWN) == 0 ||
		node->creator == exchange->principal.id);
	return OK;
}

enum outcome
resave_copy(struct exchange *exchange, const struct node *file,
    const struct trail *target, struct text name, struct node *ret_node)
{
	struct tree_actor actor = exchange_actor(exchange);
	struct tree_content content = {
		.blob = { .id = file->blob, .size = file->size },
		.name = name,
		.media = file->media,
		.modified_ns = file->modified_ns,
	};
	struct blob_record record = { 0 };
	enum outcome outcome = OK;

	if (file->blob != 0)
		outcome = blob_get(exchange->txn, file->blob, &record);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	content.blob.sum = record.sum;
	return tree_put(exchange->txn, exchange->store, target, &content,
	    &actor, ret_node);
}

static enum outcome
document_swap(struct exchange *exchange, const struct place *place,
    const struct trail *aside)
{
	const struct node *old = trail_last(aside);
	struct tree_actor actor = exchange_actor(exchange);
	struct node copy;
	enum outcome outcome = tree_move(exchange->txn, exchange->store, aside,
	    &place->trail, place->name, TREE_MOVE_PLACE, &actor);

	return outcome == OK ?
	    resave_copy(exchange, old, &place->trail, old->name, &copy) :
	    outcome;
}

enum outcome
resave_bring_back(struct exchange *exchange, const struct place *place,
    node_id moving, bool *ret_back)
{
	struct trail aside;
	node_id id = 0;
	bool fits = false;
	enum outcome outcome = search_log(exchange, place, &id);

	*ret_back = false;
	if (outcome == OK && id != 0 && id != moving)
		outcome = document_check(exchange, place, id, &aside, &fits);
	if (outcome != OK || !fits)
		return outcome;
	outcome = document_swap(exchange, place, &aside);
	*ret_back = outcome == OK;
	return outcome;
}
