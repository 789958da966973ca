#include "auth/principal.h"

#include "auth/accounts.h"
#include "auth/record.h"
#include "server/base/clock.h"
#include "server/base/codec.h"

/*
 * Groups of users. A membership is a key without a value, under the user, so
 * that the groups of who is asking are one short walk. Ids of users and groups
 * come from one counter and never meet.
 */
enum { GROUP_VERSION = 1 };

enum outcome
group_decode(struct text value, struct group *ret_group)
{
	struct reader in = reader_from(value);
	struct group group = { 0 };
	uint8_t version = reader_u8(&in);

	group.name = reader_text16(&in);
	group.id = reader_u64(&in);
	group.created_ns = reader_u64(&in);
	if (!reader_done(&in) || version != GROUP_VERSION || group.id == 0 ||
	    group.name.len == 0 || group.name.len > USER_NAME_MAX)
		return DAMAGED;
	*ret_group = group;
	return OK;
}

void
group_encode(const struct group *group, struct buffer *out)
{
	writer_u8(out, GROUP_VERSION);
	writer_text16(out, group->name);
	writer_u64(out, group->id);
	writer_u64(out, group->created_ns);
}

enum outcome
group_find(struct txn *txn, struct text name, struct group *ret_group)
{
	char folded[USER_NAME_MAX];
	struct key key;
	struct text at, value;
	enum outcome outcome;

	if (name_fold(name, folded, &at) != OK)
		return NOT_FOUND;
	outcome = txn_get(txn, key_text(&key, KEY_GROUP, at), &value);
	return outcome == OK ? group_decode(value, ret_group) : outcome;
}

enum outcome
group_find_id(struct txn *txn, user_id id, struct group *ret_group)
{
	struct key key;
	struct text name;
	enum outcome outcome;

	outcome = pointer_get(txn, key_id(&key, KEY_GROUP_NAME, id), &name);
	if (outcome != OK)
		return outcome;
	outcome = group_find(txn, name, ret_group);
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

enum outcome
group_add(struct txn *txn, struct store *store, struct text name)
{
	char folded[USER_NAME_MAX];
	struct group group = { .created_ns = clock_wall_ns() }, old;
	struct key key;
	struct buffer out;
	enum outcome outcome = name_fold(name, folded, &group.name);

	if (outcome != OK)
		return outcome;
	outcome = group_find(txn, group.name, &old);
	if (outcome != NOT_FOUND)
		return outcome == OK ? EXISTS : outcome;
	group.id = store_next_id(store);
	buffer_init(&out, RECORD_MAX);
	group_encode(&group, &out);
	outcome = record_put(txn, key_text(&key, KEY_GROUP, group.name), &out);
	if (outcome != OK)
		return outcome;
	return pointer_put(txn, key_id(&key, KEY_GROUP_NAME, group.id),
	    group.name);
}

struct member_search {
	user_id group;
	struct account_list users;
};

static enum outcome
find_member(struct text key, struct text value, void *context)
{
	struct member_search *search = context;

	(void)value; /* empty */
	if (key_id_of(key, 1) == search->group)
		account_list_add(&search->users, key_id_of(key, 0));
	return OK;
}

static enum outcome
group_empty(struct txn *txn, user_id group)
{
	struct arena *arena = arena_new();
	struct member_search search = { group, { .arena = arena } };
	struct key key;
	enum outcome outcome;

	outcome = record_each(txn, key_text(&key, KEY_MEMBER, TEXT_NONE),
	    find_member, &search);
	for (size_t i = 0; outcome == OK && i < search.users.count; i++) {
		outcome = txn_remove(txn,
		    key_pair(&key, KEY_MEMBER, search.users.id[i], group));
	}
	arena_free(arena);
	return outcome == OK ? accounts_changed(txn) : outcome;
}

enum outcome
group_remove(struct txn *txn, struct store *store, struct text name)
{
	char folded[USER_NAME_MAX];
	struct text at;
	struct group group;
	struct key key;
	enum outcome outcome;

	(void)store; /* nothing of a group lives outside the transaction */
	if (name_fold(name, folded, &at) != OK)
		return NOT_FOUND;
	outcome = group_find(txn, at, &group);
	if (outcome == OK)
		outcome = group_empty(txn, group.id);
	if (outcome == OK)
		outcome = grant_remove_subject(txn, group.id);
	if (outcome == OK) {
		outcome = txn_remove(txn,
		    key_id(&key, KEY_GROUP_NAME, group.id));
	}
	if (outcome == OK)
		outcome = txn_remove(txn, key_text(&key, KEY_GROUP, at));
	return outcome;
}

static enum outcome
member_key(struct txn *txn, struct text group_name, struct text user_name,
    struct key *key, struct text *ret_key)
{
	struct group group;
	struct user user;
	enum outcome outcome = group_find(txn, group_name, &group);

	if (outcome == OK)
		outcome = user_find(txn, user_name, &user);
	if (outcome == OK)
		*ret_key = key_pair(key, KEY_MEMBER, user.id, group.id);
	return outcome;
}

enum outcome
group_join(struct txn *txn, struct text group, struct text user)
{
	struct key key;
	struct text at, value;
	enum outcome outcome = member_key(txn, group, user, &key, &at);

	if (outcome != OK)
		return outcome;
	outcome = txn_get(txn, at, &value);
	if (outcome != NOT_FOUND)
		return outcome == OK ? EXISTS : outcome;
	outcome = txn_put(txn, at, TEXT_NONE);
	return outcome == OK ? accounts_changed(txn) : outcome;
}

enum outcome
group_leave(struct txn *txn, struct text group, struct text user)
{
	struct key key;
	struct text at;
	enum outcome outcome = member_key(txn, group, user, &key, &at);

	if (outcome == OK)
		outcome = txn_remove(txn, at);
	return outcome == OK ? accounts_changed(txn) : outcome;
}

struct group_walk {
	struct txn *txn;
	group_each_fn visit;
	user_each_fn visit_user;
	void *context;
	user_id group;
};

static enum outcome
visit_group(struct text key, struct text value, void *context)
{
	struct group_walk *walk = context;
	struct group group;
	enum outcome outcome = group_decode(value, &group);

	(void)key; /* the record repeats the name */
	if (outcome != OK)
		return outcome;
	return walk->visit(&group, walk->context) ? OK : CANCELLED;
}

enum outcome
group_each(struct txn *txn, group_each_fn visit, void *context)
{
	struct group_walk walk = { .visit = visit, .context = context };
	struct key key;

	return record_each(txn, key_text(&key, KEY_GROUP, TEXT_NONE),
	    visit_group, &walk);
}

static enum outcome
visit_member(struct text key, struct text value, void *context)
{
	struct group_walk *walk = context;
	struct user user;
	enum outcome outcome;

	(void)value; /* empty */
	if (key_id_of(key, 1) != walk->group)
		return OK;
	outcome = user_find_id(walk->txn, key_id_of(key, 0), &user);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	return walk->visit_user(&user, walk->context) ? OK : CANCELLED;
}

enum outcome
group_members(struct txn *txn, user_id group, user_each_fn visit, void *context)
{
	struct group_walk walk = { .txn = txn,
		.visit_user = visit,
		.context = context,
		.group = group };
	struct key key;

	return record_each(txn, key_text(&key, KEY_MEMBER, TEXT_NONE),
	    visit_member, &walk);
}
