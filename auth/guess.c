#include "auth/guess.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/shard.h"
#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/base/random.h"

/*
 * GUESS_OPEN_MAX attempts of one client may be on their way at once while
 * nothing is wrong: a sync client opens many connections with one right
 * password, and the hash lane does the work once. Who had to wait gets one at
 * a time. An attempt that never ended is forgotten after OPEN_SECONDS, a count
 * after FORGET_FACTOR longest waits.
 */
enum {
	GUESS_OPEN_MAX = 256,
	OPEN_SECONDS = 30,
	REPEATS = 8, /* devices of one account in one house, revoked */
	FORGET_FACTOR = 4,
	FORGET_LEAST_SECONDS = 900
};

struct guess {
	struct digest digest;
	uint64_t wrong;    /* 0 and open 0: free */
	uint64_t open;     /* attempts on their way */
	uint64_t probes;   /* in vain, during this wait */
	uint64_t until_ns; /* no attempt before */
	uint64_t last_ns;
	uint64_t repeat[REPEATS]; /* what was wrong; 0: free */
	size_t repeat_next;       /* the oldest */
};

struct guess_shard {
	pthread_mutex_t mutex; /* guards guess */
	struct guess guess[SET_COUNT * SET_WAYS];
};

struct guesses {
	_Atomic uint64_t calm; /* at least 1; moved under a shard's mutex */
	unsigned char key[crypto_generichash_KEYBYTES];
	unsigned char repeat_key[crypto_shorthash_KEYBYTES];
	struct guess_shard *shard; /* owned, SHARD_COUNT */
};

struct guesses *
guesses_new(void)
{
	struct guesses *guesses = memory_alloc(sizeof(*guesses));

	atomic_init(&guesses->calm, 1);
	random_fill(guesses->key, sizeof(guesses->key));
	random_fill(guesses->repeat_key, sizeof(guesses->repeat_key));
	guesses->shard = memory_array(SHARD_COUNT, sizeof(*guesses->shard));
	for (size_t i = 0; i < SHARD_COUNT; i++)
		pthread_mutex_init(&guesses->shard[i].mutex, NULL);
	return guesses;
}

void
guesses_free(struct guesses *guesses)
{
	if (guesses == NULL)
		return;
	for (size_t i = 0; i < SHARD_COUNT; i++)
		pthread_mutex_destroy(&guesses->shard[i].mutex);
	free(guesses->shard);
	free(guesses);
}

/*
 * The part of an address that one household or site shares: /24 of IPv4, /64
 * of IPv6. What is no address (a socket without one) stands for itself.
 */
static struct text
network_of(const char *address, unsigned char bytes[16])
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1) {
		memcpy(bytes, &four, 3);
		return (struct text){ (const char *)bytes, 3 };
	}
	if (inet_pton(AF_INET6, address, &six) != 1)
		return text_from(address);
	if (IN6_IS_ADDR_V4MAPPED(&six)) {
		memcpy(bytes, six.s6_addr + 12, 3);
		return (struct text){ (const char *)bytes, 3 };
	}
	memcpy(bytes, six.s6_addr, 8);
	return (struct text){ (const char *)bytes, 8 };
}

static struct digest
guess_digest(const struct guesses *guesses, struct text user,
    const char *address)
{
	crypto_generichash_state state;
	unsigned char bytes[16], len;
	struct text network = network_of(address, bytes);
	struct digest digest;

	len = (unsigned char)(network.len > 255 ? 255 : network.len);
	crypto_generichash_init(&state, guesses->key, sizeof(guesses->key),
	    sizeof(digest.bytes));
	crypto_generichash_update(&state, &len, 1);
	crypto_generichash_update(&state, (const unsigned char *)network.ptr,
	    len);
	crypto_generichash_update(&state, (const unsigned char *)user.ptr,
	    user.len);
	crypto_generichash_final(&state, digest.bytes, sizeof(digest.bytes));
	return digest;
}

static struct guess *
guess_find(struct guess_shard *shard, const struct digest *digest)
{
	struct guess *set = &shard->guess[digest_set(digest)];

	for (size_t i = 0; i < SET_WAYS; i++) {
		if (memcmp(&set[i].digest, digest, sizeof(*digest)) == 0)
			return &set[i];
	}
	return NULL;
}

/* The one that counts this digest; takes the quietest place when new. */
static struct guess *
guess_take(struct guess_shard *shard, const struct digest *digest)
{
	struct guess *set = &shard->guess[digest_set(digest)];
	struct guess *slot = guess_find(shard, digest);

	if (slot != NULL)
		return slot;
	slot = set;
	for (size_t i = 1; i < SET_WAYS; i++) {
		if (set[i].last_ns < slot->last_ns)
			slot = &set[i];
	}
	*slot = (struct guess){ .digest = *digest };
	return slot;
}

static uint64_t
forget_ns(const struct guess_rule *rule)
{
	uint64_t seconds = rule->longest_seconds;

	if (seconds > UINT32_MAX)
		seconds = UINT32_MAX;
	seconds *= FORGET_FACTOR;
	if (seconds < FORGET_LEAST_SECONDS)
		seconds = FORGET_LEAST_SECONDS;
	return seconds * NS_PER_SECOND;
}

static void
guess_age(struct guess *guess, const struct guess_rule *rule, uint64_t now_ns)
{
	uint64_t quiet = now_ns > guess->last_ns ? now_ns - guess->last_ns : 0;

	if (quiet > OPEN_SECONDS * NS_PER_SECOND)
		guess->open = 0;
	if (quiet > forget_ns(rule))
		guess->wrong = 0;
}

