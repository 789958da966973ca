#pragma once

#include "auth/record.h"
#include "dav/sync_walk.h"
#include "store/log_entry.h"

/*
 * What a tombstone means to who asks. What was never seen must not be named
 * when it goes. Its own grants tell, as long as it has them (moved in its
 * cell, or in the trash); unless they changed for the asker since the token
 * (`concerned`): then it may have been seen before.
 */
enum sync_gone {
	SYNC_GONE_NOTHING, /* elsewhere, or what is there now tells of it */
	SYNC_GONE_HIDDEN,  /* never seen */
	SYNC_GONE_NAMED,
	SYNC_GONE_UNKNOWN, /* it had grants, and they are gone too */
	SYNC_GONE_REPLACED /* a collection: its members cannot be told gone */
};

/*
 * Below `root`; the walk then stands on the collection that it left, unless
 * that is NOTHING. `deep`: members of members count too.
 */
enum outcome
sync_gone_judge(struct exchange *exchange, const struct place *root, bool deep,
    const struct log_entry *entry, const struct account_list *concerned,
    struct sync_walk *walk, enum sync_gone *ret_gone) MUST_CHECK;

/* What stands now where it was; NOT_FOUND: nothing. */
enum outcome
sync_gone_taken(struct exchange *exchange, const struct log_entry *entry,
    struct node *ret_node) MUST_CHECK;

bool
account_list_has(const struct account_list *list, uint64_t id);
