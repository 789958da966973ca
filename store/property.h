#pragma once

#include "server/base/arena.h"
#include "store/node.h"

/*
 * Dead properties (RFC 4918 4): all of one node in one record, at most
 * limits.dead_properties and limits.dead_property_bytes. `value` is all
 * between the name in the start tag of the property element and its end tag,
 * with the namespace declarations it needs and the xml:lang in force; empty
 * for an empty element.
 */
struct dead_property {
	struct text space, name, value;
};

struct dead_properties {
	struct dead_property *property; /* arena */
	size_t count;
};

/* Empty when there are none. */
enum outcome
property_read(struct txn *txn, struct arena *arena, node_id id,
    struct dead_properties *ret_properties) MUST_CHECK;

/* Replaces all; an empty list removes the record. TOO_LARGE. */
enum outcome
property_write(struct txn *txn, const struct conf *conf, node_id id,
    const struct dead_properties *properties) MUST_CHECK;

enum outcome
property_copy(struct txn *txn, node_id from, node_id onto) MUST_CHECK;

enum outcome
property_remove(struct txn *txn, node_id id) MUST_CHECK;
