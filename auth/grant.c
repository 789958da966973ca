#include "auth/grant.h"

#include "auth/record.h"
#include "server/base/clock.h"
#include "server/base/codec.h"
#include "store/tree.h"

/*
 * Grants as stored. KEY_GRANT lies under the node, for the rights check;
 * KEY_GRANT_NODE and KEY_GRANT_SUBJECT lead back to it. The flag
 * NODE_HAS_GRANTS of the node says whether there is anything to walk, and the
 * tree counts those flags, so every change here keeps it.
 */
enum { GRANT_VERSION = 1, GRANTS_PER_NODE_MAX = 1000 };

enum outcome
grant_decode(struct text key, struct text value, struct grant *ret_grant)
{
	struct reader in = reader_from(value);
	struct grant grant = { 0 };
	uint8_t version = reader_u8(&in), is_group;

	if (key.len != 1 + 2 * sizeof(uint64_t))
		return DAMAGED;
	grant.node = key_id_of(key, 0);
	grant.id = key_id_of(key, 1);
	grant.subject = reader_u64(&in);
	is_group = reader_u8(&in);
	grant.preset = reader_text16(&in);
	grant.atoms = reader_u32(&in);
	grant.rules = reader_u32(&in);
	grant.from_ns = reader_u64(&in);
	grant.until_ns = reader_u64(&in);
	grant.granter = reader_u64(&in);
	grant.created_ns = reader_u64(&in);
	if (!reader_done(&in) || version != GRANT_VERSION || is_group > 1 ||
	    grant.subject == 0 || (grant.atoms & ~ATOMS_ALL) != 0)
		return DAMAGED;
	grant.subject_is_group = is_group == 1;
	*ret_grant = grant;
	return OK;
}

void
grant_encode(const struct grant *grant, struct buffer *out)
{
	writer_u8(out, GRANT_VERSION);
	writer_u64(out, grant->subject);
	writer_u8(out, grant->subject_is_group ? 1 : 0);
	writer_text16(out, grant->preset);
	writer_u32(out, grant->atoms);
	writer_u32(out, grant->rules);
	writer_u64(out, grant->from_ns);
	writer_u64(out, grant->until_ns);
	writer_u64(out, grant->granter);
	writer_u64(out, grant->created_ns);
}

struct grant_walk {
	grant_each_fn visit;
	void *context;
};

static enum outcome
visit_grant(struct text key, struct text value, void *context)
{
	struct grant_walk *walk = context;
	struct grant grant;
	enum outcome outcome = grant_decode(key, value, &grant);

	if (outcome != OK)
		return outcome;
	return walk->visit(&grant, walk->context) ? OK : CANCELLED;
}

enum outcome
grant_each(struct txn *txn, node_id node, grant_each_fn visit, void *context)
{
	struct grant_walk walk = { visit, context };
	struct key key;

	return record_each(txn, key_id(&key, KEY_GRANT, node), visit_grant,
	    &walk);
}

struct grant_search {
	user_id subject;
	uint64_t id;  /* of the subject's grant, 0: none */
	bool refused; /* that is a no-access for ever */
	size_t count;
};

static bool
refuses_always(const struct grant *grant)
{
	return (grant->rules & RULE_NO_ACCESS) != 0 && grant->from_ns == 0 &&
	    grant->until_ns == 0;
}

static bool
search_subject(const struct grant *grant, void *context)
{
	struct grant_search *search = context;

	search->count++;
	if (grant->subject == search->subject) {
		search->id = grant->id;
		search->refused = refuses_always(grant);
	}
	return true;
}

