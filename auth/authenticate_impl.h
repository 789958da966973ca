#pragma once

#include <sodium.h>

#include "auth/authenticate.h"

/* What authenticate.c and credential_check.c share. */
struct authenticator {
	struct store *store;            /* borrowed */
	struct credential_cache *cache; /* owned */
	struct guesses *guesses;        /* owned */
	struct known *known;            /* owned */
	struct flights *flights;        /* owned */
	unsigned char flight_key[crypto_generichash_KEYBYTES];
};

/*
 * Names all that the answer hangs on. An account that changed meanwhile has
 * another hash or version, so nobody is answered from what it was before. And
 * the client: nobody learns from the time of an answer what others try.
 */
void
credential_name(struct credential_check *check, const char *address);
