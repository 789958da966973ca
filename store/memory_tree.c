#include "store/memory_tree.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "server/base/memory.h"

/* What a stored pair costs beside its bytes, about. */
static const uint64_t pair_cost = sizeof(struct pair) + sizeof(struct branch);

struct text
pair_key(const struct pair *pair)
{
	return (struct text){ pair->bytes, pair->key_len };
}

struct text
pair_value(const struct pair *pair)
{
	return (struct text){ pair->bytes + pair->key_len, pair->value_len };
}

uint64_t
pair_size_of(struct text key, struct text value)
{
	return pair_cost + key.len + value.len;
}

uint64_t
pair_size(const struct pair *pair)
{
	return pair_size_of(pair_key(pair), pair_value(pair));
}

struct pair *
pair_new(struct text key, struct text value)
{
	struct pair *pair = memory_alloc(sizeof(*pair) + key.len + value.len);

	atomic_init(&pair->users, 1);
	pair->key_len = key.len;
	pair->value_len = value.len;
	memcpy(pair->bytes, key.ptr, key.len);
	if (value.len > 0)
		memcpy(pair->bytes + key.len, value.ptr, value.len);
	return pair;
}

struct pair *
pair_ref(struct pair *pair)
{
	atomic_fetch_add(&pair->users, 1);
	return pair;
}

void
pair_unref(struct pair *pair)
{
	if (pair != NULL && atomic_fetch_sub(&pair->users, 1) == 1)
		free(pair);
}

struct branch *
branch_ref(struct branch *branch)
{
	if (branch != NULL)
		atomic_fetch_add(&branch->users, 1);
	return branch;
}

void
branch_unref(struct branch *branch)
{
	if (branch == NULL || atomic_fetch_sub(&branch->users, 1) != 1)
		return;
	branch_unref(branch->left);
	branch_unref(branch->right);
	pair_unref(branch->pair);
	free(branch);
}

/* Takes over the counts of all three. */
static struct branch *
branch_new(struct pair *pair, struct branch *left, struct branch *right)
{
	struct branch *branch = memory_alloc(sizeof(*branch));

	atomic_init(&branch->users, 1);
	branch->priority = XXH3_64bits(pair->bytes, pair->key_len);
	branch->pair = pair;
	branch->left = left;
	branch->right = right;
	return branch;
}

/* A child of higher priority is rotated up: both are fresh, nobody saw them. */
struct branch *
treap_with(struct branch *root, struct pair *pair)
{
	struct branch *top, *child;
	int order;

	if (root == NULL)
		return branch_new(pair, NULL, NULL);
	order = text_compare(pair_key(pair), pair_key(root->pair));
	if (order == 0)
		return branch_new(pair, branch_ref(root->left),
		    branch_ref(root->right));
	child = treap_with(order < 0 ? root->left : root->right, pair);
	if (order < 0) {
		top = branch_new(pair_ref(root->pair), child,
		    branch_ref(root->right));
		if (child->priority <= top->priority)
			return top;
		top->left = child->right;
		child->right = top;
	} else {
		top = branch_new(pair_ref(root->pair), branch_ref(root->left),
		    child);
		if (child->priority <= top->priority)
			return top;
		top->right = child->left;
		child->left = top;
	}
	return child;
}

/* A tree of all of `left` and all of `right`, which lies behind it. */
static struct branch *
treap_joined(struct branch *left, struct branch *right)
{
	if (left == NULL)
		return branch_ref(right);
	if (right == NULL)
		return branch_ref(left);
	if (left->priority > right->priority)
		return branch_new(pair_ref(left->pair), branch_ref(left->left),
		    treap_joined(left->right, right));
	return branch_new(pair_ref(right->pair),
	    treap_joined(left, right->left), branch_ref(right->right));
}

struct branch *
treap_without(struct branch *root, struct text key)
{
	int order = text_compare(key, pair_key(root->pair));

	if (order == 0)
		return treap_joined(root->left, root->right);
	if (order < 0)
		return branch_new(pair_ref(root->pair),
		    treap_without(root->left, key), branch_ref(root->right));
	return branch_new(pair_ref(root->pair), branch_ref(root->left),
	    treap_without(root->right, key));
}

struct pair *
treap_find(const struct branch *root, struct text key)
{
	while (root != NULL) {
		int order = text_compare(key, pair_key(root->pair));

		if (order == 0)
			return root->pair;
		root = order < 0 ? root->left : root->right;
	}
	return NULL;
}

struct pair *
treap_after(const struct branch *root, struct text key, enum treap_from from)
{
	struct pair *best = NULL;

	while (root != NULL) {
		int order = text_compare(pair_key(root->pair), key);

		if (order > 0 || (order == 0 && from == KEY_OR_EQUAL)) {
			best = root->pair;
			root = root->left;
		} else {
			root = root->right;
		}
	}
	return best;
}

struct pair *
treap_before(const struct branch *root, struct text key)
{
	struct pair *best = NULL;

	while (root != NULL) {
		if (text_compare(pair_key(root->pair), key) < 0) {
			best = root->pair;
			root = root->right;
		} else {
			root = root->left;
		}
	}
	return best;
}
