#pragma once

#include "auth/privilege.h"
#include "server/base/arena.h"
#include "server/base/outcome.h"
#include "server/base/secret.h"
#include "store/store.h"

/* Accounts and groups as stored, and who is asking. */
enum role { ROLE_USER, ROLE_ADMIN };

struct user {
	struct text name;
	user_id id;
	enum role role;
	bool disabled;
	uint64_t password_version; /* grows with each change */
	struct text password;      /* argon2id in PHC form; empty: none set */
	struct text email, display;
	uint64_t quota; /* 0: none */
	uint64_t created_ns, used_ns;
};

enum { USER_NAME_MAX = 64 };

/* Letters, digits, '.', '_', '-', '@', '+'; kept in lower case, NFC. */
enum outcome
user_name_key(struct arena *arena, struct text name, struct text *ret_key)
    MUST_CHECK;

enum outcome
user_find(struct txn *txn, struct text name, struct user *ret_user) MUST_CHECK;

enum outcome
user_find_id(struct txn *txn, user_id id, struct user *ret_user) MUST_CHECK;

/* id 0: a new one is given. EXISTS. */
enum outcome
user_add(struct txn *txn, struct store *store, struct user *user) MUST_CHECK;

enum outcome
user_update(struct txn *txn, const struct user *user) MUST_CHECK;

/* With its app passwords, memberships and grants. CONFLICT: owns a cell. */
enum outcome
user_remove(struct txn *txn, struct store *store, struct text name) MUST_CHECK;

typedef bool (*user_each_fn)(const struct user *user, void *context);

enum outcome
user_each(struct txn *txn, user_each_fn visit, void *context) MUST_CHECK;

struct group {
	struct text name;
	user_id id;
	uint64_t created_ns;
};

enum outcome
group_find(struct txn *txn, struct text name, struct group *ret_group)
    MUST_CHECK;

enum outcome
group_find_id(struct txn *txn, user_id id, struct group *ret_group) MUST_CHECK;

enum outcome
group_add(struct txn *txn, struct store *store, struct text name) MUST_CHECK;

enum outcome
group_remove(struct txn *txn, struct store *store, struct text name) MUST_CHECK;

/* EXISTS, NOT_FOUND tell that nothing changed. */
enum outcome
group_join(struct txn *txn, struct text group, struct text user) MUST_CHECK;

enum outcome
group_leave(struct txn *txn, struct text group, struct text user) MUST_CHECK;

typedef bool (*group_each_fn)(const struct group *group, void *context);

enum outcome
group_each(struct txn *txn, group_each_fn visit, void *context) MUST_CHECK;

enum outcome
group_members(struct txn *txn, user_id group, user_each_fn visit, void *context)
    MUST_CHECK;

/* One random password per device. */
struct app_password {
	uint64_t id;
	user_id user;
	struct text label;
	unsigned char hash[32]; /* of the password; it has high entropy */
	uint64_t created_ns, used_ns;
};

/* *ret_password lives in the arena and is shown once. */
enum outcome
app_password_add(struct txn *txn, struct store *store, struct arena *arena,
    user_id user, struct text label, struct secret *ret_password) MUST_CHECK;

enum outcome
app_password_revoke(struct txn *txn, user_id user, uint64_t id) MUST_CHECK;

typedef bool (*app_password_each_fn)(const struct app_password *app,
    void *context);

enum outcome
app_password_each(struct txn *txn, user_id user, app_password_each_fn visit,
    void *context) MUST_CHECK;

/* Who is asking, for one request; texts in its arena. */
enum principal_kind { PRINCIPAL_NONE, PRINCIPAL_USER };

struct principal {
	enum principal_kind kind;
	user_id id;
	struct text name, display;
	enum role role;
	const user_id *group; /* arena */
	size_t group_count;
	uint64_t app_password; /* id of the one used, 0: the account's own */
	uint64_t password_version; /* of the account, when it signed in */
};

/* From a user record: copies texts and loads the groups. */
enum outcome
principal_load(struct txn *txn, struct arena *arena, const struct user *user,
    struct principal *ret_principal) MUST_CHECK;

/*
 * The principal could sign in again the same way now: the account is there,
 * enabled, with the same password, or its app password was not revoked.
 * UNAUTHENTICATED when not.
 */
enum outcome
principal_check(struct txn *txn, const struct principal *principal) MUST_CHECK;
