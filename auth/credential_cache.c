#include "auth/credential_cache.h"

#include <sodium.h>
#include <stdlib.h>

#include "auth/shard.h"
#include "server/base/codec.h"
#include "server/base/memory.h"
#include "server/base/random.h"

struct cached {
	struct digest digest;
	user_id id;
	uint64_t until_ns; /* monotonic; 0: free */
};

struct cache_shard {
	pthread_mutex_t mutex; /* guards cached */
	struct cached cached[SET_COUNT * SET_WAYS];
};

struct credential_cache {
	unsigned char key[crypto_generichash_KEYBYTES];
	struct cache_shard *shard; /* owned, SHARD_COUNT */
};

struct credential_cache *
credential_cache_new(void)
{
	struct credential_cache *cache = memory_alloc(sizeof(*cache));

	random_fill(cache->key, sizeof(cache->key));
	cache->shard = memory_array(SHARD_COUNT, sizeof(*cache->shard));
	for (size_t i = 0; i < SHARD_COUNT; i++)
		pthread_mutex_init(&cache->shard[i].mutex, NULL);
	return cache;
}

void
credential_cache_free(struct credential_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < SHARD_COUNT; i++)
		pthread_mutex_destroy(&cache->shard[i].mutex);
	secret_wipe(cache->key, sizeof(cache->key));
	free(cache->shard);
	free(cache);
}

/* Lengths come first, so that no two credentials are one string of bytes. */
static struct digest
credential_digest(const struct credential_cache *cache,
    const struct credential *credential)
{
	crypto_generichash_state state;
	unsigned char head[2 * sizeof(uint64_t)];
	struct digest digest;

	key_store_u64(head, credential->password_version);
	key_store_u64(head + sizeof(uint64_t), credential->user.len);
	crypto_generichash_init(&state, cache->key, sizeof(cache->key),
	    sizeof(digest.bytes));
	crypto_generichash_update(&state, head, sizeof(head));
	crypto_generichash_update(&state,
	    (const unsigned char *)credential->user.ptr, credential->user.len);
	crypto_generichash_update(&state,
	    (const unsigned char *)credential->password.bytes.ptr,
	    credential->password.bytes.len);
	crypto_generichash_final(&state, digest.bytes, sizeof(digest.bytes));
	return digest;
}

static bool
is_same(const struct cached *cached, const struct digest *digest)
{
	return cached->until_ns != 0 &&
	    sodium_memcmp(cached->digest.bytes, digest->bytes,
		sizeof(digest->bytes)) == 0;
}

uint64_t
credential_cache_until(struct credential_cache *cache,
    const struct credential *credential, uint64_t now_ns)
{
	struct digest digest = credential_digest(cache, credential);
	struct cache_shard *shard = &cache->shard[digest_shard(&digest)];
	struct cached *set = &shard->cached[digest_set(&digest)];
	uint64_t until_ns = 0;

	pthread_mutex_lock(&shard->mutex);
	for (size_t i = 0; i < SET_WAYS && until_ns == 0; i++) {
		if (is_same(&set[i], &digest) && set[i].id == credential->id &&
		    now_ns < set[i].until_ns)
			until_ns = set[i].until_ns;
	}
	pthread_mutex_unlock(&shard->mutex);
	return until_ns;
}

void
credential_cache_add(struct credential_cache *cache,
    const struct credential *credential, uint64_t now_ns, uint64_t until_ns)
{
	struct digest digest = credential_digest(cache, credential);
	struct cache_shard *shard = &cache->shard[digest_shard(&digest)];
	struct cached *set = &shard->cached[digest_set(&digest)];
	struct cached *slot = set;

	if (until_ns <= now_ns)
		return;
	pthread_mutex_lock(&shard->mutex);
	for (size_t i = 0; i < SET_WAYS; i++) {
		if (is_same(&set[i], &digest)) {
			slot = &set[i];
			break;
		}
		if (set[i].until_ns < slot->until_ns)
			slot = &set[i];
	}
	*slot = (struct cached){ digest, credential->id, until_ns };
	pthread_mutex_unlock(&shard->mutex);
}
