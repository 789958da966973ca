#pragma once

#include <stdbool.h>

#include "server/base/secret.h"
#include "store/store.h"

/*
 * Credentials that were verified, as keyed BLAKE2b digests of user, password
 * and password version under a key that this process drew (components.md 2b).
 * At most 65 536 of them; a full set loses the one that ends first. Only right
 * ones come in. A new password has a new version, so the digests of the old
 * one are never asked for again. Any thread.
 */
struct credential_cache;

struct credential {
	struct text user; /* folded name */
	struct secret password;
	uint64_t password_version;
	user_id id;
};

struct credential_cache *
credential_cache_new(void);

void
credential_cache_free(struct credential_cache *cache);

/* Until when it is believed; 0: it is not. */
uint64_t
credential_cache_until(struct credential_cache *cache,
    const struct credential *credential, uint64_t now_ns);

static inline bool
credential_cache_has(struct credential_cache *cache,
    const struct credential *credential, uint64_t now_ns)
{
	return credential_cache_until(cache, credential, now_ns) != 0;
}

/* Believed until `until_ns` (monotonic). */
void
credential_cache_add(struct credential_cache *cache,
    const struct credential *credential, uint64_t now_ns, uint64_t until_ns);
