#include "store/lock.h"

#include <string.h>

#include "server/base/clock.h"
#include "server/base/codec.h"
#include "server/base/encode.h"
#include "store/keys.h"
#include "store/lock_record.h"
#include "store/tree.h"

/*
 * Asking for locks and changing them. Which nodes carry locks is told by
 * their flag and by tree_locks of collections, so a question costs one look
 * at each ancestor and goes down only where there is something.
 */
static struct text
token_text(const unsigned char *token)
{
	return (struct text){ (const char *)token, LOCK_TOKEN_BYTES };
}

struct text
lock_token_format(struct arena *arena, const unsigned char *token)
{
	struct text hex = hex_encode(arena, token_text(token));

	return arena_format(arena, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s",
	    hex.ptr, hex.ptr + 8, hex.ptr + 12, hex.ptr + 16, hex.ptr + 20);
}

static int
hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

/* RFC 4122 3: digits are read in either case, the prefix too (URN). */
bool
lock_token_parse(struct text text, unsigned char *ret_token)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	struct text prefix = TEXT("urn:uuid:");
	unsigned char token[LOCK_TOKEN_BYTES] = { 0 };
	size_t digits = 0;

	if (!text_starts_nocase(text, prefix) ||
	    text.len != prefix.len + sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		char byte = text.ptr[prefix.len + i];
		int digit = hex_digit(byte);

		if (shape[i] == '-' ? byte != '-' : digit < 0)
			return false;
		if (shape[i] == '-')
			continue;
		token[digits / 2] = (unsigned char)(token[digits / 2] << 4 |
		    digit);
		digits++;
	}
	memcpy(ret_token, token, sizeof(token));
	return true;
}

/* Of one node, those that live; `infinite`: only of that depth. */
static enum outcome
take_locks(struct txn *txn, struct lock_list *list, node_id node, bool infinite)
{
	struct lock_filter filter = { .now_ns = list->now_ns,
		.infinite = infinite };

	return lock_list_add(txn, list, node, &filter);
}

enum outcome
lock_covering(struct txn *txn, struct arena *arena, const struct trail *trail,
    uint64_t now_ns, struct lock **ret_lock, size_t *ret_count)
{
	struct lock_list list = {
		.arena = arena, .now_ns = now_ns, .max = SIZE_MAX
	};

	for (size_t i = 0; i < trail->count; i++) {
		bool own = trail->missing == 0 && i + 1 == trail->count;
		enum outcome outcome;

		if ((trail->node[i].flags & NODE_HAS_LOCKS) == 0)
			continue;
		outcome = take_locks(txn, &list, trail->node[i].id, !own);
		if (outcome != OK)
			return outcome;
	}
	*ret_lock = list.lock;
	*ret_count = list.count;
	return OK;
}

/* Collections with locks below that were seen, to be entered later. */
struct descent {
	struct arena *arena;
	node_id *locked, *enter;
	size_t locked_count, enter_count, locked_room, enter_room;
};

static void
ids_add(struct arena *arena, node_id **ids, size_t *room, size_t count,
    node_id id)
{
	if (count == *room) {
		size_t more = *room == 0 ? 16 : *room * 2;
		node_id *grown = ARENA_ARRAY(arena, more, node_id);

		if (count > 0)
			memcpy(grown, *ids, count * sizeof(**ids));
		*ids = grown;
		*room = more;
	}
	(*ids)[count] = id;
}

static bool
descend(const struct node *node, void *context)
{
	struct descent *descent = context;

	if ((node->flags & NODE_HAS_LOCKS) != 0)
		ids_add(descent->arena, &descent->locked, &descent->locked_room,
		    descent->locked_count++, node->id);
	if (node->tree_locks > 0)
		ids_add(descent->arena, &descent->enter, &descent->enter_room,
		    descent->enter_count++, node->id);
	return true;
}

