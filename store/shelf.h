#pragma once

#include "store/blob.h"
#include "store/engine.h"

/*
 * Small contents that are asked for again and again, in memory: what the
 * engine holds was compared with its checksum when it came here, and the bytes
 * of a blob never change, so neither has to be done for each GET. What lies on
 * a disk and rots there is found by the next one who reads it there.
 *
 * A loop has one (dav/recall.h), for its thread alone; bounded by bytes. A
 * content comes in when it is asked for the second time, so that one pass over
 * many files costs nothing and drives nothing out; what was not asked for
 * since its turn came before is the first to go.
 */
struct shelf;
struct content;

struct shelf *
shelf_new(size_t bytes_max);

/* With no content taken. NULL is allowed. */
void
shelf_free(struct shelf *shelf);

/*
 * The content of a blob that `txn` names, until content_release(), also when
 * it leaves the shelf meanwhile. NULL: it is not here.
 */
struct content *
shelf_take(struct shelf *shelf, const struct txn *txn, blob_id id);

struct text
content_bytes(const struct content *content);

void
content_release(struct content *content);

/* What shelf_take() did not have, as read from the engine and checked. */
void
shelf_put(struct shelf *shelf, const struct txn *txn, blob_id id,
    struct text bytes);
