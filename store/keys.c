#include "store/keys.h"

#include <assert.h>
#include <string.h>

#include "server/base/codec.h"

/*
 * Builds and takes apart the keys of the engine. Ids are big-endian, so that
 * the order of keys is the order of ids; the one text comes last, so it needs
 * no length. What does not fit is a bug of the caller: names were bounded
 * when they were parsed (server/base/path.h).
 */
enum { ID_BYTES = 8, KEY_TEXT_MAX = 255 };

static void
add_id(struct key *key, uint64_t id)
{
	assert(key->len + ID_BYTES <= sizeof(key->bytes));
	key_store_u64(key->bytes + key->len, id);
	key->len += ID_BYTES;
}

static void
add_text(struct key *key, struct text text)
{
	assert(text.len <= KEY_TEXT_MAX);
	if (text.len > 0)
		memcpy(key->bytes + key->len, text.ptr, text.len);
	key->len += text.len;
}

static void
begin_key(struct key *key, enum key_kind kind)
{
	key->bytes[0] = (unsigned char)kind;
	key->len = 1;
}

static struct text
text_of(const struct key *key)
{
	return (struct text){ (const char *)key->bytes, key->len };
}

struct text
key_id(struct key *key, enum key_kind kind, uint64_t id)
{
	begin_key(key, kind);
	add_id(key, id);
	return text_of(key);
}

struct text
key_pair(struct key *key, enum key_kind kind, uint64_t id, uint64_t second)
{
	begin_key(key, kind);
	add_id(key, id);
	add_id(key, second);
	return text_of(key);
}

struct text
key_name(struct key *key, enum key_kind kind, uint64_t id, struct text name)
{
	begin_key(key, kind);
	add_id(key, id);
	add_text(key, name);
	return text_of(key);
}

struct text
key_text(struct key *key, enum key_kind kind, struct text name)
{
	begin_key(key, kind);
	add_text(key, name);
	return text_of(key);
}

/*
 * Stored keys are bytes from a disk: a short one gives id 0 and an empty
 * rest, which name nothing, instead of a read past its end.
 */
uint64_t
key_id_of(struct text key, size_t index)
{
	size_t at = 1 + index * ID_BYTES;

	if (key.len < at + ID_BYTES)
		return 0;
	return key_load_u64((const unsigned char *)key.ptr + at);
}

struct text
key_rest_of(struct text key, size_t ids)
{
	return text_slice(key, 1 + ids * ID_BYTES, key.len);
}
