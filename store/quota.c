#include "store/quota.h"

#include <stdatomic.h>
#include <sys/statvfs.h>

#include "server/base/clock.h"
#include "server/base/codec.h"
#include "store/keys.h"
#include "store/tree_change.h"

/*
 * Where the numbers stand. A user: KEY_USAGE, the limit and what all trees of
 * the user hold, kept by tree_end(). A cell on a tree of its own: the tree's
 * record and its root. A cell on a folder: the folder's counters, and in the
 * cell's record the trash that came from below it.
 */
enum { USAGE_RECORD = 1 };

static const uint64_t disk_look_ns = NS_PER_SECOND / 5;

struct usage {
	uint64_t limit, used;
};

/* No record yet means no limit and nothing used. */
static enum outcome
usage_find(struct txn *txn, user_id user, struct usage *ret_usage)
{
	struct usage usage;
	struct key key;
	struct text value;
	struct reader reader;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_USAGE, user),
	    &value);

	if (outcome == NOT_FOUND) {
		*ret_usage = (struct usage){ 0 };
		return OK;
	}
	if (outcome != OK)
		return outcome;
	reader = reader_from(value);
	if (reader_u8(&reader) != USAGE_RECORD)
		return DAMAGED;
	usage.limit = reader_u64(&reader);
	usage.used = reader_u64(&reader);
	if (!reader_done(&reader))
		return DAMAGED;
	*ret_usage = usage;
	return OK;
}

static enum outcome
usage_store(struct txn *txn, user_id user, const struct usage *usage)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, USAGE_RECORD);
	writer_u64(&value, usage->limit);
	writer_u64(&value, usage->used);
	outcome = txn_put(txn, key_id(&key, KEY_USAGE, user),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

enum outcome
quota_set_user(struct txn *txn, user_id user, uint64_t limit)
{
	struct usage usage;
	enum outcome outcome = usage_find(txn, user, &usage);

	if (outcome != OK || usage.limit == limit)
		return outcome;
	usage.limit = limit;
	return usage_store(txn, user, &usage);
}

enum outcome
quota_charge(struct txn *txn, user_id owner, int64_t bytes)
{
	struct usage usage;
	enum outcome outcome = usage_find(txn, owner, &usage);

	if (outcome == OK)
		outcome = counter_add(&usage.used, bytes);
	if (outcome != OK)
		return outcome;
	return usage_store(txn, owner, &usage);
}

/* What is left of a limit; 0 is no limit. */
static struct quota
quota_left(uint64_t limit, uint64_t used)
{
	struct quota quota = { .used = used, .available = UINT64_MAX };

	if (limit != 0)
		quota.available = limit > used ? limit - used : 0;
	return quota;
}

enum outcome
quota_of_user(struct txn *txn, user_id user, struct quota *ret_quota)
{
	struct usage usage;
	enum outcome outcome = usage_find(txn, user, &usage);

	if (outcome == OK)
		*ret_quota = quota_left(usage.limit, usage.used);
	return outcome;
}

/* What is kept on and below a node, with trash where that is counted. */
static enum outcome
place_used(struct txn *txn, const struct node *old, uint64_t trash,
    uint64_t *ret_used)
{
	struct node node;
	struct tree tree = { 0 };
	enum outcome outcome = node_find(txn, old->parent, old->key, &node);

	if (outcome == OK && node.parent == 0)
		outcome = tree_get(txn, node.id, &tree);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	*ret_used = node_weight(&node) + tree.trash_bytes + trash;
	return OK;
}

/* Of one node of a trail, if a cell with a limit stands on it. */
static enum outcome
quota_of_node(struct txn *txn, const struct node *node, struct quota *ret_quota)
{
	struct quota none = { .available = UINT64_MAX };
	struct cell cell;
	uint64_t used = 0;
	enum outcome outcome;

	*ret_quota = none;
	if ((node->flags & NODE_IS_CELL_ROOT) == 0)
		return OK;
	outcome = cell_find_root(txn, node->id, &cell);
	if (outcome == NOT_FOUND)
		return OK;
	if (outcome != OK || cell.quota == 0)
		return outcome;
	outcome = place_used(txn, node, cell.trash_bytes, &used);
	if (outcome == OK)
		*ret_quota = quota_left(cell.quota, used);
	return outcome;
}

static void
quota_narrow(struct quota *quota, const struct quota *limit)
{
	if (limit->available < quota->available)
		*quota = *limit;
}

/* The tightest limit of the cells on node[from] .. and of an owner. */
static enum outcome
quota_of_trail(struct txn *txn, const struct trail *trail, size_t from,
    user_id owner, struct quota *quota)
{
	struct quota limit;

	for (size_t i = from; i < trail->count; i++) {
		enum outcome outcome = quota_of_node(txn, &trail->node[i],
		    &limit);

		if (outcome != OK)
			return outcome;
		quota_narrow(quota, &limit);
	}
	if (owner != 0) {
		enum outcome outcome = quota_of_user(txn, owner, &limit);

		if (outcome != OK)
			return outcome;
		quota_narrow(quota, &limit);
	}
	return OK;
}

enum outcome
quota_fits(struct txn *txn, const struct trail *trail, size_t from,
    user_id owner, int64_t bytes)
{
	struct quota quota = { .available = UINT64_MAX };
	enum outcome outcome;

	if (bytes <= 0)
		return OK;
	outcome = quota_of_trail(txn, trail, from, owner, &quota);
	if (outcome != OK)
		return outcome;
	return (uint64_t)bytes > quota.available ? NO_SPACE : OK;
}

/* What the disk can take; no folder, no disk to ask. */
static uint64_t
disk_look(const struct store *store)
{
	struct statvfs disk;
	uint64_t bytes;

	if (store->path == NULL || statvfs(store->path, &disk) != 0)
		return UINT64_MAX;
	if (__builtin_mul_overflow((uint64_t)disk.f_bavail,
		(uint64_t)disk.f_frsize, &bytes))
		return UINT64_MAX;
	return bytes;
}

/*
 * Looked up a few times a second and not for each request: what fills the disk
 * in between is refused by the disk itself.
 */
static uint64_t
disk_available(struct store *store)
{
	uint64_t now = clock_monotonic_ns();
	uint64_t looked = atomic_load(&store->disk_looked_ns);

	uint64_t reserve = store->conf->store.reserve, bytes;

	if (looked == 0 || now - looked >= disk_look_ns) {
		atomic_store(&store->disk_available, disk_look(store));
		atomic_store(&store->disk_looked_ns, now);
	}
	bytes = atomic_load(&store->disk_available);
	if (bytes == UINT64_MAX)
		return bytes;
	return bytes > reserve ? bytes - reserve : 0;
}

enum outcome
quota_of(struct txn *txn, struct store *store, const struct trail *trail,
    struct quota *ret_quota)
{
	struct quota quota = { .available = disk_available(store) };
	struct tree tree;
	enum outcome outcome = tree_get(txn, trail->node[0].id, &tree);

	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	outcome = place_used(txn, &trail->node[trail->base], 0, &quota.used);
	if (outcome == OK)
		outcome = quota_of_trail(txn, trail, 0, tree.owner, &quota);
	if (outcome == OK)
		*ret_quota = quota;
	return outcome;
}

enum outcome
quota_check(struct txn *txn, struct store *store, const struct trail *trail,
    uint64_t bytes)
{
	struct quota quota;
	enum outcome outcome;

	if (bytes == 0)
		return OK;
	outcome = quota_of(txn, store, trail, &quota);
	if (outcome != OK)
		return outcome;
	return bytes > quota.available ? NO_SPACE : OK;
}
