/*
 * Members as a body. Nothing is held between two blocks but the key of the
 * last member, so a listing of any size costs one block of memory and no
 * transaction ever waits for a socket (design.md 2). What a revoke takes away
 * is gone from the next block on: the answer is then cut.
 */
#include "dav/members.h"

#include <string.h>

#include "dav/block.h"
#include "dav/property_plan.h"
#include "server/base/encode.h"

/* Full at this many: the next member still fits a power of two. */
enum { BLOCK_BYTES = 120 * 1024 };

struct block {
	struct member_stream *stream;
	const struct place *place;
	struct buffer *out;
	size_t full;        /* out->len at which the block is full */
	struct text folder; /* the collection's href; in the block's arena */
	struct text passed; /* the last member; in its transaction */
	bool more;          /* stopped because it is full */
	enum outcome outcome;
};

void
property_target_of(struct exchange *exchange, const struct place *place,
    struct text href, struct property_target *ret_target)
{
	*ret_target = (struct property_target){
		.exchange = exchange,
		.node = place->node,
		.trail = &place->trail,
		.rights = &place->rights,
		.cell = place->scope == SCOPE_CELL ? &place->cell : NULL,
		.href = href,
		.is_mount_root = place->scope == SCOPE_CELL &&
		    place->inside.count == 0,
	};
}

static bool
block_is_full(struct block *block)
{
	block->more = block->out->len >= block->full;
	return block->more;
}

/* Where the next block goes on. */
static void
stream_passed(struct member_stream *stream, struct text name)
{
	size_t len = name.len < sizeof(stream->after) ? name.len :
							sizeof(stream->after);

	if (len == 0)
		return;
	memcpy(stream->after, name.ptr, len);
	stream->after_len = len;
}

static struct text
stream_after(const struct member_stream *stream)
{
	return (struct text){ stream->after, stream->after_len };
}

/* The href of a member, in the one buffer that all of them share. */
static struct text
stream_href(struct block *block, struct text name, bool collection)
{
	struct buffer *href = &block->stream->href;

	href->len = block->folder.len;
	percent_encode_segment(href, name);
	if (collection)
		buffer_append_byte(href, '/');
	return buffer_text(href);
}

static enum outcome
member_write(struct block *block, struct property_target *target)
{
	struct member_stream *stream = block->stream;
	const struct node *node = target->node;

	if (stream->plan != NULL &&
	    property_plan_write(stream->plan, target, block->folder,
		block->out))
		return OK;
	target->href = stream_href(block, node->name,
	    node->kind == NODE_COLLECTION);
	return stream->member(stream, target, block->out);
}

static bool
block_member(const struct node *node, void *context)
{
	struct block *block = context;
	struct exchange *exchange = block->stream->exchange;
	const struct place *place = block->place;
	struct rights rights;
	struct property_target target = {
		.exchange = exchange,
		.node = node,
		.trail = &place->trail,
		.rights = &rights,
		.cell = &place->cell,
	};

	if (block_is_full(block))
		return false;
	block->outcome = rights_of_member(exchange->txn, &exchange->principal,
	    &place->rights, &place->trail, node, exchange->now_ns, &rights);
	if (block->outcome != OK)
		return false;
	block->passed = node->key;
	if (rights_hold(&rights, ATOM(STAT)))
		block->outcome = member_write(block, &target);
	return block->outcome == OK;
}

/* A cell as a member of "/dav/": the place that its URL names. */
static enum outcome
block_cell(struct block *block, struct text slug)
{
	struct member_stream *stream = block->stream;
	struct text name[2] = { TEXT("dav"), slug };
	struct path path = {
		.count = 2, .name = name, .key = name, .trailing_slash = true
	};
	struct property_target target;
	struct place place;
	enum outcome outcome = place_resolve(stream->exchange, &path, &place);

	if (outcome == NOT_FOUND)
		return OK;
	if (outcome != OK)
		return outcome;
	property_target_of(stream->exchange, &place,
	    stream_href(block, slug, true), &target);
	return stream->member(stream, &target, block->out);
}

