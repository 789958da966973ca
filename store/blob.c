#include <xxhash.h>

#include "server/base/clock.h"
#include "server/base/codec.h"
#include "store/blobs.h"
#include "store/keys.h"
#include "store/scopes.h"

/*
 * Records of contents: references, size, checksum, and the bytes of small
 * ones. The last reference takes the record along; a file is then named by
 * KEY_RELEASED in the same transaction, so that it is unlinked if and only if
 * that was committed, also after a crash.
 */
enum { BLOB_VERSION = 1, DATA_VERSION = 1 };

struct checksum
checksum_of(struct text bytes)
{
	XXH128_hash_t hash = XXH3_128bits(bytes.ptr, bytes.len);

	return (struct checksum){ hash.low64, hash.high64 };
}

bool
checksum_equal(struct checksum a, struct checksum b)
{
	return a.low == b.low && a.high == b.high;
}

void
blob_small(struct store *store, struct text bytes, struct blob_ref *ret_ref)
{
	*ret_ref = (struct blob_ref){
		.id = bytes.len > 0 ? store_next_id(store) : 0,
		.size = bytes.len,
		.sum = checksum_of(bytes),
		.bytes = bytes
	};
}

enum outcome
blob_record_decode(struct text value, struct blob_record *ret_record)
{
	struct reader reader = reader_from(value);
	uint8_t version = reader_u8(&reader);
	struct blob_record record = { .references = reader_u64(&reader),
		.size = reader_u64(&reader),
		.sum.low = reader_u64(&reader),
		.sum.high = reader_u64(&reader) };
	uint8_t in_engine = reader_u8(&reader);

	if (!reader_done(&reader) || version != BLOB_VERSION || in_engine > 1 ||
	    record.references == 0 || record.size == 0)
		return DAMAGED;
	record.in_engine = in_engine == 1;
	*ret_record = record;
	return OK;
}

static enum outcome
put_record(struct txn *txn, blob_id id, const struct blob_record *record)
{
	SCOPED(buffer) struct buffer value = { .max = 64 };
	struct key key;

	writer_u8(&value, BLOB_VERSION);
	writer_u64(&value, record->references);
	writer_u64(&value, record->size);
	writer_u64(&value, record->sum.low);
	writer_u64(&value, record->sum.high);
	writer_u8(&value, record->in_engine ? 1 : 0);
	return txn_put(txn, key_id(&key, KEY_BLOB, id), buffer_text(&value));
}

enum outcome
blob_get(struct txn *txn, blob_id id, struct blob_record *ret_record)
{
	struct text value;
	struct key key;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_BLOB, id), &value);

	if (outcome != OK)
		return outcome;
	return blob_record_decode(value, ret_record);
}

static enum outcome
put_bytes(struct txn *txn, blob_id id, struct text bytes)
{
	SCOPED(buffer) struct buffer value = { .max = bytes.len + 1 };
	struct key key;

	writer_u8(&value, DATA_VERSION);
	buffer_append(&value, bytes);
	return txn_put(txn, key_id(&key, KEY_DATA, id), buffer_text(&value));
}

enum outcome
blob_link(struct txn *txn, const struct blob_ref *ref)
{
	struct blob_record record;
	enum outcome outcome;

	if (ref->id == 0)
		return OK;
	outcome = blob_get(txn, ref->id, &record);
	if (outcome == OK)
		return blob_reference(txn, ref->id);
	if (outcome != NOT_FOUND)
		return outcome;
	record = (struct blob_record){ .references = 1,
		.size = ref->size,
		.sum = ref->sum,
		.in_engine = ref->bytes.ptr != NULL };
	outcome = put_record(txn, ref->id, &record);
	if (outcome == OK && record.in_engine)
		outcome = put_bytes(txn, ref->id, ref->bytes);
	return outcome;
}

enum outcome
blob_reference(struct txn *txn, blob_id id)
{
	struct blob_record record;
	enum outcome outcome;

	if (id == 0)
		return OK;
	outcome = blob_get(txn, id, &record);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (record.references == UINT64_MAX)
		return DAMAGED;
	record.references++;
	return put_record(txn, id, &record);
}

static enum outcome
put_released(struct txn *txn, blob_id id)
{
	SCOPED(buffer) struct buffer value = { .max = 16 };
	struct key key;

	writer_u8(&value, BLOB_VERSION);
	writer_u64(&value, clock_wall_ns());
	return txn_put(txn, key_id(&key, KEY_RELEASED, id),
	    buffer_text(&value));
}

/* The sweep finds a file by its key: nothing of the store is touched here. */
enum outcome
blob_release(struct txn *txn, struct store *store, blob_id id)
{
	struct blob_record record;
	struct key key;
	enum outcome outcome;

	(void)store;
	if (id == 0)
		return OK;
	outcome = blob_get(txn, id, &record);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (record.references > 1) {
		record.references--;
		return put_record(txn, id, &record);
	}
	outcome = txn_remove(txn, key_id(&key, KEY_BLOB, id));
	if (outcome != OK)
		return outcome;
	if (!record.in_engine)
		return put_released(txn, id);
	outcome = txn_remove(txn, key_id(&key, KEY_DATA, id));
	return outcome == NOT_FOUND ? DAMAGED : outcome;
}

enum outcome
blob_record_bytes(struct txn *txn, blob_id id, const struct blob_record *record,
    struct text *ret_bytes)
{
	struct text value;
	struct key key;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_DATA, id), &value);

	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (value.len == 0 || value.ptr[0] != DATA_VERSION)
		return DAMAGED;
	value = text_slice(value, 1, value.len);
	/* Pages carry no checksum (LMDB 0.9): the content's own is compared. */
	if (value.len != record->size ||
	    !checksum_equal(checksum_of(value), record->sum))
		return DAMAGED;
	*ret_bytes = value;
	return OK;
}

enum outcome
blob_bytes(struct txn *txn, blob_id id, struct text *ret_bytes)
{
	struct blob_record record;
	enum outcome outcome;

	if (id == 0) {
		*ret_bytes = TEXT_NONE;
		return OK;
	}
	outcome = blob_get(txn, id, &record);
	if (outcome != OK)
		return outcome;
	return record.in_engine ?
	    blob_record_bytes(txn, id, &record, ret_bytes) :
	    NOT_FOUND;
}
