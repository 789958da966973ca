#include "store/lock_record.h"

#include <string.h>

#include "server/base/codec.h"
#include "store/keys.h"

/* Stored forms of locks: KEY_LOCK, KEY_TOKEN, KEY_LOCK_COUNT. */
enum { LOCK_RECORD = 1 };

static struct text
token_text(const unsigned char *token)
{
	return (struct text){ (const char *)token, LOCK_TOKEN_BYTES };
}

static enum outcome
lock_decode(struct text key, struct text value, struct lock *ret_lock)
{
	struct reader reader = reader_from(value);
	struct text token = key_rest_of(key, 1);
	struct lock lock = { .node = key_id_of(key, 0) };
	uint8_t version = reader_u8(&reader);

	lock.principal = reader_u64(&reader);
	lock.exclusive = reader_u8(&reader) == 1;
	lock.infinite = reader_u8(&reader) == 1;
	lock.expires_ns = reader_u64(&reader);
	lock.timeout_seconds = reader_u64(&reader);
	lock.owner = reader_text32(&reader);
	lock.root = reader_text32(&reader);
	if (!reader_done(&reader) || version != LOCK_RECORD ||
	    token.len != LOCK_TOKEN_BYTES)
		return DAMAGED;
	memcpy(lock.token, token.ptr, LOCK_TOKEN_BYTES);
	*ret_lock = lock;
	return OK;
}

enum outcome
lock_record_store(struct txn *txn, const struct lock *lock)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, LOCK_RECORD);
	writer_u64(&value, lock->principal);
	writer_u8(&value, lock->exclusive);
	writer_u8(&value, lock->infinite);
	writer_u64(&value, lock->expires_ns);
	writer_u64(&value, lock->timeout_seconds);
	writer_text32(&value, lock->owner);
	writer_text32(&value, lock->root);
	outcome = txn_put(txn,
	    key_name(&key, KEY_LOCK, lock->node, token_text(lock->token)),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

/* A record that is one u64. */
static enum outcome
number_store(struct txn *txn, struct text key, uint64_t number)
{
	struct buffer value = { 0 };
	enum outcome outcome;

	writer_u8(&value, LOCK_RECORD);
	writer_u64(&value, number);
	outcome = txn_put(txn, key, buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

static enum outcome
number_find(struct txn *txn, struct text key, uint64_t *ret_number)
{
	struct text value;
	struct reader reader;
	uint64_t number;
	enum outcome outcome = txn_get(txn, key, &value);

	if (outcome != OK)
		return outcome;
	reader = reader_from(value);
	if (reader_u8(&reader) != LOCK_RECORD)
		return DAMAGED;
	number = reader_u64(&reader);
	if (!reader_done(&reader))
		return DAMAGED;
	*ret_number = number;
	return OK;
}

enum outcome
lock_token_store(struct txn *txn, const struct lock *lock)
{
	struct key key;

	return number_store(txn,
	    key_text(&key, KEY_TOKEN, token_text(lock->token)), lock->node);
}

enum outcome
lock_record_find(struct txn *txn, const unsigned char *token,
    struct lock *ret_lock)
{
	struct key key;
	struct text at, value;
	node_id node;
	enum outcome outcome = number_find(txn,
	    key_text(&key, KEY_TOKEN, token_text(token)), &node);

	if (outcome != OK)
		return outcome;
	at = key_name(&key, KEY_LOCK, node, token_text(token));
	outcome = txn_get(txn, at, &value);
	if (outcome == OK)
		outcome = lock_decode(at, value, ret_lock);
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

enum outcome
lock_record_remove(struct txn *txn, const struct lock *lock)
{
	struct key key;
	struct text token = token_text(lock->token);
	enum outcome outcome = txn_remove(txn,
	    key_name(&key, KEY_LOCK, lock->node, token));

	if (outcome == OK)
		outcome = txn_remove(txn, key_text(&key, KEY_TOKEN, token));
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

enum outcome
lock_count_get(struct txn *txn, uint64_t principal, uint64_t *ret_count)
{
	struct key key;
	enum outcome outcome = number_find(txn,
	    key_id(&key, KEY_LOCK_COUNT, principal), ret_count);

	if (outcome != NOT_FOUND)
		return outcome;
	*ret_count = 0;
	return OK;
}

enum outcome
lock_count_add(struct txn *txn, uint64_t principal, int64_t delta)
{
	struct key key;
	struct text at = key_id(&key, KEY_LOCK_COUNT, principal);
	uint64_t count;
	enum outcome outcome = lock_count_get(txn, principal, &count);

	if (outcome != OK)
		return outcome;
	if (delta < 0 && count < (uint64_t)-delta)
		return DAMAGED;
	count += (uint64_t)delta;
	return count > 0 ? number_store(txn, at, count) : txn_remove(txn, at);
}

static void
list_take(struct lock_list *list, const struct lock *found)
{
	struct lock *lock;

	if (list->count == list->room) {
		size_t room = list->room == 0 ? 4 : list->room * 2;
		struct lock *grown = ARENA_ARRAY(list->arena, room,
		    struct lock);

		if (list->count > 0)
			memcpy(grown, list->lock, list->count * sizeof(*grown));
		list->lock = grown;
		list->room = room;
	}
	lock = &list->lock[list->count++];
	*lock = *found;
	lock->owner = arena_copy(list->arena, lock->owner);
	lock->root = arena_copy(list->arena, lock->root);
}

static bool
filter_passes(const struct lock_filter *filter, const struct lock *lock)
{
	bool ended = lock->expires_ns <= filter->now_ns;

	return ended == filter->ended && (!filter->infinite || lock->infinite);
}

/* Keys that begin with `prefix`, from the first. */
static enum outcome
list_scan(struct txn *txn, struct lock_list *list, struct text prefix,
    const struct lock_filter *filter)
{
	struct cursor *cursor;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, prefix);
	while (outcome == OK && list->count < list->max &&
	    text_starts(cursor->key, prefix)) {
		struct lock lock;

		outcome = lock_decode(cursor->key, cursor->value, &lock);
		if (outcome != OK)
			break;
		if (filter_passes(filter, &lock))
			list_take(list, &lock);
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
lock_list_add(struct txn *txn, struct lock_list *list, node_id node,
    const struct lock_filter *filter)
{
	struct key key;

	return list_scan(txn, list, key_id(&key, KEY_LOCK, node), filter);
}

enum outcome
lock_list_ended(struct txn *txn, struct lock_list *list, uint64_t now_ns)
{
	struct lock_filter filter = { .now_ns = now_ns, .ended = true };
	struct key key;

	return list_scan(txn, list, key_text(&key, KEY_LOCK, TEXT_NONE),
	    &filter);
}
