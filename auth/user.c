#include "auth/principal.h"

#include <string.h>

#include "auth/accounts.h"
#include "auth/record.h"
#include "server/base/clock.h"
#include "server/base/codec.h"
#include "store/cell.h"

/*
 * Accounts. KEY_USER holds the record by its folded name, KEY_USER_NAME the
 * name by its id. The version of the password grows with every change of it,
 * here and nowhere else, so that a cached credential dies with the password
 * that it was made from.
 */
enum { USER_VERSION = 1, EMAIL_MAX = 254, DISPLAY_MAX = 128, PHC_MAX = 255 };

enum outcome
user_name_key(struct arena *arena, struct text name, struct text *ret_key)
{
	char folded[USER_NAME_MAX];
	struct text key;
	enum outcome outcome = name_fold(name, folded, &key);

	if (outcome == OK)
		*ret_key = arena_copy(arena, key);
	return outcome;
}

enum outcome
user_decode(struct text value, struct user *ret_user)
{
	struct reader in = reader_from(value);
	struct user user = { 0 };
	uint8_t version = reader_u8(&in), role, disabled;

	user.name = reader_text16(&in);
	user.id = reader_u64(&in);
	role = reader_u8(&in);
	disabled = reader_u8(&in);
	user.password_version = reader_u64(&in);
	user.password = reader_text16(&in);
	user.email = reader_text16(&in);
	user.display = reader_text16(&in);
	user.quota = reader_u64(&in);
	user.created_ns = reader_u64(&in);
	user.used_ns = reader_u64(&in);
	if (!reader_done(&in) || version != USER_VERSION || user.id == 0 ||
	    role > ROLE_ADMIN || disabled > 1 || user.name.len == 0 ||
	    user.name.len > USER_NAME_MAX)
		return DAMAGED;
	user.role = (enum role)role;
	user.disabled = disabled == 1;
	*ret_user = user;
	return OK;
}

void
user_encode(const struct user *user, struct buffer *out)
{
	writer_u8(out, USER_VERSION);
	writer_text16(out, user->name);
	writer_u64(out, user->id);
	writer_u8(out, (uint8_t)user->role);
	writer_u8(out, user->disabled ? 1 : 0);
	writer_u64(out, user->password_version);
	writer_text16(out, user->password);
	writer_text16(out, user->email);
	writer_text16(out, user->display);
	writer_u64(out, user->quota);
	writer_u64(out, user->created_ns);
	writer_u64(out, user->used_ns);
}

static enum outcome
user_get(struct txn *txn, struct text folded, struct user *ret_user)
{
	struct key key;
	struct text value;
	enum outcome outcome;

	outcome = txn_get(txn, key_text(&key, KEY_USER, folded), &value);
	return outcome == OK ? user_decode(value, ret_user) : outcome;
}

enum outcome
user_find(struct txn *txn, struct text name, struct user *ret_user)
{
	char folded[USER_NAME_MAX];
	struct text key;

	if (name_fold(name, folded, &key) != OK)
		return NOT_FOUND;
	return user_get(txn, key, ret_user);
}

