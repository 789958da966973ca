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
		.password_version = user->password_version,
	};
	return OK;
}

enum outcome
principal_check(struct txn *txn, const struct principal *principal)
{
	struct user user;
	struct text value;
	struct key key;
	enum outcome outcome = user_find_id(txn, principal->id, &user);

	if (outcome == OK && principal->app_password != 0)
		outcome = txn_get(txn,
		    key_pair(&key, KEY_APP, principal->id,
			principal->app_password),
		    &value);
	else if (outcome == OK &&
	    user.password_version != principal->password_version)
		outcome = UNAUTHENTICATED;
	if (outcome == OK && user.disabled)
		outcome = UNAUTHENTICATED;
	return outcome == NOT_FOUND ? UNAUTHENTICATED : outcome;
}
