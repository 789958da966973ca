#include "store/ends.h"

#include "server/base/clock.h"
#include "store/keys.h"
#include "store/meta.h"
#include "store/scopes.h"

enum { KEEP_SECONDS = 60 };

enum outcome
ends_read(struct txn *txn, uint64_t *ret_ns)
{
	struct key key;
	struct text value;
	uint64_t ns = 0;
	enum outcome outcome = txn_get(txn,
	    key_text(&key, KEY_META, TEXT("ends")), &value);

	if (outcome == OK)
		outcome = meta_decode(value, &ns);
	if (outcome != OK && outcome != NOT_FOUND)
		return outcome;
	*ret_ns = ns;
	return OK;
}

/* Another may have written since: its number stays, and is seen next time. */
struct keep {
	uint64_t known_ns, now_ns;
	bool written;
};

static enum outcome
keep_write(struct txn *txn, void *context)
{
	struct keep *keep = context;
	uint64_t stored_ns;
	enum outcome outcome = ends_read(txn, &stored_ns);

	keep->written = outcome == OK && stored_ns == keep->known_ns;
	if (!keep->written)
		return outcome;
	return meta_put(txn, TEXT("ends"), keep->now_ns);
}

static enum outcome
kept_look(struct store *store, struct ends_pace *pace)
{
	SCOPED(txn) struct txn *txn = NULL;
	uint64_t stored_ns;
	enum outcome outcome = txn_begin_read(store->engine, &txn);

	if (outcome == OK)
		outcome = ends_read(txn, &stored_ns);
	if (outcome != OK)
		return outcome;
	if (pace->begun && stored_ns != pace->known_ns)
		clock_ends_reset();
	pace->known_ns = stored_ns;
	pace->begun = true;
	return OK;
}

enum outcome
ends_keep(struct store *store, struct ends_pace *pace, bool last)
{
	struct keep keep;
	uint64_t now_ns = clock_monotonic_ns();
	enum outcome outcome = kept_look(store, pace);

	pace->asked = clock_ends_was_asked() || pace->asked;
	if (outcome != OK || !pace->asked ||
	    (!last && pace->tried_ns != 0 &&
		now_ns - pace->tried_ns < KEEP_SECONDS * NS_PER_SECOND))
		return outcome;
	pace->tried_ns = now_ns;
	keep = (struct keep){ .known_ns = pace->known_ns,
		.now_ns = clock_ends_look_ns() };
	outcome = store_change(store, keep_write, &keep);
	if (outcome != OK || !keep.written)
		return outcome;
	pace->known_ns = keep.now_ns;
	pace->asked = false;
	return OK;
}

static enum outcome
reset_write(struct txn *txn, void *context)
{
	const uint64_t *now_ns = context;

	return meta_put(txn, TEXT("ends"), *now_ns);
}

enum outcome
ends_reset(struct store *store)
{
	uint64_t now_ns;

	clock_ends_reset();
	now_ns = clock_ends_look_ns();
	return store_change(store, reset_write, &now_ns);
}