/* The nodes below that carry locks. */
static enum outcome
locked_below(struct txn *txn, const struct node *node, struct descent *descent)
{
	size_t next = 0;
	node_id id = node->id;

	if (node->tree_locks == 0)
		return OK;
	for (;;) {
		enum outcome outcome = node_each(txn, id, TEXT_NONE, descend,
		    descent);

		if (outcome != OK || next == descent->enter_count)
			return outcome;
		id = descent->enter[next++];
	}
}

enum outcome
lock_below(struct txn *txn, struct arena *arena, const struct node *node,
    uint64_t now_ns, size_t max, struct lock **ret_lock, size_t *ret_count)
{
	struct lock_list list = {
		.arena = arena, .now_ns = now_ns, .max = max
	};
	struct descent descent = { .arena = arena };
	enum outcome outcome = locked_below(txn, node, &descent);

	for (size_t i = 0; outcome == OK && i < descent.locked_count; i++)
		outcome = take_locks(txn, &list, descent.locked[i], false);
	if (outcome != OK)
		return outcome;
	*ret_lock = list.lock;
	*ret_count = list.count;
	return OK;
}

/* RFC 4918 6.2: only shared beside shared. */
static bool
locks_conflict(const struct lock *wanted, const struct lock *held, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (wanted->exclusive || held[i].exclusive)
			return true;
	return false;
}

static enum outcome
lock_check(struct txn *txn, struct arena *arena, const struct trail *trail,
    const struct lock *lock, uint64_t now_ns)
{
	struct lock *held;
	size_t count;
	struct node node;
	enum outcome outcome = lock_covering(txn, arena, trail, now_ns, &held,
	    &count);

	if (outcome != OK)
		return outcome;
	if (locks_conflict(lock, held, count))
		return LOCKED;
	if (!lock->infinite)
		return OK;
	outcome = node_find_id(txn, lock->node, &node);
	if (outcome == OK)
		outcome = lock_below(txn, arena, &node, now_ns, SIZE_MAX, &held,
		    &count);
	if (outcome != OK)
		return outcome;
	return locks_conflict(lock, held, count) ? LOCKED : OK;
}

/* Never wraps: what does not fit is the end of time. */
static uint64_t
deadline(uint64_t now_ns, uint64_t seconds)
{
	uint64_t span, end;

	if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &span) ||
	    __builtin_add_overflow(now_ns, span, &end))
		return UINT64_MAX;
	return end;
}

/* Ended ones of the same node make room; nobody asks for them again. */
static enum outcome
drop_ended(struct txn *txn, struct arena *arena, node_id node, uint64_t now_ns)
{
	struct lock_list list = { .arena = arena, .max = SIZE_MAX };
	struct lock_filter filter = { .now_ns = now_ns, .ended = true };
	enum outcome outcome = lock_list_add(txn, &list, node, &filter);

	for (size_t i = 0; outcome == OK && i < list.count; i++)
		outcome = lock_remove(txn, list.lock[i].token);
	return outcome;
}

static enum outcome
lock_enter(struct txn *txn, struct arena *arena, const struct trail *trail,
    struct lock *lock, uint64_t now_ns)
{
	enum outcome outcome = OK;

	if ((trail_last(trail)->flags & NODE_HAS_LOCKS) != 0)
		outcome = drop_ended(txn, arena, lock->node, now_ns);
	if (outcome == OK)
		outcome = lock_record_store(txn, lock);
	if (outcome == OK)
		outcome = lock_token_store(txn, lock);
	if (outcome == OK)
		outcome = lock_count_add(txn, lock->principal, 1);
	if (outcome == OK)
		outcome = tree_set_flag(txn, trail, NODE_HAS_LOCKS, true);
	return outcome;
}

