#pragma once

#include "auth/principal.h"

/*
 * Who sent this Authorization field a moment ago. A field that signed in is
 * known by a keyed digest of its bytes and of the client's address; while
 * nothing that its sign-in stood on has changed, the same field is the same
 * principal, without a look at an account:
 *
 * - no account, app password or membership has changed: the mark of
 *   accounts.h, read in the transaction of the request, is the same;
 * - nobody has sent a wrong password since (guess_calm()), so that no wait
 *   that might hold for this client is passed by;
 * - its time is not up: at most KNOWN_SECONDS, and for the account's own
 *   password not beyond the verified credential (credential_cache.h).
 *
 * The digest is SipHash with 128 bits under a key that this process drew;
 * neither the field nor a password is kept. Any thread; threads have tables of
 * their own, as long as there are not more of them than tables.
 */
struct known;

enum { KNOWN_SECONDS = 60 };

struct known_ask {
	struct text field; /* as sent */
	const char *address;
	struct txn *txn;
	uint64_t calm; /* of guess_calm_now() or guess_calm() */
	uint64_t now_ns;
};

struct known *
known_new(void);

void
known_free(struct known *known);

/* The principal lives in the arena. */
bool
known_find(struct known *known, const struct known_ask *ask,
    struct arena *arena, struct principal *ret_principal);

/* Signed in by this field, in ask->txn; believed until `until_ns` at most. */
void
known_add(struct known *known, const struct known_ask *ask, uint64_t until_ns,
    const struct principal *principal);
