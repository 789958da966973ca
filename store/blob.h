#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/outcome.h"
#include "server/base/text.h"
#include "server/base/thread.h"
#include "store/store.h"

/*
 * Contents: immutable bytes by id. Small ones (conf store.inline_size) live in
 * the engine and are written by the change that names them; larger ones are
 * files, staged, synced and renamed into place before that change (write order
 * R0: write, fdatasync, rename, fsync of the folder, commit). Each carries an
 * XXH3-128 checksum made while it was written. References are counted in the
 * transaction that makes or drops them; a file goes after the commit that
 * drops the last reference; gc collects what a crash left.
 */
struct checksum {
	uint64_t low, high;
};

struct blob_ref {   /* a content that is on its way into a node */
	blob_id id; /* 0: the empty content */
	uint64_t size;
	struct checksum sum;
	struct text bytes; /* set: inline, not in the engine yet; borrowed */
};

struct blob_record { /* value of KEY_BLOB */
	uint64_t references, size;
	struct checksum sum;
	bool in_engine;
};

/* An inline content from bytes of at most inline_size. Any thread. */
void
blob_small(struct store *store, struct text bytes, struct blob_ref *ret_ref);

/* A staged content: one at a time writes, on workers. */
struct blob_writer;

enum outcome
blob_writer_open(struct store *store, struct blob_writer **ret_writer) ON_WORKER
MUST_CHECK;

/* NO_SPACE, IO: the writer is dead and must be closed. */
enum outcome
blob_writer_write(struct blob_writer *writer, struct text bytes) ON_WORKER
MUST_CHECK;

/* Makes it durable under its final name. NO_SPACE, IO. */
enum outcome
blob_writer_finish(struct blob_writer *writer, struct blob_ref *ret_ref)
    ON_WORKER MUST_CHECK;

/*
 * Frees the writer. A content that was not finished goes; one that was
 * finished stays only if `keep` (its change was committed). NULL is allowed.
 */
void
blob_writer_close(struct blob_writer *writer, bool keep) ON_WORKER;

/* Within a write transaction: one reference more; the first stores it. */
enum outcome
blob_link(struct txn *txn, const struct blob_ref *ref) MUST_CHECK;

enum outcome
blob_reference(struct txn *txn, blob_id id) MUST_CHECK;

/* One reference less; the last one removes record and inline bytes. */
enum outcome
blob_release(struct txn *txn, struct store *store, blob_id id) MUST_CHECK;

enum outcome
blob_get(struct txn *txn, blob_id id, struct blob_record *ret_record)
    MUST_CHECK;

/* The bytes of a small content, borrowed from the transaction. NOT_FOUND. */
enum outcome
blob_bytes(struct txn *txn, blob_id id, struct text *ret_bytes) MUST_CHECK;

/* The same for who has its record, and in_engine is true. */
enum outcome
blob_record_bytes(struct txn *txn, blob_id id, const struct blob_record *record,
    struct text *ret_bytes) MUST_CHECK;

/*
 * An open blob file, shared and counted, cached by id (blobs never change, so
 * the cache needs no invalidation). Reading is by pread or sendfile on fd,
 * never by a mapping. `trusted` is false until its checksum was verified in
 * this process: the reader then keeps the last block back until
 * blob_file_verify() says OK.
 */
struct blob_file {
	int fd;
	blob_id id;
	uint64_t size;
	_Atomic bool trusted;
	_Atomic bool asked; /* by a reader of a part, once */
	_Atomic size_t users;
};

/* Opens, or takes it from the cache; one open(2) at most. NOT_FOUND, IO. */
enum outcome
blob_file_open(struct store *store, blob_id id, uint64_t size,
    struct blob_file **ret_file) MUST_CHECK;

void
blob_file_close(struct store *store, struct blob_file *file);

/* Reads all of it and compares. DAMAGED, IO. Sets trusted. */
enum outcome
blob_file_verify(struct blob_file *file, const struct blob_record *record)
    ON_WORKER MUST_CHECK;

/* Files whose last reference was committed away; returns how many went. */
size_t
blob_sweep_released(struct store *store) ON_WORKER;

/* blobs.c: opening, closing, sweeping of the blob folder. */
struct blob_store;

enum outcome
blob_store_open(struct store *store, const char *path, bool sweep_staging,
    struct buffer *message) MUST_CHECK;

void
blob_store_close(struct blob_store *blobs);
