/*
 * The part of a sign-in that needs argon2id: on a worker, once for all who ask
 * the same at the same moment.
 */
#include <stddef.h>

#include "auth/authenticate_impl.h"
#include "auth/credential_cache.h"
#include "auth/note.h"
#include "server/base/clock.h"
#include "server/base/codec.h"

static void
digest_add(crypto_generichash_state *state, struct text text)
{
	unsigned char len[sizeof(uint64_t)];

	key_store_u64(len, text.len);
	crypto_generichash_update(state, len, sizeof(len));
	crypto_generichash_update(state, (const unsigned char *)text.ptr,
	    text.len);
}

void
credential_name(struct credential_check *check, const char *address)
{
	const struct authenticator *authenticator = check->authenticator;
	crypto_generichash_state state;
	unsigned char numbers[2 * sizeof(uint64_t)];
	struct digest *digest = &check->seat.digest;

	key_store_u64(numbers, check->id);
	key_store_u64(numbers + sizeof(uint64_t), check->password_version);
	crypto_generichash_init(&state, authenticator->flight_key,
	    sizeof(authenticator->flight_key), sizeof(digest->bytes));
	digest_add(&state,
	    (struct text){ (const char *)numbers, sizeof(numbers) });
	digest_add(&state, check->user);
	digest_add(&state, check->password.bytes);
	digest_add(&state, check->phc);
	digest_add(&state, text_from(address));
	crypto_generichash_final(&state, digest->bytes, sizeof(digest->bytes));
}

/* The right password, hashed with parameters of the past (components.md 2). */
static void
hash_again(const struct credential_check *check) ON_WORKER;

static void
hash_again(const struct credential_check *check)
{
	struct arena *arena = arena_new();
	struct text fresh;

	if (password_hash(arena, check->password, &fresh) == OK)
		note_rehash(check->authenticator->store, check->id, check->phc,
		    fresh);
	arena_free(arena);
}

bool
credential_follows(struct credential_check *check)
{
	return flight_board(check->authenticator->flights, &check->seat);
}

/* Each of them may be gone as soon as it has its answer. */
static void
credential_land(struct credential_check *check)
{
	enum outcome outcome = check->outcome;
	struct flight_seat *seat = flight_land(check->authenticator->flights,
	    &check->seat);

	while (seat != NULL) {
		struct credential_check *follower =
		    (struct credential_check *)((char *)seat -
			offsetof(struct credential_check, seat));

		seat = seat->next;
		follower->outcome = outcome;
		follower->answered(follower);
	}
}

/* One that came when the same had just landed finds it verified. */
static void
credential_hash(struct credential_check *check) ON_WORKER;

static void
credential_hash(struct credential_check *check)
{
	struct credential_cache *cache = check->authenticator->cache;
	struct credential credential = { check->user, check->password,
		check->password_version, check->id };
	uint64_t seconds = check->cache_seconds, now_ns;

	if (check->id != 0 &&
	    credential_cache_has(cache, &credential, clock_monotonic_ns())) {
		check->outcome = OK;
		return;
	}
	check->outcome = password_verify(check->phc, check->password);
	if (check->outcome == OK && password_outdated(check->phc))
		hash_again(check);
	if (check->outcome != OK || seconds == 0)
		return;
	if (seconds > UINT32_MAX)
		seconds = UINT32_MAX;
	now_ns = clock_monotonic_ns();
	credential_cache_add(cache, &credential, now_ns,
	    now_ns + seconds * NS_PER_SECOND);
}

void
credential_verify(struct credential_check *check)
{
	credential_hash(check);
	credential_land(check);
}

void
credential_give_up(struct credential_check *check)
{
	check->outcome = BUSY;
	credential_land(check);
}
