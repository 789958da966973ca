#include "store/meta.h"

#include "server/base/clock.h"
#include "server/base/codec.h"
#include "server/base/random.h"
#include "store/ends.h"
#include "store/keys.h"
#include "store/scopes.h"

/*
 * Format, identity and id blocks. A format is migrated one step at a time,
 * all steps in one transaction: a crash leaves the old store whole.
 */
enum { META_VERSION = 1 };

struct migration {
	uint64_t from;
	enum outcome (*run)(struct txn *txn); /* NULL ends the table */
};

/*
 * Format 2: trees know their newest tombstone, files may wait for their type.
 * Records say their own version and those of format 1 are read as they are;
 * what is new to an older program is only that it could not read ours.
 */
static enum outcome
migrate_to_2(struct txn *txn)
{
	(void)txn;
	return OK;
}

static const struct migration migrations[] = {
	{ 1, migrate_to_2 },
	{ 0, NULL },
};

enum outcome
meta_decode(struct text value, uint64_t *ret_number)
{
	struct reader reader = reader_from(value);
	uint8_t version = reader_u8(&reader);
	uint64_t number = reader_u64(&reader);

	if (!reader_done(&reader) || version != META_VERSION)
		return DAMAGED;
	*ret_number = number;
	return OK;
}

enum outcome
meta_put(struct txn *txn, struct text name, uint64_t number)
{
	SCOPED(buffer) struct buffer value = { .max = 16 };
	struct key key;

	writer_u8(&value, META_VERSION);
	writer_u64(&value, number);
	return txn_put(txn, key_text(&key, KEY_META, name),
	    buffer_text(&value));
}

static enum outcome
get_number(struct txn *txn, struct text name, uint64_t *ret_number)
{
	struct text value;
	struct key key;
	enum outcome outcome = txn_get(txn, key_text(&key, KEY_META, name),
	    &value);

	return outcome != OK ? outcome : meta_decode(value, ret_number);
}

enum outcome
meta_read(struct txn *txn, struct meta *ret_meta)
{
	struct meta meta = { 0 };
	enum outcome outcome = get_number(txn, TEXT("format"), &meta.format);

	if (outcome != OK)
		return outcome;
	/* What a newer format keeps under these names is not ours to know. */
	if (meta.format > STORE_FORMAT) {
		*ret_meta = meta;
		return OK;
	}
	outcome = get_number(txn, TEXT("identity"), &meta.identity);
	if (outcome == OK)
		outcome = get_number(txn, TEXT("ids"), &meta.ids);
	if (outcome == NOT_FOUND)
		return DAMAGED;
	if (outcome == OK)
		outcome = ends_read(txn, &meta.ends);
	if (outcome != OK)
		return outcome;
	*ret_meta = meta;
	return OK;
}

static enum outcome
meta_create(struct txn *txn, struct meta *ret_meta)
{
	struct meta meta = { .format = STORE_FORMAT, .ids = 0 };
	enum outcome outcome;

	random_fill(&meta.identity, sizeof(meta.identity));
	outcome = meta_put(txn, TEXT("format"), meta.format);
	if (outcome == OK)
		outcome = meta_put(txn, TEXT("identity"), meta.identity);
	if (outcome == OK)
		*ret_meta = meta;
	return outcome;
}

static enum outcome
migrate(struct txn *txn, struct meta *meta)
{
	while (meta->format < STORE_FORMAT) {
		const struct migration *step = migrations;
		enum outcome outcome;

		while (step->run != NULL && step->from != meta->format)
			step++;
		if (step->run == NULL)
			return UNSUPPORTED;
		outcome = step->run(txn);
		if (outcome != OK)
			return outcome;
		meta->format++;
		outcome = meta_put(txn, TEXT("format"), meta->format);
		if (outcome != OK)
			return outcome;
	}
	return OK;
}

/* The block of this opening begins where the others end. */
static enum outcome
reserve_ids(struct txn *txn, struct meta *meta)
{
	const uint64_t block = UINT64_C(1) << META_ID_BITS;

	if (meta->ids % block != 0)
		return DAMAGED;
	if (meta->ids > UINT64_MAX - 2 * block)
		return TOO_LARGE;
	return meta_put(txn, TEXT("ids"), meta->ids + block);
}

/* Checks what was found against what is wanted; OK, or says why not. */
static enum outcome
judge(enum outcome found, const struct meta *meta, enum store_open how,
    const char *path, struct buffer *message)
{
	if (found == NOT_FOUND && how != STORE_CREATE) {
		buffer_format(message,
		    "%s holds no store: make one with "
		    "\"celldav init\"",
		    path);
		return NOT_FOUND;
	}
	if (found == NOT_FOUND)
		return OK;
	if (found != OK) {
		buffer_format(message,
		    "the store in %s does not say what it "
		    "is: run \"celldav verify\" or restore a backup",
		    path);
		return found;
	}
	if (how == STORE_CREATE) {
		buffer_format(message,
		    "%s holds a store already: use it, or "
		    "name another folder",
		    path);
		return EXISTS;
	}
	if (meta->format > STORE_FORMAT) {
		buffer_format(message,
		    "the store in %s has format %llu, this "
		    "program reads up to %d: use the newer celldav that "
		    "wrote it",
		    path, (unsigned long long)meta->format, STORE_FORMAT);
		return UNSUPPORTED;
	}
	if (meta->format < STORE_FORMAT && how == STORE_READ_ONLY) {
		buffer_format(message,
		    "the store in %s has the older format "
		    "%llu: start \"celldav serve\" once to migrate it",
		    path, (unsigned long long)meta->format);
		return UNSUPPORTED;
	}
	return OK;
}

static enum outcome
meta_change(struct txn *txn, enum outcome found, struct meta *meta)
{
	enum outcome outcome = OK;

	if (found == NOT_FOUND)
		outcome = meta_create(txn, meta);
	if (outcome == OK)
		outcome = migrate(txn, meta);
	if (outcome == OK)
		outcome = reserve_ids(txn, meta);
	return outcome;
}

enum outcome
meta_open(struct engine *engine, enum store_open how, const char *path,
    struct buffer *message, struct meta *ret_meta)
{
	SCOPED(txn) struct txn *txn = NULL;
	struct meta meta = { 0 };
	enum outcome found, outcome;

	outcome = how == STORE_READ_ONLY ? txn_begin_read(engine, &txn) :
					   txn_begin_write(engine, &txn);
	found = outcome == OK ? meta_read(txn, &meta) : OK;
	if (outcome == OK)
		outcome = judge(found, &meta, how, path, message);
	if (outcome == OK && how != STORE_READ_ONLY) {
		outcome = meta_change(txn, found, &meta);
		if (outcome == OK) {
			outcome = txn_commit(txn);
			txn = NULL;
		}
	}
	if (outcome == OK) {
		clock_ends_raise(meta.ends);
		*ret_meta = meta;
	} else if (message->len == 0)
		buffer_format(message, "the store in %s cannot be opened: %s",
		    path, outcome_name(outcome));
	return outcome;
}
