#pragma once

#include "store/engine.h"

/*
 * A mark that is drawn anew, in the same transaction, with each change of an
 * account, an app password or a membership: while it stands, who signed in
 * before would sign in again as the same. It is random and no count, so that a
 * store that fell back to an older state can never show a later mark again.
 */
enum outcome
accounts_changed(struct txn *txn) MUST_CHECK;

/* 0 before the first change. */
enum outcome
accounts_mark(struct txn *txn, uint64_t *ret_mark) MUST_CHECK;