static enum outcome
grant_put(struct txn *txn, const struct grant *grant)
{
	unsigned char id[sizeof(uint64_t)];
	struct text node = { (const char *)id, sizeof(id) };
	struct key key;
	struct buffer out;
	enum outcome outcome;

	key_store_u64(id, grant->node);
	buffer_init(&out, RECORD_MAX);
	grant_encode(grant, &out);
	outcome = record_put(txn,
	    key_pair(&key, KEY_GRANT, grant->node, grant->id), &out);
	if (outcome == OK) {
		outcome = pointer_put(txn,
		    key_id(&key, KEY_GRANT_NODE, grant->id), node);
	}
	if (outcome == OK) {
		outcome = pointer_put(txn,
		    key_pair(&key, KEY_GRANT_SUBJECT, grant->subject,
			grant->id),
		    node);
	}
	return outcome;
}

static enum outcome
grant_drop(struct txn *txn, node_id node, user_id subject, uint64_t id)
{
	struct key key;
	enum outcome outcome;

	outcome = txn_remove(txn, key_pair(&key, KEY_GRANT, node, id));
	if (outcome == OK)
		outcome = txn_remove(txn, key_id(&key, KEY_GRANT_NODE, id));
	if (outcome == OK) {
		outcome = txn_remove(txn,
		    key_pair(&key, KEY_GRANT_SUBJECT, subject, id));
	}
	/* The three keys were written together. */
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

static enum outcome
subject_exists(struct txn *txn, const struct grant *grant)
{
	struct user user;
	struct group group;
	enum outcome outcome = OK;

	if (grant->granter != 0)
		outcome = user_find_id(txn, grant->granter, &user);
	if (outcome != OK)
		return outcome;
	if (grant->subject_is_group)
		return group_find_id(txn, grant->subject, &group);
	return user_find_id(txn, grant->subject, &user);
}

static enum outcome
grant_check(struct txn *txn, const struct trail *trail,
    const struct grant *grant)
{
	if (trail->missing > 0)
		return NOT_FOUND;
	if (grant->until_ns != 0 && grant->until_ns <= grant->from_ns)
		return BAD_INPUT;
	if (!label_valid(grant->preset, USER_NAME_MAX))
		return BAD_INPUT;
	return subject_exists(txn, grant);
}

/* Sync clients of the subject must hear of it, and of nobody else's. */
static enum outcome
grant_tell(struct txn *txn, const struct trail *trail,
    const struct regrant *regrant, user_id by)
{
	struct tree_actor actor = { by, clock_wall_ns() };

	return tree_regrant(txn, trail, regrant, &actor);
}

enum outcome
grant_set(struct txn *txn, struct store *store, const struct trail *trail,
    struct grant *grant)
{
	struct grant_search search = { .subject = grant->subject };
	node_id node = trail_last(trail)->id;
	enum outcome outcome = grant_check(txn, trail, grant);

	if (outcome == OK)
		outcome = grant_each(txn, node, search_subject, &search);
	if (outcome == OK && search.id == 0 &&
	    search.count >= GRANTS_PER_NODE_MAX)
		outcome = TOO_LARGE;
	/* First of the writes: the trail's texts last until one. */
	if (outcome == OK)
		outcome = tree_set_flag(txn, trail, NODE_HAS_GRANTS, true);
	if (outcome == OK && search.id != 0)
		outcome = grant_drop(txn, node, grant->subject, search.id);
	if (outcome != OK)
		return outcome;
	grant->id = store_next_id(store);
	grant->node = node;
	grant->created_ns = clock_wall_ns();
	grant->atoms = (grant->rules & RULE_NO_ACCESS) != 0 ?
	    ATOMS_NONE :
	    atoms_close(grant->atoms);
	outcome = grant_put(txn, grant);
	if (outcome == OK)
		outcome = grant_tell(txn, trail,
		    &(struct regrant){
			grant->subject, search.refused, refuses_always(grant) },
		    grant->granter);
	return outcome;
}

enum outcome
grant_revoke(struct txn *txn, const struct trail *trail, user_id subject)
{
	struct grant_search search = { .subject = subject };
	node_id node = trail_last(trail)->id;
	enum outcome outcome = trail->missing > 0 ? NOT_FOUND : OK;

	if (outcome == OK)
		outcome = grant_each(txn, node, search_subject, &search);
	if (outcome == OK && search.id == 0)
		outcome = NOT_FOUND;
	if (outcome == OK && search.count == 1)
		outcome = tree_set_flag(txn, trail, NODE_HAS_GRANTS, false);
	if (outcome == OK)
		outcome = grant_drop(txn, node, subject, search.id);
	if (outcome == OK)
		outcome = grant_tell(txn, trail,
		    &(struct regrant){ subject, search.refused, false }, 0);
	return outcome;
}

/* The flag of a node that may lie in the trash, or be gone. */
static enum outcome
refresh_flag(struct txn *txn, node_id node)
{
	struct arena *arena;
	struct key key;
	struct text value;
	struct trail trail;
	enum outcome outcome;

	outcome = record_first(txn, key_id(&key, KEY_GRANT, node), &key,
	    &value);
	if (outcome != NOT_FOUND)
		return outcome;
	arena = arena_new();
	outcome = trail_find_id(txn, arena, node, &trail);
	if (outcome == OK)
		outcome = tree_set_flag(txn, &trail, NODE_HAS_GRANTS, false);
	arena_free(arena);
	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
grant_remove_subject(struct txn *txn, user_id subject)
{
	struct key prefix, at;
	struct text value;
	enum outcome outcome;

	while ((outcome = record_first(txn,
		    key_id(&prefix, KEY_GRANT_SUBJECT, subject), &at,
		    &value)) == OK) {
		struct text key = { (const char *)at.bytes, at.len };
		node_id node;

		if (pointer_decode(value, &value) != OK ||
		    value.len != sizeof(uint64_t))
			return DAMAGED;
		node = key_load_u64((const unsigned char *)value.ptr);
		outcome = grant_drop(txn, node, subject, key_id_of(key, 1));
		if (outcome == OK)
			outcome = refresh_flag(txn, node);
		if (outcome != OK)
			return outcome;
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

struct grant_hunt {
	struct account_list parents; /* collections with grants below */
	struct account_list granted;
};

static bool
hunt_node(const struct node *node, void *context)
{
	struct grant_hunt *hunt = context;

	if ((node->flags & NODE_HAS_GRANTS) != 0)
		account_list_add(&hunt->granted, node->id);
	if (node->kind == NODE_COLLECTION && node->tree_grants > 0)
		account_list_add(&hunt->parents, node->id);
	return true;
}

static enum outcome
node_revoke_all(struct txn *txn, node_id node)
{
	struct key prefix, at;
	struct text value;
	struct grant grant;
	enum outcome outcome;

	while ((outcome = record_first(txn, key_id(&prefix, KEY_GRANT, node),
		    &at, &value)) == OK) {
		struct text key = { (const char *)at.bytes, at.len };

		outcome = grant_decode(key, value, &grant);
		if (outcome == OK) {
			outcome = grant_drop(txn, node, grant.subject,
			    grant.id);
		}
		if (outcome != OK)
			return outcome;
	}
	return outcome == NOT_FOUND ? refresh_flag(txn, node) : outcome;
}

enum outcome
grant_remove_tree(struct txn *txn, const struct node *node)
{
	struct arena *arena = arena_new();
	struct grant_hunt hunt = { { .arena = arena }, { .arena = arena } };
	enum outcome outcome = OK;

	(void)hunt_node(node, &hunt);
	for (size_t i = 0; outcome == OK && i < hunt.parents.count; i++) {
		outcome = node_each(txn, hunt.parents.id[i], TEXT_NONE,
		    hunt_node, &hunt);
	}
	for (size_t i = 0; outcome == OK && i < hunt.granted.count; i++)
		outcome = node_revoke_all(txn, hunt.granted.id[i]);
	arena_free(arena);
	return outcome;
}