static unsigned
guess_wait(const struct guess *guess, const struct guess_rule *rule,
    uint64_t now_ns)
{
	uint64_t open_max = guess->wrong > rule->free ? 1 : GUESS_OPEN_MAX;

	if (now_ns < guess->until_ns) {
		uint64_t left = guess->until_ns - now_ns;

		return (unsigned)((left + NS_PER_SECOND - 1) / NS_PER_SECOND);
	}
	return guess->open >= open_max ? 1 : 0;
}

unsigned
guess_begin(struct guesses *guesses, struct text user, const char *address,
    const struct guess_rule *rule, uint64_t now_ns)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	struct guess *guess;
	unsigned wait;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_take(shard, &digest);
	guess_age(guess, rule, now_ns);
	wait = guess_wait(guess, rule, now_ns);
	if (wait == 0) {
		guess->open++;
		guess->probes = 0;
		guess->last_ns = now_ns;
	} else {
		atomic_fetch_add(&guesses->calm, 1);
	}
	pthread_mutex_unlock(&shard->mutex);
	return wait;
}

uint64_t
guess_calm_now(const struct guesses *guesses)
{
	return atomic_load(&guesses->calm);
}

uint64_t
guess_calm(struct guesses *guesses, struct text user, const char *address)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	const struct guess *guess;
	uint64_t calm;

	pthread_mutex_lock(&shard->mutex);
	calm = atomic_load(&guesses->calm);
	guess = guess_find(shard, &digest);
	if (guess != NULL && guess->wrong > 0)
		calm = 0;
	pthread_mutex_unlock(&shard->mutex);
	return calm;
}

bool
guess_probe(struct guesses *guesses, struct text user, const char *address,
    const struct guess_rule *rule)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	struct guess *guess;
	bool allowed;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_find(shard, &digest);
	allowed = guess != NULL && guess->probes < rule->free;
	if (allowed)
		guess->probes++;
	pthread_mutex_unlock(&shard->mutex);
	return allowed;
}

void
guess_probe_right(struct guesses *guesses, struct text user,
    const char *address)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	struct guess *guess;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_find(shard, &digest);
	if (guess != NULL && guess->probes > 0)
		guess->probes--;
	pthread_mutex_unlock(&shard->mutex);
}

void
guess_right(struct guesses *guesses, struct text user, const char *address)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	struct guess *guess;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_find(shard, &digest);
	if (guess != NULL) {
		guess->wrong = 0;
		guess->until_ns = 0;
		if (guess->open > 0)
			guess->open--;
	}
	pthread_mutex_unlock(&shard->mutex);
}

static uint64_t
wait_ns(uint64_t wrong, const struct guess_rule *rule)
{
	uint64_t beyond = wrong - rule->free - 1;
	uint64_t seconds = beyond < 31 ? UINT64_C(1) << beyond : UINT32_MAX;

	if (seconds > rule->longest_seconds)
		seconds = rule->longest_seconds;
	if (seconds > UINT32_MAX)
		seconds = UINT32_MAX;
	return seconds * NS_PER_SECOND;
}

void
guess_wrong(struct guesses *guesses, struct text user, const char *address,
    const struct guess_rule *rule, uint64_t now_ns)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	struct guess *guess;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_take(shard, &digest);
	if (guess->open > 0)
		guess->open--;
	if (guess->wrong < UINT32_MAX)
		guess->wrong++;
	guess->last_ns = now_ns;
	guess->probes = 0;
	if (guess->wrong > rule->free)
		guess->until_ns = now_ns + wait_ns(guess->wrong, rule);
	atomic_fetch_add(&guesses->calm, 1);
	pthread_mutex_unlock(&shard->mutex);
}

void
guess_drop(struct guesses *guesses, struct text user, const char *address)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	struct guess *guess;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_find(shard, &digest);
	if (guess != NULL && guess->open > 0)
		guess->open--;
	pthread_mutex_unlock(&shard->mutex);
}

/* The bytes as sent: of the account's own password each spelling is another. */
static uint64_t
repeat_mark(const struct guesses *guesses, struct secret password)
{
	uint64_t mark;

	_Static_assert(sizeof(mark) == crypto_shorthash_BYTES, "one word");
	crypto_shorthash((unsigned char *)&mark,
	    (const unsigned char *)password.bytes.ptr, password.bytes.len,
	    guesses->repeat_key);
	return mark != 0 ? mark : 1;
}

static bool
repeat_find(const struct guess *guess, uint64_t mark)
{
	bool found = false;

	for (size_t i = 0; i < REPEATS; i++)
		found |= guess->repeat[i] == mark;
	return found;
}

bool
guess_repeats(struct guesses *guesses, struct text user, const char *address,
    struct secret password)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	uint64_t mark = repeat_mark(guesses, password);
	const struct guess *guess;
	bool repeats;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_find(shard, &digest);
	repeats = guess != NULL && repeat_find(guess, mark);
	pthread_mutex_unlock(&shard->mutex);
	return repeats;
}

bool
guess_repeat_note(struct guesses *guesses, struct text user,
    const char *address, struct secret password)
{
	struct digest digest = guess_digest(guesses, user, address);
	struct guess_shard *shard = &guesses->shard[digest_shard(&digest)];
	uint64_t mark = repeat_mark(guesses, password);
	struct guess *guess;
	bool repeats;

	pthread_mutex_lock(&shard->mutex);
	guess = guess_take(shard, &digest);
	repeats = repeat_find(guess, mark);
	if (!repeats) {
		guess->repeat[guess->repeat_next] = mark;
		guess->repeat_next = (guess->repeat_next + 1) % REPEATS;
	}
	pthread_mutex_unlock(&shard->mutex);
	return repeats;
}
