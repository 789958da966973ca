#pragma once

#include "dav/exchange.h"

/* Describes the bytes of a file as the answer to GET or HEAD. */
enum outcome
content_respond(struct exchange *exchange, const struct place *place)
    MUST_CHECK;

/*
 * Keeps a blob file open while it is sent. A file whose checksum was not
 * compared since the process began is compared by a worker meanwhile, and a
 * `whole` answer keeps its last block back until that agrees, so that a
 * corrupt blob never ends as a complete 200 (design.md 4). Takes over `file`,
 * also when it fails.
 */
enum outcome
blob_hold_new(struct exchange *exchange, struct blob_file *file,
    const struct blob_record *record, bool whole, struct body_hold **ret_hold)
    MUST_CHECK;
