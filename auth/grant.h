#pragma once

#include "auth/principal.h"
#include "store/node.h"

/*
 * A grant: subject x node x atoms, for a period, given by somebody who must
 * hold what is given at every use. Bound to node ids, not to paths.
 */
struct grant {
	uint64_t id;
	node_id node;
	user_id subject; /* a user or a group */
	bool subject_is_group;
	struct text preset;         /* its name, empty for atoms */
	atom_set atoms;             /* closed */
	uint32_t rules;             /* enum preset_rule */
	uint64_t from_ns, until_ns; /* 0: open; inclusive, exclusive */
	user_id granter;            /* 0: the cell's owner, whoever it is */
	uint64_t created_ns;
};

/* Replaces an older grant of the same subject on the node. */
enum outcome
grant_set(struct txn *txn, struct store *store, const struct trail *trail,
    struct grant *grant) MUST_CHECK;

/* NOT_FOUND. */
enum outcome
grant_revoke(struct txn *txn, const struct trail *trail, user_id subject)
    MUST_CHECK;

typedef bool (*grant_each_fn)(const struct grant *grant, void *context);

/* Of one node. */
enum outcome
grant_each(struct txn *txn, node_id node, grant_each_fn visit, void *context)
    MUST_CHECK;

/* All grants below and on a node go (moved out of its cell). */
enum outcome
grant_remove_tree(struct txn *txn, const struct node *node) MUST_CHECK;
