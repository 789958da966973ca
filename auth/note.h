#pragma once

#include "store/store.h"

/*
 * What a sign-in leaves behind in the store: small changes that are posted and
 * that nobody waits for. One that is lost is made again by the next sign-in.
 */

/*
 * The account (app_password 0) or an app password was used now; noted at most
 * once a day.
 */
void
note_use(struct store *store, user_id user, uint64_t app_password,
    uint64_t used_ns);

/*
 * The password was right, but hashed with parameters of the past: `fresh`
 * takes the place of `old`, unless the account got another one meanwhile.
 */
void
note_rehash(struct store *store, user_id user, struct text old,
    struct text fresh);
