#pragma once

#include "auth/grant.h"
#include "auth/principal.h"
#include "store/keys.h"

/*
 * What auth/ keeps, as bytes: a version byte, then fixed fields. Decoders are
 * bounded and answer DAMAGED for anything that an encoder here did not write;
 * texts point into the value. Encoders append to `out`, which overflows (and
 * so fails its put) past RECORD_MAX.
 */
enum { RECORD_MAX = 4096 };

enum outcome
user_decode(struct text value, struct user *ret_user) MUST_CHECK;

void
user_encode(const struct user *user, struct buffer *out);

enum outcome
group_decode(struct text value, struct group *ret_group) MUST_CHECK;

void
group_encode(const struct group *group, struct buffer *out);

/* `key`: of KEY_APP, whose ids are the user and the app password. */
enum outcome
app_password_decode(struct text key, struct text value,
    struct app_password *ret_app) MUST_CHECK;

void
app_password_encode(const struct app_password *app, struct buffer *out);

/* `key`: of KEY_GRANT, whose ids are the node and the grant. */
enum outcome
grant_decode(struct text key, struct text value, struct grant *ret_grant)
    MUST_CHECK;

void
grant_encode(const struct grant *grant, struct buffer *out);

/* Puts an encoded record and frees the buffer; BUG when it overflowed. */
enum outcome
record_put(struct txn *txn, struct text key, struct buffer *value) MUST_CHECK;

/*
 * A pointer from one record to another: the version byte, then what the next
 * key is made of. DAMAGED: the bytes are no pointer.
 */
enum outcome
pointer_put(struct txn *txn, struct text key, struct text target) MUST_CHECK;

enum outcome
pointer_get(struct txn *txn, struct text key, struct text *ret_target)
    MUST_CHECK;

enum outcome
pointer_decode(struct text value, struct text *ret_target) MUST_CHECK;

/*
 * The records whose keys begin with `prefix`, in order. The callback answers
 * OK to go on, CANCELLED to stop (which is then OK), else a failure that ends
 * the walk. It must not write.
 */
typedef enum outcome (*record_fn)(struct text key, struct text value,
    void *context);

enum outcome
record_each(struct txn *txn, struct text prefix, record_fn visit, void *context)
    MUST_CHECK;

/* Removes all of them. */
enum outcome
record_remove_all(struct txn *txn, struct text prefix) MUST_CHECK;

/* The first of them; its key is copied into *ret_key. NOT_FOUND. */
enum outcome
record_first(struct txn *txn, struct text prefix, struct key *ret_key,
    struct text *ret_value) MUST_CHECK;

/* Ids that a walk collects, for what must not be written during it. */
struct account_list {
	uint64_t *id; /* arena */
	size_t count, capacity;
	struct arena *arena; /* borrowed */
};

void
account_list_add(struct account_list *list, uint64_t id);

/*
 * Another hash of the same password, so its version stays. CONFLICT: the
 * account has not `old` any more.
 */
enum outcome
user_rehash(struct txn *txn, user_id id, struct text old, struct text fresh)
    MUST_CHECK;

/* Takes all grants that name this user or group away. */
enum outcome
grant_remove_subject(struct txn *txn, user_id subject) MUST_CHECK;

/* All app passwords of a user. */
enum outcome
app_password_remove_all(struct txn *txn, user_id user) MUST_CHECK;

/*
 * A name in the form that keys have, into `buffer` of USER_NAME_MAX bytes.
 * BAD_INPUT.
 */
enum outcome
name_fold(struct text name, char buffer[USER_NAME_MAX], struct text *ret_key)
    MUST_CHECK;

/* A line for people: UTF-8 without controls, at most `max` bytes. */
bool
label_valid(struct text label, size_t max);