enum outcome
user_find_id(struct txn *txn, user_id id, struct user *ret_user)
{
	struct key key;
	struct text name;
	enum outcome outcome;

	outcome = pointer_get(txn, key_id(&key, KEY_USER_NAME, id), &name);
	if (outcome != OK)
		return outcome;
	if (name.len == 0 || name.len > USER_NAME_MAX)
		return DAMAGED;
	outcome = user_get(txn, name, ret_user);
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

static enum outcome
user_put(struct txn *txn, const struct user *user)
{
	struct key key;
	struct buffer out;
	enum outcome outcome;

	buffer_init(&out, RECORD_MAX);
	user_encode(user, &out);
	outcome = record_put(txn, key_text(&key, KEY_USER, user->name), &out);
	return outcome == OK ? accounts_changed(txn) : outcome;
}

static bool
user_valid(const struct user *user)
{
	return label_valid(user->email, EMAIL_MAX) &&
	    label_valid(user->display, DISPLAY_MAX) &&
	    user->password.len <= PHC_MAX;
}

enum outcome
user_add(struct txn *txn, struct store *store, struct user *user)
{
	char folded[USER_NAME_MAX];
	struct user made = *user, old;
	struct key key;
	enum outcome outcome;

	if (name_fold(user->name, folded, &made.name) != OK ||
	    !user_valid(user))
		return BAD_INPUT;
	outcome = user_get(txn, made.name, &old);
	if (outcome != NOT_FOUND)
		return outcome == OK ? EXISTS : outcome;
	if (made.id == 0)
		made.id = store_next_id(store);
	if (made.created_ns == 0)
		made.created_ns = clock_wall_ns();
	if (made.password_version == 0)
		made.password_version = 1;
	outcome = user_put(txn, &made);
	if (outcome == OK) {
		outcome = pointer_put(txn, key_id(&key, KEY_USER_NAME, made.id),
		    made.name);
	}
	if (outcome == OK) {
		user->id = made.id;
		user->created_ns = made.created_ns;
		user->password_version = made.password_version;
	}
	return outcome;
}

enum outcome
user_update(struct txn *txn, const struct user *user)
{
	struct user old, new = *user;
	enum outcome outcome = user_find_id(txn, user->id, &old);

	if (outcome != OK)
		return outcome;
	if (!user_valid(user))
		return BAD_INPUT;
	new.name = old.name;
	new.created_ns = old.created_ns;
	new.password_version = old.password_version;
	if (!text_equal(new.password, old.password))
		new.password_version++;
	return user_put(txn, &new);
}

enum outcome
user_rehash(struct txn *txn, user_id id, struct text old, struct text fresh)
{
	struct user user;
	enum outcome outcome = user_find_id(txn, id, &user);

	if (outcome != OK)
		return outcome;
	if (!text_equal(user.password, old))
		return CONFLICT;
	user.password = fresh;
	return user_valid(&user) ? user_put(txn, &user) : BAD_INPUT;
}

struct owner_search {
	user_id user;
	bool found;
};

static bool
cell_of_owner(const struct cell *cell, void *context)
{
	struct owner_search *search = context;

	search->found = cell->owner == search->user;
	return !search->found;
}

/*
 * CONFLICT while the user owns a shared cell, or an own cell that holds
 * anything: a tree goes only when somebody says so. An empty own cell goes.
 */
static enum outcome
user_leave_cells(struct txn *txn, struct store *store, user_id user)
{
	struct owner_search search = { .user = user };
	char slug[CELL_SLUG_MAX + 1];
	struct cell own;
	struct node root;
	enum outcome outcome = cell_each(txn, cell_of_owner, &search);

	if (outcome != OK)
		return outcome;
	if (search.found)
		return CONFLICT;
	outcome = cell_find_own(txn, user, &own);
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	outcome = node_find_id(txn, own.root, &root);
	if (outcome != OK)
		return outcome;
	if (root.tree_count > 0)
		return CONFLICT;
	if (own.slug.len > CELL_SLUG_MAX)
		return DAMAGED;
	memcpy(slug, own.slug.ptr, own.slug.len);
	return cell_remove(txn, store, (struct text){ slug, own.slug.len });
}

enum outcome
user_remove(struct txn *txn, struct store *store, struct text name)
{
	char folded[USER_NAME_MAX];
	struct text at;
	struct user user;
	struct key key;
	enum outcome outcome;

	if (name_fold(name, folded, &at) != OK)
		return NOT_FOUND;
	outcome = user_get(txn, at, &user);
	if (outcome == OK)
		outcome = user_leave_cells(txn, store, user.id);
	if (outcome == OK)
		outcome = app_password_remove_all(txn, user.id);
	if (outcome == OK) {
		outcome = record_remove_all(txn,
		    key_id(&key, KEY_MEMBER, user.id));
	}
	if (outcome == OK)
		outcome = grant_remove_subject(txn, user.id);
	if (outcome == OK)
		outcome = txn_remove(txn, key_id(&key, KEY_USER_NAME, user.id));
	if (outcome == OK)
		outcome = txn_remove(txn, key_text(&key, KEY_USER, at));
	return outcome == OK ? accounts_changed(txn) : outcome;
}

struct user_walk {
	user_each_fn visit;
	void *context;
};

static enum outcome
visit_user(struct text key, struct text value, void *context)
{
	struct user_walk *walk = context;
	struct user user;
	enum outcome outcome = user_decode(value, &user);

	(void)key; /* the record repeats the name */
	if (outcome != OK)
		return outcome;
	return walk->visit(&user, walk->context) ? OK : CANCELLED;
}

enum outcome
user_each(struct txn *txn, user_each_fn visit, void *context)
{
	struct user_walk walk = { visit, context };
	struct key key;

	return record_each(txn, key_text(&key, KEY_USER, TEXT_NONE), visit_user,
	    &walk);
}
