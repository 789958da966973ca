#pragma once

#include "store/media.h"
#include "store/store.h"

/*
 * Media types that are decided later. A small content that neither its bytes
 * nor its name tell plainly is stored without a type (node.media empty) and
 * goes into a list of the engine by the same transaction, so a crash forgets
 * none. Who serves works the list off: take, decide, settle. Until then the
 * file is bytes to everybody (node_media_now()), which no browser runs; neither
 * its entity-tag nor those above change when the type is known.
 */
enum { LATER_MAX = 32 };

struct later_item {
	node_id node;
	uint64_t etag; /* of the content that was looked at */
	size_t name_len, head_len;
	char name[255], head[MEDIA_SNIFF_BYTES];
	char type[MEDIA_TYPE_MAX + 1]; /* empty: nothing to be decided */
};

struct later {
	size_t count;
	struct later_item item[LATER_MAX];
};

/* In the change that stores a node without a type. */
enum outcome
later_add(struct txn *txn, node_id node) MUST_CHECK;

/* The next of the list, with the first bytes of each; count 0: none. */
enum outcome
later_take(struct store *store, struct later *ret_later) MUST_CHECK;

/* Asks libmagic about one; touches nothing else. */
void
later_decide(struct media_cookie *cookie, struct later_item *item);

/* Stores what was decided, in one change of all. */
enum outcome
later_settle(struct store *store, struct later *later) ON_WORKER MUST_CHECK;
