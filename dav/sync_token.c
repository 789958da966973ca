#include "dav/sync_token.h"

#include <xxhash.h>

#include "dav/sync_given.h"

#define PREFIX "urn:celldav:sync:"

/* They come in the order of their ids. */
static uint64_t
groups_hash(const struct principal *principal)
{
	return XXH3_64bits(principal->group,
	    principal->group_count * sizeof(*principal->group));
}

enum outcome
sync_token_now(struct exchange *exchange, const struct place *place,
    struct sync_token *ret_token)
{
	const struct node *node = place->node;
	struct tree tree;
	uint64_t given;
	enum outcome outcome = tree_get(exchange->txn, node->tree, &tree);

	if (outcome == OK)
		outcome = sync_given(exchange, node->tree, &given);
	if (outcome != OK)
		return outcome;
	*ret_token = (struct sync_token){
		.tree = node->tree,
		.node = node->id,
		.sequence = tree.sequence,
		.principal = exchange->principal.id,
		.rights = place->rights.atoms,
		.groups = groups_hash(&exchange->principal),
		.given = given,
	};
	return OK;
}

struct text
sync_token_format(struct arena *arena, const struct sync_token *token)
{
	return arena_format(arena, PREFIX "%llx:%llx:%llx:%llx:%llx:%llx:%llx",
	    (unsigned long long)token->tree, (unsigned long long)token->node,
	    (unsigned long long)token->sequence,
	    (unsigned long long)token->principal,
	    (unsigned long long)token->rights,
	    (unsigned long long)token->groups,
	    (unsigned long long)token->given);
}

bool
sync_token_parse(struct text text, struct sync_token *ret_token)
{
	struct sync_token token;
	uint64_t *const field[] = { &token.tree, &token.node, &token.sequence,
		&token.principal, &token.rights, &token.groups, &token.given };

	if (!text_starts(text, TEXT(PREFIX)))
		return false;
	text = text_slice(text, sizeof(PREFIX) - 1, text.len);
	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++)
		if (!text_parse_u64(text_split(&text, ':'), 16, field[i]))
			return false;
	if (text.ptr != NULL)
		return false;
	*ret_token = token;
	return true;
}

bool
sync_token_fits(const struct sync_token *a, const struct sync_token *b)
{
	return a->tree == b->tree && a->node == b->node &&
	    a->principal == b->principal && a->rights == b->rights &&
	    a->groups == b->groups && a->given == b->given;
}

enum outcome
sync_token_is_current(struct exchange *exchange, const struct place *place,
    struct text text, bool *ret_current)
{
	struct sync_token asked, now;
	enum outcome outcome;

	*ret_current = false;
	if (place->node == NULL || place->node->kind != NODE_COLLECTION ||
	    !sync_token_parse(text, &asked))
		return OK;
	outcome = sync_token_now(exchange, place, &now);
	if (outcome == OK)
		*ret_current = sync_token_fits(&asked, &now) &&
		    asked.sequence == now.sequence;
	return outcome;
}
