#include "auth/known.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "auth/accounts.h"
#include "server/base/clock.h"
#include "server/base/memory.h"
#include "server/base/random.h"
#include "server/base/thread.h"

/*
 * A table of sets of a few entries, chosen by the digest. What does not fit
 * the bounds of an entry is not kept, and signs in the long way each time.
 */
enum {
	TABLES = 16,
	SETS = 128,
	WAYS = 4,
	FIELD_MAX = 512,
	GROUPS_MAX = 64,
	DIGEST_SIZE = crypto_shorthash_siphashx24_BYTES
};

struct entry {
	unsigned char digest[DIGEST_SIZE];
	uint64_t until_ns; /* monotonic; 0: free */
	uint64_t calm;
	uint64_t mark;            /* of accounts.h */
	struct snapshot snapshot; /* where it was last seen to stand */
	struct principal principal;
	char *block; /* owned: groups, name, display */
	size_t block_len;
};

struct table {
	pthread_mutex_t mutex; /* guards entry */
	struct entry *entry;   /* owned; NULL before the first */
};

struct known {
	unsigned char key[crypto_shorthash_siphashx24_KEYBYTES];
	struct table table[TABLES];
};

struct known *
known_new(void)
{
	struct known *known = memory_alloc(sizeof(*known));

	random_fill(known->key, sizeof(known->key));
	for (size_t i = 0; i < TABLES; i++)
		pthread_mutex_init(&known->table[i].mutex, NULL);
	return known;
}

static void
entry_clear(struct entry *entry)
{
	free(entry->block);
	*entry = (struct entry){ 0 };
}

void
known_free(struct known *known)
{
	if (known == NULL)
		return;
	for (size_t i = 0; i < TABLES; i++) {
		struct table *table = &known->table[i];

		for (size_t at = 0; table->entry != NULL && at < SETS * WAYS;
		    at++)
			entry_clear(&table->entry[at]);
		free(table->entry);
		pthread_mutex_destroy(&table->mutex);
	}
	secret_wipe(known->key, sizeof(known->key));
	free(known);
}

/* The NUL behind the address keeps it apart from the field. */
static bool
digest_make(const struct known *known, const struct known_ask *ask,
    unsigned char digest[DIGEST_SIZE])
{
	unsigned char bytes[FIELD_MAX];
	size_t address = strlen(ask->address) + 1;

	if (ask->field.len == 0 || address + ask->field.len > sizeof(bytes))
		return false;
	memcpy(bytes, ask->address, address);
	memcpy(bytes + address, ask->field.ptr, ask->field.len);
	crypto_shorthash_siphashx24(digest, bytes, address + ask->field.len,
	    known->key);
	secret_wipe(bytes, address + ask->field.len);
	return true;
}

static struct table *
table_of(struct known *known)
{
	return &known->table[thread_number() % TABLES];
}

static struct entry *
set_of(const struct table *table, const unsigned char digest[DIGEST_SIZE])
{
	size_t set = (size_t)digest[0] << 8 | digest[1];

	return &table->entry[set % SETS * WAYS];
}

/* Two words at a time, which tells nothing. */
static bool
digest_equal(const unsigned char a[DIGEST_SIZE],
    const unsigned char b[DIGEST_SIZE])
{
	uint64_t one[2], other[2];

	_Static_assert(sizeof(one) == DIGEST_SIZE, "a digest is two words");
	memcpy(one, a, sizeof(one));
	memcpy(other, b, sizeof(other));
	return ((one[0] ^ other[0]) | (one[1] ^ other[1])) == 0;
}

static struct entry *
entry_find(const struct table *table, const unsigned char digest[DIGEST_SIZE])
{
	struct entry *set;

	if (table->entry == NULL)
		return NULL;
	set = set_of(table, digest);
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].until_ns != 0 && digest_equal(set[i].digest, digest))
			return &set[i];
	return NULL;
}

/* The mark is read once a snapshot: what reads the same has the same mark. */
static bool
entry_stands(struct entry *entry, const struct known_ask *ask)
{
	struct snapshot snapshot = txn_snapshot(ask->txn);
	uint64_t mark;

	if (ask->now_ns >= entry->until_ns || ask->calm != entry->calm)
		return false;
	if (snapshot_equal(snapshot, entry->snapshot))
		return true;
	if (accounts_mark(ask->txn, &mark) != OK || mark != entry->mark)
		return false;
	entry->snapshot = snapshot;
	return true;
}

/* In the order of the block: groups, which need alignment, then texts. */
static void
principal_point(struct principal *principal, char *block)
{
	size_t groups = principal->group_count * sizeof(user_id);

	principal->group = (const user_id *)(void *)block;
	principal->name.ptr = block + groups;
	principal->display.ptr = principal->name.ptr + principal->name.len;
}

bool
known_find(struct known *known, const struct known_ask *ask,
    struct arena *arena, struct principal *ret_principal)
{
	struct table *table = table_of(known);
	unsigned char digest[DIGEST_SIZE];
	struct entry *entry;
	char *block = NULL;

	if (!digest_make(known, ask, digest))
		return false;
	pthread_mutex_lock(&table->mutex);
	entry = entry_find(table, digest);
	if (entry != NULL && entry_stands(entry, ask)) {
		block = arena_alloc(arena, entry->block_len);
		memcpy(block, entry->block, entry->block_len);
		*ret_principal = entry->principal;
	}
	pthread_mutex_unlock(&table->mutex);
	if (block == NULL)
		return false;
	principal_point(ret_principal, block);
	return true;
}

/* The entry of this digest, or the one that ends first. */
static struct entry *
entry_take(struct table *table, const unsigned char digest[DIGEST_SIZE])
{
	struct entry *set, *slot;

	if (table->entry == NULL)
		table->entry = memory_array(SETS * WAYS, sizeof(*table->entry));
	slot = entry_find(table, digest);
	if (slot != NULL)
		return slot;
	set = set_of(table, digest);
	slot = set;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].until_ns < slot->until_ns)
			slot = &set[i];
	return slot;
}

static void
entry_fill(struct entry *entry, const struct principal *principal)
{
	size_t groups = principal->group_count * sizeof(user_id);
	char *at;

	entry->principal = *principal;
	entry->block_len = groups + principal->name.len +
	    principal->display.len;
	entry->block = memory_alloc(entry->block_len);
	if (groups > 0)
		memcpy(entry->block, principal->group, groups);
	at = entry->block + groups;
	if (principal->name.len > 0)
		memcpy(at, principal->name.ptr, principal->name.len);
	if (principal->display.len > 0)
		memcpy(at + principal->name.len, principal->display.ptr,
		    principal->display.len);
}

void
known_add(struct known *known, const struct known_ask *ask, uint64_t until_ns,
    const struct principal *principal)
{
	struct table *table = table_of(known);
	unsigned char digest[DIGEST_SIZE];
	uint64_t most_ns = ask->now_ns + KNOWN_SECONDS * NS_PER_SECOND, mark;
	struct entry *entry;

	if (principal->group_count > GROUPS_MAX || until_ns <= ask->now_ns ||
	    accounts_mark(ask->txn, &mark) != OK ||
	    !digest_make(known, ask, digest))
		return;
	pthread_mutex_lock(&table->mutex);
	entry = entry_take(table, digest);
	entry_clear(entry);
	memcpy(entry->digest, digest, sizeof(digest));
	entry->until_ns = until_ns < most_ns ? until_ns : most_ns;
	entry->calm = ask->calm;
	entry->mark = mark;
	entry->snapshot = txn_snapshot(ask->txn);
	entry_fill(entry, principal);
	pthread_mutex_unlock(&table->mutex);
}
