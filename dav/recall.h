#pragma once

#include "dav/property.h"
#include "store/shelf.h"

/*
 * What was found out a moment ago and need not be found out again:
 *
 * - the place of a collection: cell, trail and rights of a principal, by the
 *   path. It stands for one committed state of the store (txn_snapshot()) and
 *   is no more once anything at all was committed, by whatever process; rights
 *   that hang on the time of day are not kept. So it is what a look-up in the
 *   same transaction would say.
 * - the record of a member of a collection, likewise.
 * - the contents of small files (store/shelf.h).
 * - the query that the body of a PROPFIND means, by all of its bytes: clients
 *   send the same few bodies for ever. It depends on nothing but the limits.
 *
 * A loop has one, and only its thread uses it: an exchange that goes to another
 * thread has none any more. Bounded; the newer pushes out the older. What is
 * found is copied into the arena of the request.
 */
struct recall;

struct recall *
recall_new(void);

/* NULL is allowed. */
void
recall_free(struct recall *recall);

/*
 * `path` is that of a collection. Sets cell, trail and rights, with room for
 * one more node in the trail. False: not known.
 */
bool
recall_place(struct exchange *exchange, const struct path *path,
    struct place *place);

/* The same, found the long way; `place` has nothing missing, nothing hidden. */
void
recall_place_keep(struct exchange *exchange, const struct path *path,
    const struct place *place);

/* The member of `parent` with that NFC name; its texts are in the arena. */
bool
recall_node(struct exchange *exchange, node_id parent, struct text key,
    struct node *ret_node);

/* The same, as it was read. */
void
recall_node_keep(struct exchange *exchange, const struct node *node);

/* NULL when nothing is recalled. */
struct shelf *
recall_shelf(const struct exchange *exchange);

bool
recall_query(struct exchange *exchange, struct property_query *ret_query);

void
recall_query_keep(struct exchange *exchange,
    const struct property_query *query);
