#include "auth/principal.h"

#include "auth/record.h"

/*
 * Who is asking, as one value in the memory of a request. Groups are loaded at
 * every request: a change of membership acts on the next one.
 */
enum { PRINCIPAL_GROUPS_MAX = 4096 };

static enum outcome
add_group(struct text key, struct text value, void *context)
{
	struct account_list *list = context;

	(void)value; /* empty */
	if (list->count == PRINCIPAL_GROUPS_MAX)
		return TOO_LARGE;
	account_list_add(list, key_id_of(key, 1));
	return OK;
}

enum outcome
principal_load(struct txn *txn, struct arena *arena, const struct user *user,
    struct principal *ret_principal)
{
	struct account_list list = { .arena = arena };
	struct key key;
	enum outcome outcome;

	outcome = record_each(txn, key_id(&key, KEY_MEMBER, user->id),
	    add_group, &list);
	if (outcome != OK)
		return outcome;
	*ret_principal = (struct principal){
		.kind = PRINCIPAL_USER,
		.id = user->id,
		.name = arena_copy(arena, user->name),
		.display = arena_copy(arena, user->display),
		.role = user->role,
		.group = list.id,
		.group_count = list.count,
	};
	return OK;
}
