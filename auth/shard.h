#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How the two tables that all loops share are laid out: shards with a mutex of
 * their own, held for some hundred nanoseconds; in a shard, sets of a few
 * entries that are searched in full. A digest under a random key of this
 * process chooses shard and set, so nobody outside can aim at one.
 */
enum { SHARD_COUNT = 16, SET_COUNT = 512, SET_WAYS = 8, DIGEST_BYTES = 32 };

struct digest {
	unsigned char bytes[DIGEST_BYTES];
};

static inline size_t
digest_shard(const struct digest *digest)
{
	return digest->bytes[0] % SHARD_COUNT;
}

/* Index of the first entry of the digest's set. */
static inline size_t
digest_set(const struct digest *digest)
{
	size_t set = (size_t)digest->bytes[1] << 8 | digest->bytes[2];

	return set % SET_COUNT * SET_WAYS;
}
