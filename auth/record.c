#include "auth/record.h"

#include <string.h>
#include <utf8proc.h>

#include "server/base/codec.h"
#include "server/base/encode.h"

/* How records are walked and written; what names and labels may hold. */
enum { POINTER_VERSION = 1, FOLDED_MAX = 4 * USER_NAME_MAX };

enum outcome
record_put(struct txn *txn, struct text key, struct buffer *value)
{
	enum outcome outcome = BUG;

	if (!value->overflow)
		outcome = txn_put(txn, key, buffer_text(value));
	buffer_done(value);
	return outcome;
}

enum outcome
pointer_put(struct txn *txn, struct text key, struct text target)
{
	struct buffer out;

	buffer_init(&out, RECORD_MAX);
	writer_u8(&out, POINTER_VERSION);
	buffer_append(&out, target);
	return record_put(txn, key, &out);
}

enum outcome
pointer_decode(struct text value, struct text *ret_target)
{
	struct reader in = reader_from(value);

	if (reader_u8(&in) != POINTER_VERSION || in.rest.len == 0)
		return DAMAGED;
	*ret_target = in.rest;
	return OK;
}

enum outcome
pointer_get(struct txn *txn, struct text key, struct text *ret_target)
{
	struct text value;
	enum outcome outcome = txn_get(txn, key, &value);

	return outcome == OK ? pointer_decode(value, ret_target) : outcome;
}

enum outcome
record_each(struct txn *txn, struct text prefix, record_fn visit, void *context)
{
	struct cursor *cursor;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, prefix);
	while (outcome == OK && text_starts(cursor->key, prefix)) {
		outcome = visit(cursor->key, cursor->value, context);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND || outcome == CANCELLED ? OK : outcome;
}

enum outcome
record_first(struct txn *txn, struct text prefix, struct key *ret_key,
    struct text *ret_value)
{
	struct cursor *cursor;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, prefix);
	if (outcome == OK && !text_starts(cursor->key, prefix))
		outcome = NOT_FOUND;
	if (outcome == OK && cursor->key.len > sizeof(ret_key->bytes))
		outcome = DAMAGED;
	if (outcome == OK) {
		memcpy(ret_key->bytes, cursor->key.ptr, cursor->key.len);
		ret_key->len = cursor->key.len;
		*ret_value = cursor->value;
	}
	cursor_close(cursor);
	return outcome;
}

enum outcome
record_remove_all(struct txn *txn, struct text prefix)
{
	struct key key;
	struct text value;
	enum outcome outcome;

	while ((outcome = record_first(txn, prefix, &key, &value)) == OK) {
		struct text at = { (const char *)key.bytes, key.len };

		outcome = txn_remove(txn, at);
		if (outcome != OK)
			return outcome;
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

void
account_list_add(struct account_list *list, uint64_t id)
{
	uint64_t *grown;

	if (list->count == list->capacity) {
		list->capacity = list->count == 0 ? 8 : list->count * 2;
		grown = ARENA_ARRAY(list->arena, list->capacity, uint64_t);
		if (list->count > 0)
			memcpy(grown, list->id, list->count * sizeof(*grown));
		list->id = grown;
	}
	list->id[list->count++] = id;
}

static bool
name_character(uint32_t code)
{
	if (code < 0x80) {
		return (code >= 'a' && code <= 'z') ||
		    (code >= '0' && code <= '9') || code == '.' ||
		    code == '_' || code == '-' || code == '@' || code == '+';
	}
	switch ((int)utf8proc_category((utf8proc_int32_t)code)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ND:
		return true;
	default:
		return false;
	}
}

/* A name that could be an option or a dot file is none. */
static bool
name_valid(struct text key)
{
	uint32_t code;
	size_t len;

	if (key.len == 0 || key.ptr[0] == '-' || key.ptr[0] == '.')
		return false;
	while (key.len > 0) {
		len = utf8_next(key, &code);
		if (len == 0 || !name_character(code))
			return false;
		key = text_slice(key, len, key.len);
	}
	return true;
}

enum outcome
name_fold(struct text name, char buffer[USER_NAME_MAX], struct text *ret_key)
{
	const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE |
	    UTF8PROC_CASEFOLD;
	/* In place: it is done for every request, and nothing can run out. */
	utf8proc_int32_t code[FOLDED_MAX + 1];
	utf8proc_ssize_t count, len;
	struct text key;

	if (name.len == 0 || name.len > USER_NAME_MAX)
		return BAD_INPUT;
	count = utf8proc_decompose((const utf8proc_uint8_t *)name.ptr,
	    (utf8proc_ssize_t)name.len, code, FOLDED_MAX, options);
	if (count <= 0 || count > FOLDED_MAX)
		return BAD_INPUT;
	len = utf8proc_reencode(code, count, options);
	if (len <= 0 || len > USER_NAME_MAX)
		return BAD_INPUT;
	memcpy(buffer, code, (size_t)len);
	key = (struct text){ buffer, (size_t)len };
	if (!name_valid(key))
		return BAD_INPUT;
	*ret_key = key;
	return OK;
}

bool
label_valid(struct text label, size_t max)
{
	uint32_t code;
	size_t len;

	if (label.len > max)
		return false;
	while (label.len > 0) {
		len = utf8_next(label, &code);
		if (len == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
			return false;
		label = text_slice(label, len, label.len);
	}
	return true;
}
