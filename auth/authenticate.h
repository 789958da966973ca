#pragma once

#include "auth/flight.h"
#include "auth/password.h"
#include "auth/principal.h"
#include "server/http/problem.h"
#include "server/http/request.h"

/*
 * Who is asking. Schemes are rows (schemes.c), tried by the name in the
 * Authorization field; today Basic, with the account's password or an app
 * password. A credential that was verified once is believed for
 * auth.cache_seconds while the account's password version and state stand
 * (looked up at every request), so argon2id runs once and not per request; it
 * runs in the `hash` lane. Wrong passwords wait longer and longer, per
 * (user name, client network); right ones from elsewhere do not.
 *
 * Who asks what is being verified at this moment waits for that answer
 * (flight.h), and then goes on as if it had asked alone.
 */
struct authenticator;

struct authenticator *
authenticator_new(struct store *store);

void
authenticator_free(struct authenticator *authenticator);

/*
 * What authenticate() needs when the answer is not at hand: a visit to the
 * hash lane. Copies of what the request said; no pointer into the request.
 */
struct credential_check {
	struct text user;       /* arena */
	struct secret password; /* arena */
	struct text phc;        /* copy of the stored hash, empty: no user */
	uint64_t password_version;
	user_id id;
	enum outcome outcome;                /* set by credential_verify */
	struct authenticator *authenticator; /* borrowed */
	uint64_t cache_seconds;
	/* The caller's: any thread, for one that follows; `outcome` is set. */
	void (*answered)(struct credential_check *check);
	struct flight_seat seat; /* of the same check from the same address */
};

enum authenticate_result {
	AUTHENTICATE_DONE,   /* *ret_principal is set; may be PRINCIPAL_NONE */
	AUTHENTICATE_HASH,   /* run credential_verify on the hash lane, then
	                        authenticate_finish */
	AUTHENTICATE_REFUSED /* answer with `problem`: 401 or 429 */
};

/*
 * ON_LOOP; never blocks, never hashes slowly. No Authorization field:
 * PRINCIPAL_NONE. Basic over plain HTTP from elsewhere than loopback is
 * refused as the configuration says. `problem` is set when refused.
 */
enum authenticate_result
authenticate(struct authenticator *authenticator, struct txn *txn,
    struct request *request, struct principal *ret_principal,
    struct credential_check *ret_check, struct problem *problem) ON_LOOP;

/*
 * Before the hash lane. True: the same check is there already; this one is not
 * the caller's any more until `answered`, which may have been called before
 * this returns. False: it has to be verified, or given up.
 */
bool
credential_follows(struct credential_check *check) ON_LOOP;

/* Then those that follow it are answered too. */
void
credential_verify(struct credential_check *check) ON_WORKER;

/* The hash lane did not take it, nor would it take those that follow it. */
void
credential_give_up(struct credential_check *check);

/*
 * Back on the loop: signs a right one in, counts a wrong one, each by itself,
 * also when one run answered many: whether attempts meet is chance, and what
 * they count must not hang on it. When the hash lane did not take the check
 * (outcome BUSY, or still CANCELLED), the attempt counts for nothing, and the
 * answer is 503.
 */
enum authenticate_result
authenticate_finish(struct authenticator *authenticator, struct txn *txn,
    struct request *request, const struct credential_check *check,
    struct principal *ret_principal, struct problem *problem) ON_LOOP;

/*
 * Adds the challenge (401) with the constant realm. Where Basic is not taken
 * over plain HTTP it asks for no password, and the status becomes 403.
 */
void
authenticate_challenge(struct request *request);
