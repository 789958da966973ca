/*
 * Records of contents and of the store itself, keys, and media types. The
 * first byte says what the rest is. What is read as a record of a content is
 * put into a memory engine as well, with the same bytes as its content: then
 * they come out only if the checksum agrees.
 */
#include <stdint.h>
#include <stdlib.h>

#include "store/blobs.h"
#include "store/keys.h"
#include "store/media.h"
#include "store/meta.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static struct engine *
engine_get(void)
{
	static struct engine *engine;
	struct engine_options options = { .map_size = 1 << 24 };
	struct buffer message = { 0 };

	if (engine == NULL)
		need(engine_row_find("memory")->open(&options, &message,
			 &engine) == OK);
	return engine;
}

static void
try_content(struct text bytes)
{
	struct text record = text_slice(bytes, 0, 34);
	struct text content = text_slice(bytes, 34, bytes.len);
	struct blob_record decoded;
	enum outcome known, outcome;
	struct text got;
	struct txn *txn;
	struct key key;

	known = blob_record_decode(record, &decoded);
	need(known == OK || known == DAMAGED);
	need(txn_begin_write(engine_get(), &txn) == OK);
	need(txn_put(txn, key_id(&key, KEY_BLOB, 1), record) == OK);
	need(txn_put(txn, key_id(&key, KEY_DATA, 1), content) == OK);
	outcome = blob_bytes(txn, 1, &got);
	if (outcome == OK)
		need(known == OK && decoded.in_engine &&
		    got.len == decoded.size &&
		    checksum_equal(checksum_of(got), decoded.sum));
	else
		need(outcome == DAMAGED || outcome == NOT_FOUND);
	outcome = blob_release(txn, NULL, 1);
	need(outcome == OK || outcome == DAMAGED);
	need((outcome == OK) == (known == OK));
	txn_abort(txn);
}

static void
try_meta(struct text bytes)
{
	static const struct text names[] = { { "format", 6 }, { "identity", 8 },
		{ "ids", 3 } };
	struct meta meta;
	struct txn *txn;
	struct key key;
	uint64_t value;
	enum outcome outcome = meta_decode(bytes, &value);

	need(outcome == OK || outcome == DAMAGED);
	need(txn_begin_write(engine_get(), &txn) == OK);
	for (size_t i = 0; i < 3; i++)
		need(txn_put(txn, key_text(&key, KEY_META, names[i]),
			 text_slice(bytes, i * 9, i * 9 + 9)) == OK);
	outcome = meta_read(txn, &meta);
	need(outcome == OK || outcome == DAMAGED);
	txn_abort(txn);
}

/* Any bytes may stand as a key on a broken disk. */
static void
try_key(struct text bytes)
{
	struct key key;
	struct text rest = key_rest_of(bytes, 2);

	need(rest.len <= bytes.len);
	if (bytes.len == 17)
		need(text_equal(key_pair(&key, (enum key_kind)bytes.ptr[0],
				    key_id_of(bytes, 0), key_id_of(bytes, 1)),
		    bytes));
	if (bytes.len < 17)
		need(key_id_of(bytes, 1) == 0 && rest.len == 0);
}

static void
try_media(struct text bytes)
{
	struct text head = bytes;
	struct text name = text_split(&head, '\n');
	struct text type;

	if (media_quick(name, head, &type)) {
		need(type.len > 0 && type.len <= MEDIA_TYPE_MAX);
		need(text_find(type, '/') < type.len);
	}
	(void)media_is_active(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text bytes = { (const char *)data + 1, size - 1 };

	if (size == 0)
		return 0;
	switch (data[0] % 4) {
	case 0:
		try_content(bytes);
		break;
	case 1:
		try_meta(bytes);
		break;
	case 2:
		try_key(bytes);
		break;
	default:
		try_media(bytes);
		break;
	}
	return 0;
}
