/*
 * The two buffers change places when one is full: `incoming` belongs to the
 * loop, `outgoing` to the worker while `writing` is set.
 */
#include "server/upload.h"

#include <stdlib.h>

#include "server/base/memory.h"
#include "server/server.h"
#include "server/visit.h"
#include "store/media.h"

enum {
	BLOCK = 512 * 1024, /* a write(2) of this size is efficient */
	PROVEN = 64 * 1024  /* who sent so much may have room for more */
};

static void
upload_settle(struct upload *upload) ON_LOOP
{
	if (upload->writing || !upload->ended)
		return;
	upload->ended = false; /* done comes once */
	upload->done(upload,
	    upload->failed != OK ? upload->failed : upload->end);
}

static void
block_write(struct job *job) ON_WORKER
{
	struct upload *upload = (struct upload *)((char *)job -
	    offsetof(struct upload, job));

	if (upload->writer == NULL)
		upload->failed = blob_writer_open(upload->store,
		    &upload->writer);
	if (upload->failed == OK)
		upload->failed = blob_writer_write(upload->writer,
		    buffer_text(&upload->outgoing));
}

/* The first block holds the first bytes. */
static void
head_keep(struct upload *upload) ON_LOOP
{
	if (upload->head.ptr == NULL)
		upload->head = arena_copy(upload->request->arena,
		    text_slice(buffer_text(&upload->incoming), 0,
			MEDIA_SNIFF_BYTES));
}

/* The full block changes places with the empty one and goes to a worker. */
static enum outcome
block_post(struct upload *upload) ON_LOOP
{
	struct buffer full;
	enum job_kind kind = upload->writer == NULL ? JOB_BEGINS :
						      JOB_CONTINUES;
	enum outcome outcome;

	head_keep(upload);
	full = upload->incoming;
	upload->incoming = upload->outgoing;
	upload->outgoing = full;
	upload->writing = true;
	upload->job.subject =
	    subject_of(&visit_of(upload->request)->exchange.principal);
	outcome = job_post(upload->server->workers, LANE_SLOW, kind,
	    &upload->job);
	if (outcome != OK)
		upload->writing = false;
	return outcome;
}

/* The worker says what failed from where this succeeds. */
static enum outcome
block_hand_over(struct upload *upload) ON_LOOP
{
	enum outcome outcome = block_post(upload);

	if (outcome != OK)
		upload->failed = outcome;
	return outcome;
}

/* The next block may be full already: it follows before more is received. */
static void
block_written(struct job *job) ON_LOOP
{
	struct upload *upload = (struct upload *)((char *)job -
	    offsetof(struct upload, job));

	upload->writing = false;
	buffer_clear(&upload->outgoing);
	if (upload->paused) {
		upload->paused = false;
		if (upload->failed == OK && !upload->ended)
			(void)block_hand_over(upload); /* in `failed` */
		request_resume_body(upload->request);
	}
	upload_settle(upload);
}

/*
 * Room grows with what came, so that nobody holds a block by the mere promise
 * of a long body.
 */
static char *
sink_room(struct body_sink *sink, size_t want, size_t *ret_size) ON_LOOP
{
	struct upload *upload = (struct upload *)sink;
	struct buffer *incoming = &upload->incoming;
	size_t space;

	if (upload->kind != UPLOAD_STAGE || incoming->len >= BLOCK ||
	    upload->request->received < PROVEN)
		return NULL;
	space = BLOCK - incoming->len;
	*ret_size = want < space ? want : space;
	return buffer_room(incoming, *ret_size);
}

/* Bytes that were received in place are only counted. */
static void
incoming_add(struct upload *upload, struct text bytes) ON_LOOP
{
	struct buffer *incoming = &upload->incoming;

	if (incoming->ptr != NULL && bytes.ptr == incoming->ptr + incoming->len)
		buffer_added(incoming, bytes.len);
	else
		buffer_append(incoming, bytes);
}

static enum outcome
stage_write(struct upload *upload, struct text bytes) ON_LOOP
{
	if (!upload->writing && upload->failed != OK)
		return IO; /* `failed` says more, and is what counts */
	incoming_add(upload, bytes);
	if (upload->incoming.len < BLOCK)
		return OK;
	if (upload->writing) {
		upload->paused = true;
		return PENDING;
	}
	return block_hand_over(upload) == OK ? OK : IO;
}

static enum outcome
sink_write(struct body_sink *sink, struct text bytes) ON_LOOP
{
	struct upload *upload = (struct upload *)sink;

	if (upload->kind == UPLOAD_STAGE)
		return stage_write(upload, bytes);
	buffer_append(&upload->incoming, bytes);
	return upload->incoming.overflow ? TOO_LARGE : OK;
}

static void
sink_end(struct body_sink *sink, enum outcome outcome) ON_LOOP
{
	struct upload *upload = (struct upload *)sink;

	head_keep(upload);
	upload->ended = true;
	upload->end = outcome;
	upload_settle(upload);
}

void
upload_begin(struct upload *upload, struct request *request, struct loop *loop,
    struct server *server, uint64_t max)
{
	upload->sink.room = sink_room;
	upload->sink.write = sink_write;
	upload->sink.end = sink_end;
	upload->request = request;
	upload->server = server;
	upload->store = server->store;
	upload->job.loop = loop;
	upload->job.run = block_write;
	upload->job.home = block_written;
	if (upload->kind == UPLOAD_GATHER)
		buffer_init(&upload->incoming, (size_t)max);
	request_read_body(request, &upload->sink, max);
}

enum outcome
upload_finish(struct upload *upload, struct blob_ref *ret_ref)
{
	enum outcome outcome = OK;

	if (upload->writer == NULL &&
	    upload->incoming.len <= upload->memory_max) {
		blob_small(upload->store, buffer_text(&upload->incoming),
		    ret_ref);
		return OK;
	}
	if (upload->writer == NULL)
		outcome = blob_writer_open(upload->store, &upload->writer);
	if (outcome == OK)
		outcome = blob_writer_write(upload->writer,
		    buffer_text(&upload->incoming));
	if (outcome == OK)
		outcome = blob_writer_finish(upload->writer, ret_ref);
	return outcome;
}

struct writer_closing {
	struct job job;
	struct blob_writer *writer;
	bool taken;
};

static void
writer_close(struct job *job) ON_WORKER
{
	struct writer_closing *closing = (struct writer_closing *)job;

	blob_writer_close(closing->writer, closing->taken);
	free(closing);
}

void
upload_done(struct upload *upload, bool taken)
{
	struct writer_closing *closing;

	buffer_done(&upload->incoming);
	buffer_done(&upload->outgoing);
	if (upload->writer == NULL)
		return;
	closing = memory_alloc(sizeof(*closing));
	closing->job.run = writer_close;
	closing->job.subject = upload->job.subject;
	closing->writer = upload->writer;
	closing->taken = taken;
	upload->writer = NULL;
	if (job_post(upload->server->workers, LANE_SLOW, JOB_CONTINUES,
		&closing->job) != OK)
		abort(); /* JOB_CONTINUES is never refused */
}
