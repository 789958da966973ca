#include "auth/password.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/*
 * argon2id in PHC strings. Two passes over 19 MiB (components.md 2) take some
 * 15 ms: the bounded hash lane runs it, a loop never does.
 */
enum { OPS = 2, MEMORY = 19 * 1024 * 1024, PASSWORD_MAX = 1024 };

/*
 * Verified when there is no user: the same parameters, a salt and a hash that
 * were drawn at random, so no password fits and the work is the same.
 */
static const char nobody[] =
    "$argon2id$v=19$m=19456,t=2,p=1"
    "$k0Zc7bJpX1vQm3sYtR9eWg$uC4nTq8HxLw2VbA6oKfJ5dPzE7iMyS1rGh0QmNt3Uv8";

static void
begin_sodium(void)
{
	if (sodium_init() < 0)
		abort();
}

static void
use_sodium(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, begin_sodium);
}

enum outcome
password_hash(struct arena *arena, struct secret password, struct text *ret_phc)
{
	char phc[crypto_pwhash_STRBYTES];

	use_sodium();
	if (password.bytes.len == 0 || password.bytes.len > PASSWORD_MAX)
		return BAD_INPUT;
	if (crypto_pwhash_str_alg(phc, password.bytes.ptr, password.bytes.len,
		OPS, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return BUSY; /* no memory for it now */
	*ret_phc = arena_copy(arena, text_from(phc));
	return OK;
}

/* libsodium wants a string in an array of its own size. */
static bool
phc_copy(struct text phc, char copy[crypto_pwhash_STRBYTES])
{
	if (phc.len >= crypto_pwhash_STRBYTES)
		return false;
	memset(copy, 0, crypto_pwhash_STRBYTES);
	if (phc.len > 0)
		memcpy(copy, phc.ptr, phc.len);
	return true;
}

enum outcome
password_verify(struct text phc, struct secret password)
{
	char copy[crypto_pwhash_STRBYTES];
	bool known = phc.len > 0 && phc_copy(phc, copy);

	use_sodium();
	if (password.bytes.len == 0 || password.bytes.len > PASSWORD_MAX)
		return UNAUTHENTICATED;
	if (!known)
		memcpy(copy, nobody, sizeof(nobody));
	errno = 0;
	if (crypto_pwhash_str_verify(copy, password.bytes.ptr,
		password.bytes.len) != 0)
		return errno == ENOMEM ? BUSY : UNAUTHENTICATED;
	return known ? OK : UNAUTHENTICATED;
}

bool
password_outdated(struct text phc)
{
	char copy[crypto_pwhash_STRBYTES];

	use_sodium();
	return !phc_copy(phc, copy) ||
	    crypto_pwhash_str_needs_rehash(copy, OPS, MEMORY) != 0;
}