static bool
block_each_cell(const struct cell *cell, void *context)
{
	struct block *block = context;

	if (text_compare(cell->slug, stream_after(block->stream)) <= 0)
		return true;
	if (block_is_full(block))
		return false;
	block->outcome = block_cell(block, cell->slug);
	stream_passed(block->stream, cell->slug);
	return block->outcome == OK;
}

static enum outcome
block_cells(struct block *block)
{
	struct member_stream *stream = block->stream;
	struct exchange *exchange = stream->exchange;
	enum outcome outcome = OK;

	if (!stream->own_done)
		outcome = block_cell(block, TEXT("my-files"));
	stream->own_done = true;
	if (outcome != OK)
		return outcome;
	return cells_visible(exchange->txn, &exchange->principal,
	    exchange->now_ns, exchange->arena, block_each_cell, block);
}

static enum outcome
block_begin(struct block *block)
{
	struct member_stream *stream = block->stream;
	struct property_target target;

	if (stream->begun)
		return OK;
	stream->begun = true;
	property_target_of(stream->exchange, block->place,
	    buffer_text(&stream->href), &target);
	return stream->begin(stream, &target, block->out);
}

/* The same collection as in the first block, and still to be listed. */
static enum outcome
stream_resolve(struct member_stream *stream, struct place *place)
{
	struct exchange *exchange = stream->exchange;
	enum outcome outcome = place_resolve(exchange, &stream->path, place);

	if (outcome == OK &&
	    (place->node != NULL ? place->node->id : 0) != stream->node)
		outcome = NOT_FOUND;
	if (outcome == OK)
		outcome = place_demand(exchange, place,
		    stream->alone ? ATOM(STAT) : ATOM(STAT) | ATOM(LIST));
	return outcome;
}

static enum outcome
block_fill(void *context, struct buffer *out, bool *ret_end)
{
	struct member_stream *stream = context;
	struct place place;
	struct block block = { .stream = stream,
		.place = &place,
		.out = out,
		.full = out->len + BLOCK_BYTES };
	enum outcome outcome = stream_resolve(stream, &place);

	if (outcome != OK)
		return outcome;
	block.folder = place_href(stream->exchange, &place);
	buffer_clear(&stream->href);
	buffer_append(&stream->href, block.folder);
	outcome = block_begin(&block);
	if (outcome == OK && !stream->alone)
		outcome = place.node == NULL ?
		    block_cells(&block) :
		    node_each(stream->exchange->txn, place.node->id,
			stream_after(stream), block_member, &block);
	if (outcome == OK)
		outcome = block.outcome;
	if (outcome != OK)
		return outcome;
	stream_passed(stream, block.passed);
	if (!block.more)
		stream->end(stream, out);
	*ret_end = !block.more;
	return out->overflow ? TOO_LARGE : OK;
}

static enum outcome
stream_fill(struct body_source *source, struct buffer *out, bool *ret_end)
{
	struct member_stream *stream = (struct member_stream *)source;

	return block_visit(stream->exchange, block_fill, stream, out, ret_end);
}

static void
stream_close(struct body_source *source)
{
	struct member_stream *stream = (struct member_stream *)source;

	buffer_done(&stream->href);
}

void
member_stream_respond(struct member_stream *stream, const struct place *place)
{
	struct response *response = &stream->exchange->request->response;

	stream->source = (struct body_source){ .fill = stream_fill,
		.close = stream_close };
	stream->path = place->path;
	stream->node = place->node != NULL ? place->node->id : 0;
	if (stream->query != NULL && !stream->alone) {
		stream->plan = ARENA_NEW(stream->exchange->arena,
		    struct property_plan);
		stream->plan->query = stream->query;
	}
	response->kind = BODY_SOURCE;
	response->source = &stream->source;
}