enum outcome
lock_add(struct txn *txn, const struct conf *conf, const struct trail *trail,
    const struct lock *wanted, uint64_t now_ns)
{
	struct arena *arena;
	struct lock lock = *wanted;
	uint64_t held;
	enum outcome outcome;

	if (trail->missing > 0)
		return CONFLICT;
	outcome = lock_count_get(txn, lock.principal, &held);
	if (outcome != OK)
		return outcome;
	if (held >= conf->limits.locks_per_principal)
		return TOO_LARGE;
	lock.node = trail_last(trail)->id;
	if (lock.timeout_seconds > conf->limits.lock_seconds)
		lock.timeout_seconds = conf->limits.lock_seconds;
	if (lock.timeout_seconds > 0 || lock.expires_ns == 0)
		lock.expires_ns = deadline(now_ns, lock.timeout_seconds);
	arena = arena_new();
	outcome = lock_check(txn, arena, trail, &lock, now_ns);
	if (outcome == OK)
		outcome = lock_enter(txn, arena, trail, &lock, now_ns);
	arena_free(arena);
	return outcome;
}

enum outcome
lock_find(struct txn *txn, const unsigned char *token, uint64_t now_ns,
    struct lock *ret_lock)
{
	struct lock lock;
	enum outcome outcome = lock_record_find(txn, token, &lock);

	if (outcome != OK)
		return outcome;
	if (lock.expires_ns <= now_ns)
		return NOT_FOUND;
	*ret_lock = lock;
	return OK;
}

enum outcome
lock_refresh(struct txn *txn, const unsigned char *token,
    uint64_t timeout_seconds, uint64_t now_ns)
{
	struct lock lock;
	enum outcome outcome = lock_find(txn, token, now_ns, &lock);

	if (outcome != OK)
		return outcome;
	lock.timeout_seconds = timeout_seconds;
	lock.expires_ns = deadline(now_ns, timeout_seconds);
	return lock_record_store(txn, &lock);
}

/* The flag of a node that has lost its last lock. */
static enum outcome
flag_clear(struct txn *txn, struct arena *arena, node_id node)
{
	struct lock_list list = { .arena = arena, .max = 1 };
	struct lock_filter any = { .ended = true, .now_ns = UINT64_MAX };
	struct trail trail;
	enum outcome outcome = lock_list_add(txn, &list, node, &any);

	if (outcome != OK || list.count > 0)
		return outcome;
	outcome = trail_find_id(txn, arena, node, &trail);
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	return tree_set_flag(txn, &trail, NODE_HAS_LOCKS, false);
}

enum outcome
lock_remove(struct txn *txn, const unsigned char *token)
{
	struct arena *arena;
	struct lock lock;
	enum outcome outcome = lock_record_find(txn, token, &lock);

	if (outcome == OK)
		outcome = lock_record_remove(txn, &lock);
	if (outcome == OK)
		outcome = lock_count_add(txn, lock.principal, -1);
	if (outcome != OK)
		return outcome;
	arena = arena_new();
	outcome = flag_clear(txn, arena, lock.node);
	arena_free(arena);
	return outcome;
}

static enum outcome
remove_all_of(struct txn *txn, struct arena *arena, node_id node)
{
	return drop_ended(txn, arena, node, UINT64_MAX);
}

enum outcome
lock_remove_tree(struct txn *txn, const struct node *node)
{
	struct arena *arena = arena_new();
	struct descent descent = { .arena = arena };
	node_id id = node->id;
	bool own = (node->flags & NODE_HAS_LOCKS) != 0;
	enum outcome outcome = locked_below(txn, node, &descent);

	if (outcome == OK && own)
		outcome = remove_all_of(txn, arena, id);
	for (size_t i = 0; outcome == OK && i < descent.locked_count; i++)
		outcome = remove_all_of(txn, arena, descent.locked[i]);
	arena_free(arena);
	return outcome;
}

enum outcome
lock_expire(struct txn *txn, uint64_t now_ns, size_t budget, bool *ret_more)
{
	struct arena *arena = arena_new();
	struct lock_list list = { .arena = arena, .max = budget };
	enum outcome outcome = lock_list_ended(txn, &list, now_ns);

	for (size_t i = 0; outcome == OK && i < list.count; i++)
		outcome = lock_remove(txn, list.lock[i].token);
	if (outcome == OK)
		*ret_more = list.count == budget;
	arena_free(arena);
	return outcome;
}
