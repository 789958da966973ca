#include "dav/sync_given.h"

#include <xxhash.h>

#include "auth/record.h"
#include "store/keys.h"

enum { GRANTS_MAX = 4096 }; /* looked at for one token */

struct given {
	struct exchange *exchange;
	node_id tree;
	uint64_t hash;
	size_t count;
};

/* On the node of a grant, which may lie in the trash or in another tree. */
static enum outcome
given_add(struct given *given, const struct grant *grant)
{
	struct exchange *exchange = given->exchange;
	struct arena *arena = arena_new();
	struct trail trail;
	struct rights rights;
	enum outcome outcome = trail_find_id(exchange->txn, arena, grant->node,
	    &trail);

	if (outcome == OK && trail.node[0].id == given->tree) {
		outcome = rights_of(exchange->txn, &exchange->principal, &trail,
		    exchange->now_ns, &rights);
		if (outcome == OK) {
			uint64_t value[] = { grant->id, rights.atoms,
				rights.rules };

			given->hash += XXH3_64bits(value, sizeof(value));
		}
	}
	arena_free(arena);
	return outcome == NOT_FOUND ? OK : outcome;
}

/* What the owner gives for ever changes by entries of the log alone. */
static bool
changes_by_itself(const struct grant *grant)
{
	return grant->granter != 0 || grant->from_ns != 0 ||
	    grant->until_ns != 0;
}

static enum outcome
given_visit(struct text key, struct text value, void *context)
{
	struct given *given = context;
	struct key at;
	struct grant grant;
	struct text place, target;
	enum outcome outcome = pointer_decode(value, &target);

	if (++given->count > GRANTS_MAX) {
		given->hash += given->exchange->now_ns;
		return CANCELLED;
	}
	if (outcome != OK || target.len != sizeof(uint64_t))
		return DAMAGED;
	place = key_pair(&at, KEY_GRANT,
	    key_load_u64((const unsigned char *)target.ptr), key_id_of(key, 1));
	outcome = txn_get(given->exchange->txn, place, &value);
	if (outcome == OK)
		outcome = grant_decode(place, value, &grant);
	if (outcome == OK && changes_by_itself(&grant))
		outcome = given_add(given, &grant);
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

static enum outcome
given_subject(struct given *given, user_id subject)
{
	struct key key;

	return record_each(given->exchange->txn,
	    key_id(&key, KEY_GRANT_SUBJECT, subject), given_visit, given);
}

enum outcome
sync_given(struct exchange *exchange, node_id tree, uint64_t *ret_hash)
{
	const struct principal *principal = &exchange->principal;
	struct given given = { .exchange = exchange, .tree = tree };
	enum outcome outcome = OK;

	/* A listing may ask for the token of each of its members. */
	if (exchange->given.tree != tree ||
	    exchange->given.now_ns != exchange->now_ns) {
		outcome = given_subject(&given, principal->id);
		for (size_t i = 0; outcome == OK && i < principal->group_count;
		    i++)
			outcome = given_subject(&given, principal->group[i]);
		if (outcome != OK)
			return outcome;
		exchange->given.tree = tree;
		exchange->given.now_ns = exchange->now_ns;
		exchange->given.hash = given.hash;
	}
	*ret_hash = exchange->given.hash;
	return OK;
}
