#pragma once

#include "store/blobs.h"
#include "store/keys.h"
#include "store/maintain_report.h"
#include "store/scopes.h"
#include "store/tree_change.h"

/*
 * What the parts of verify share. One read transaction is one state of the
 * store; what is counted in one part is compared in another:
 *
 *   trees   every node from the roots down: places, counters, versions
 *   keys    every key and value: decoded, and what it names exists
 *   blobs   references counted against records, records against files
 */
struct pair_list { /* numbers by id, summed up when sorted */
	struct id_number {
		uint64_t id, number;
	} *pair; /* owned */
	size_t count, room;
};

struct verify {
	struct store *store; /* engine and blobs only */
	struct txn *txn;
	struct maintain *maintain;
	uint64_t ids_end; /* first id that nobody has reserved */

	struct id_list references; /* one for each naming of a blob */
	struct id_list parents;    /* that were walked */
	struct id_list freed;      /* nodes, parents, trees in the queue */
	struct pair_list used;     /* owner, bytes of a tree */
	struct pair_list locks;    /* principal, 1 */
	uint64_t nodes, versions;  /* walked */
	uint64_t kinds[256];       /* keys seen */
	uint64_t keys, keys_all;
};

void
pair_list_add(struct pair_list *list, uint64_t id, uint64_t number);

/* Sorted, with one pair for each id. */
void
pair_list_sum(struct pair_list *list);

void
pair_list_done(struct pair_list *list);

/* All three parts; frees what they have gathered. */
enum outcome
verify_run(struct verify *verify) MUST_CHECK;

/* Each OK unless the engine could not be read; findings are no failure. */
enum outcome
verify_trees(struct verify *verify) MUST_CHECK;

enum outcome
verify_keys(struct verify *verify) MUST_CHECK;

enum outcome
verify_blobs(struct verify *verify) MUST_CHECK;

#define HEX(id) (unsigned long long)(id)
