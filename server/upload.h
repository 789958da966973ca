#pragma once

#include "server/worker.h"
#include "store/blob.h"

/*
 * Takes the body of a request on the loop, without ever blocking it. What fits
 * into `memory_max` bytes is gathered; a longer content becomes a staged blob,
 * written by workers a block at a time while the next block is received: two
 * blocks of memory, then the socket waits.
 */
enum upload_kind {
	UPLOAD_GATHER, /* XML and other small bodies, whole in memory */
	UPLOAD_STAGE   /* a content */
};

struct upload {
	struct body_sink sink;   /* first: the connection calls it */
	struct request *request; /* borrowed */
	struct server *server;   /* borrowed */
	struct store *store;     /* borrowed */
	enum upload_kind kind;
	size_t memory_max;
	struct buffer incoming;     /* what came since the last block */
	struct buffer outgoing;     /* with a worker while `writing` */
	struct blob_writer *writer; /* owned; NULL while all is in memory */
	struct text head;           /* first bytes, arena: for the media type */
	enum outcome failed;        /* of the worker */
	bool writing, paused, ended;
	enum outcome end; /* of the connection */
	struct job job;
	/* ON_LOOP, once: all bytes are here, or it failed with `outcome`. */
	void (*done)(struct upload *upload, enum outcome outcome);
};

/*
 * Begins to read the body of request into an upload in the request's arena.
 * `max` is the most bytes that it may have.
 */
void
upload_begin(struct upload *upload, struct request *request, struct loop *loop,
    struct server *server, uint64_t max) ON_LOOP;

/*
 * What is still in memory of a staged content goes to its file, which becomes
 * durable under its name. OK with a small content: it is left in memory.
 */
enum outcome
upload_finish(struct upload *upload, struct blob_ref *ret_ref) ON_WORKER
MUST_CHECK;

/* Frees everything; a staged content that nothing names goes (by a worker). */
void
upload_done(struct upload *upload, bool taken) ON_LOOP;
