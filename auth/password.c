#include "auth/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/*
 * argon2id in PHC strings. Two passes over 19 MiB (components.md 2) take some
 * 15 ms: the bounded hash lane runs it, a loop never does.
 */
enum { OPS = 2, MEMORY = 19 * 1024 * 1024, PASSWORD_MAX = 1024, HASH_MAX = 64 };

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

struct phc {
	uint64_t memory, passes; /* memory in KiB */
	unsigned char salt[crypto_pwhash_SALTBYTES];
	unsigned char hash[HASH_MAX];
	size_t hash_len;
};

static bool
base64_read(struct text text, unsigned char *bytes, size_t size,
    size_t *ret_len)
{
	const char *end = NULL;

	return text.len > 0 &&
	    sodium_base642bin(bytes, size, text.ptr, text.len, NULL, ret_len,
		&end, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
	    end == text.ptr + text.len;
}

static bool
skip(struct text *text, struct text expected)
{
	if (!text_starts(*text, expected))
		return false;
	*text = text_slice(*text, expected.len, text->len);
	return true;
}

/* "$argon2id$v=19$m=KIB,t=PASSES,p=1$SALT$HASH" */
static bool
phc_parse(struct text text, struct phc *ret_phc)
{
	struct text part;
	size_t salt_len;

	if (!skip(&text, TEXT("$argon2id$v=19$m=")))
		return false;
	part = text_split(&text, ',');
	if (!text_parse_u64(part, 10, &ret_phc->memory) ||
	    !skip(&text, TEXT("t=")))
		return false;
	part = text_split(&text, ',');
	if (!text_parse_u64(part, 10, &ret_phc->passes) ||
	    !skip(&text, TEXT("p=1$")))
		return false;
	part = text_split(&text, '$');
	return base64_read(part, ret_phc->salt, sizeof(ret_phc->salt),
		   &salt_len) &&
	    salt_len == sizeof(ret_phc->salt) &&
	    base64_read(text, ret_phc->hash, sizeof(ret_phc->hash),
		&ret_phc->hash_len) &&
	    ret_phc->hash_len >= crypto_pwhash_BYTES_MIN &&
	    ret_phc->passes >= crypto_pwhash_OPSLIMIT_MIN &&
	    ret_phc->passes <= crypto_pwhash_OPSLIMIT_MAX &&
	    ret_phc->memory >= crypto_pwhash_MEMLIMIT_MIN / 1024 &&
	    ret_phc->memory <= crypto_pwhash_MEMLIMIT_MAX / 1024;
}

/*
 * Not crypto_pwhash_str_verify(), which says "another password" where it had
 * no memory for the hash: that would be a wrong guess of a rightful user.
 */
static enum outcome
phc_compare(const char *string, struct secret password)
{
	unsigned char hash[HASH_MAX];
	struct phc phc;
	bool same;

	if (!phc_parse(text_from(string), &phc))
		return crypto_pwhash_str_verify(string, password.bytes.ptr,
			   password.bytes.len) == 0 ?
		    OK :
		    UNAUTHENTICATED;
	if (crypto_pwhash(hash, phc.hash_len, password.bytes.ptr,
		password.bytes.len, phc.salt, phc.passes,
		(size_t)phc.memory * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return BUSY;
	same = sodium_memcmp(hash, phc.hash, phc.hash_len) == 0;
	sodium_memzero(hash, sizeof(hash));
	return same ? OK : UNAUTHENTICATED;
}

enum outcome
password_verify(struct text phc, struct secret password)
{
	char copy[crypto_pwhash_STRBYTES];
	bool known = phc.len > 0 && phc_copy(phc, copy);
	enum outcome outcome;

	use_sodium();
	if (password.bytes.len == 0 || password.bytes.len > PASSWORD_MAX)
		return UNAUTHENTICATED;
	if (!known)
		memcpy(copy, nobody, sizeof(nobody));
	outcome = phc_compare(copy, password);
	return outcome == OK && !known ? UNAUTHENTICATED : outcome;
}

bool
password_outdated(struct text phc)
{
	char copy[crypto_pwhash_STRBYTES];

	use_sodium();
	return !phc_copy(phc, copy) ||
	    crypto_pwhash_str_needs_rehash(copy, OPS, MEMORY) != 0;
}
