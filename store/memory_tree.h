#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/text.h"

/*
 * The persistent tree of the memory engine: a treap (a binary tree ordered by
 * key, a heap by the hash of the key, so its shape depends on its keys alone).
 * Branches are never changed once a tree holds them: a write copies the path
 * from the root and shares the rest by counting. Any thread may read and
 * count; NULL is the empty tree.
 */
struct pair {
	_Atomic size_t users;
	size_t key_len, value_len;
	char bytes[]; /* key, then value */
};

struct branch {
	_Atomic size_t users;
	uint64_t priority;
	struct pair *pair;           /* counted */
	struct branch *left, *right; /* counted, NULL when there is none */
};

/* Bytes that it occupies, about. */
uint64_t
pair_size(const struct pair *pair);

/* The same before it is made. */
uint64_t
pair_size_of(struct text key, struct text value);

struct text
pair_key(const struct pair *pair);

struct text
pair_value(const struct pair *pair);

struct pair *
pair_new(struct text key, struct text value);

struct pair *
pair_ref(struct pair *pair);

/* NULL is allowed. */
void
pair_unref(struct pair *pair);

struct branch *
branch_ref(struct branch *branch);

void
branch_unref(struct branch *branch);

/* A tree like `root` with the pair in it. Takes over the pair's count. */
struct branch *
treap_with(struct branch *root, struct pair *pair);

/* A tree like `root` without the key, which must be in it. */
struct branch *
treap_without(struct branch *root, struct text key);

/* NULL when it is not there. All three lend the tree's own count. */
struct pair *
treap_find(const struct branch *root, struct text key);

/* The first key > `key`; KEY_OR_EQUAL: or the key itself. */
enum treap_from { KEY_BEHIND, KEY_OR_EQUAL };

struct pair *
treap_after(const struct branch *root, struct text key, enum treap_from from);

/* The last key < `key`. */
struct pair *
treap_before(const struct branch *root, struct text key);
