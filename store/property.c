#include "store/property.h"

#include "server/base/codec.h"
#include "store/keys.h"

/*
 * One record for all properties of a node: version byte, their number, then
 * namespace, name and value of each.
 */
enum { PROPERTY_RECORD = 1, PROPERTY_LEAST_BYTES = 2 + 2 + 4 };

/* `value` outlives the result. */
static enum outcome
properties_decode(struct arena *arena, struct text value,
    struct dead_properties *ret_properties)
{
	struct reader reader = reader_from(value);
	struct dead_properties all = { 0 };
	uint8_t version = reader_u8(&reader);
	size_t count = reader_u16(&reader);

	if (reader.failed || version != PROPERTY_RECORD ||
	    count > reader.rest.len / PROPERTY_LEAST_BYTES)
		return DAMAGED;
	all.property = ARENA_ARRAY(arena, count, struct dead_property);
	for (; all.count < count; all.count++) {
		struct dead_property *property = &all.property[all.count];

		property->space = reader_text16(&reader);
		property->name = reader_text16(&reader);
		property->value = reader_text32(&reader);
	}
	if (!reader_done(&reader))
		return DAMAGED;
	*ret_properties = all;
	return OK;
}

enum outcome
property_read(struct txn *txn, struct arena *arena, node_id id,
    struct dead_properties *ret_properties)
{
	struct key key;
	struct text value;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_PROPERTY, id),
	    &value);

	if (outcome == NOT_FOUND) {
		*ret_properties = (struct dead_properties){ 0 };
		return OK;
	}
	if (outcome != OK)
		return outcome;
	return properties_decode(arena, arena_copy(arena, value),
	    ret_properties);
}

static enum outcome
properties_check(const struct conf *conf,
    const struct dead_properties *properties)
{
	size_t bytes = 0;

	if (properties->count > conf->limits.dead_properties ||
	    properties->count > UINT16_MAX)
		return TOO_LARGE;
	for (size_t i = 0; i < properties->count; i++) {
		const struct dead_property *property = &properties->property[i];

		if (property->space.len > UINT16_MAX ||
		    property->name.len > UINT16_MAX ||
		    property->value.len > UINT32_MAX)
			return TOO_LARGE;
		bytes += property->space.len + property->name.len +
		    property->value.len;
		if (bytes > conf->limits.dead_property_bytes)
			return TOO_LARGE;
	}
	return OK;
}

enum outcome
property_write(struct txn *txn, const struct conf *conf, node_id id,
    const struct dead_properties *properties)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome = properties_check(conf, properties);

	if (outcome != OK)
		return outcome;
	if (properties->count == 0)
		return property_remove(txn, id);
	writer_u8(&value, PROPERTY_RECORD);
	writer_u16(&value, (uint16_t)properties->count);
	for (size_t i = 0; i < properties->count; i++) {
		writer_text16(&value, properties->property[i].space);
		writer_text16(&value, properties->property[i].name);
		writer_text32(&value, properties->property[i].value);
	}
	outcome = txn_put(txn, key_id(&key, KEY_PROPERTY, id),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

enum outcome
property_copy(struct txn *txn, node_id from, node_id onto)
{
	struct buffer copy = { 0 };
	struct key key;
	struct text value;
	enum outcome outcome = txn_get(txn, key_id(&key, KEY_PROPERTY, from),
	    &value);

	if (outcome == NOT_FOUND)
		return property_remove(txn, onto);
	if (outcome != OK)
		return outcome;
	/* An engine may move what it lent when something is written. */
	buffer_append(&copy, value);
	outcome = txn_put(txn, key_id(&key, KEY_PROPERTY, onto),
	    buffer_text(&copy));
	buffer_done(&copy);
	return outcome;
}

enum outcome
property_remove(struct txn *txn, node_id id)
{
	struct key key;
	enum outcome outcome = txn_remove(txn, key_id(&key, KEY_PROPERTY, id));

	return outcome == NOT_FOUND ? OK : outcome;
}
