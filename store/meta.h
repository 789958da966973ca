#pragma once

#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/outcome.h"
#include "store/engine.h"
#include "store/store.h"

/*
 * What a store says about itself, under KEY_META:
 *
 *   "format"    number of the layout of all keys and values
 *   "identity"  random, made once
 *   "ids"       first id that nobody has reserved
 *   "ends"      how late it was when an end was judged last (store/ends.h)
 *   "accounts"  drawn anew with each change of an account (auth/accounts.h)
 *
 * Ids are reserved in blocks of 2^40, one for each opening, so that giving
 * one costs no write; the id at a block's beginning is never given.
 */
enum { META_ID_BITS = 40 };

struct meta {
	uint64_t format, identity;
	uint64_t ends; /* 0: none */
	uint64_t ids;  /* meta_open: the block that was reserved */
};

/*
 * Makes (STORE_CREATE), checks, migrates, reserves, and raises the clock for
 * ends. `message` says why
 * not: EXISTS, NOT_FOUND (no store), UNSUPPORTED (newer), DAMAGED.
 */
enum outcome
meta_open(struct engine *engine, enum store_open how, const char *path,
    struct buffer *message, struct meta *ret_meta) MUST_CHECK;

/* As it stands; NOT_FOUND when there is none. */
enum outcome
meta_read(struct txn *txn, struct meta *ret_meta) MUST_CHECK;

/* One number; DAMAGED when the bytes are none. For fuzzing too. */
enum outcome
meta_decode(struct text value, uint64_t *ret_number) MUST_CHECK;

enum outcome
meta_put(struct txn *txn, struct text name, uint64_t number) MUST_CHECK;
