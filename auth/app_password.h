#pragma once

#include "auth/principal.h"

/*
 * What authenticate.c asks of app passwords, beside what principal.h offers to
 * everybody.
 */
enum { APP_HASH_BYTES = 32 };

/* False when the password does not have the shape of an app password. */
bool
app_password_hash(struct secret password,
    unsigned char ret_hash[APP_HASH_BYTES]);

/* May it be, or have been, one? */
bool
app_password_shaped(struct secret password);

/* NOT_FOUND. */
enum outcome
app_password_find(struct txn *txn, const unsigned char hash[APP_HASH_BYTES],
    struct app_password *ret_app) MUST_CHECK;

/* Notes when it was used. NOT_FOUND: revoked meanwhile. */
enum outcome
app_password_used(struct txn *txn, user_id user, uint64_t id, uint64_t now_ns)
    MUST_CHECK;
