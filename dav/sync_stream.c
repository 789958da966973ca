/*
 * Blocks of a sync answer. Each opens a transaction of its own and takes up
 * the position again, so nothing is held while the socket is full. A change
 * that comes in meanwhile has a sequence past `until` and is told next time.
 */
#include "dav/sync_stream.h"

#include "dav/block.h"
#include "dav/sync_gone.h"
#include "dav/sync_rights.h"
#include "dav/xml.h"
#include "server/base/encode.h"
#include "store/log_entry.h"

enum {
	BLOCK_BYTES = 32 * 1024,
	BLOCK_ENTRIES = 1000 /* looked at in one turn of the loop */
};

struct sync_block {
	struct sync_stream *stream;
	struct place place;
	struct buffer *out;
	size_t full;
	size_t entries; /* that may still be looked at */
	enum outcome outcome;
};

static bool
block_stops(struct sync_block *block)
{
	block->stream->full = block->stream->left == 0;
	return block->stream->full || block->out->len >= block->full ||
	    block->entries == 0;
}

/*
 * An answer has each href once (RFC 4918 14.24); what is newer comes next. A
 * walk alone meets names in their order, so it needs no memory.
 */
static bool
was_told(struct sync_stream *stream, node_id parent, struct text name)
{
	if (stream->window.from >= stream->token.sequence)
		return false;
	return !sync_names_add(&stream->told, stream->window.arena, parent,
	    name);
}

static enum outcome
tell_member(struct sync_block *block, const struct sync_walk *walk)
{
	struct sync_stream *stream = block->stream;
	size_t last = walk->trail.count - 1;
	const struct node *node = &walk->trail.node[last];
	struct trail parent = walk->trail;
	struct property_target target = {
		.exchange = stream->exchange,
		.node = node,
		.trail = &parent,
		.rights = &walk->rights[last],
		.cell = &block->place.cell,
	};

	if (was_told(stream, node->parent, node->name))
		return OK;
	target.href = sync_walk_href(walk, &stream->path);
	parent.count = last;
	stream->left--;
	return property_respond(&target, &stream->query, block->out);
}

/* ---- A subtree, node by node --------------------------------------------------- */

/* All below is told in this answer, by this walk or one that it lies in. */
static void
walk_start(struct sync_stream *stream, const struct sync_walk *walk)
{
	const struct trail *trail = &walk->trail;

	if (!stream->infinite || trail_last(trail)->kind != NODE_COLLECTION)
		return;
	for (size_t i = walk->root; i < trail->count; i++)
		if (sync_marks_get(&stream->walked, trail->node[i].id) != 0)
			return;
	stream->position.walk = trail_last(trail)->id;
	stream->spot.len = 0;
	sync_marks_set(&stream->walked, stream->window.arena,
	    stream->position.walk, 1);
}

/* Its own entry is still to come, and tells it. */
static bool
is_told_later(const struct sync_stream *stream, const struct node *node)
{
	return node->sequence > stream->position.log &&
	    node->sequence <= stream->token.sequence;
}

static void
walk_keep(struct sync_stream *stream, const struct sync_walk *walk)
{
	struct sync_position *position = &stream->position;

	position->told = trail_last(&walk->trail)->id;
	position->hash = sync_walk_hash(walk, position->walk);
	sync_walk_mark(walk, position->walk, &stream->spot);
}

static enum outcome
block_walk(struct sync_block *block)
{
	struct sync_stream *stream = block->stream;
	struct sync_position *position = &stream->position;
	struct sync_walk walk = { .deep = stream->infinite };
	bool moved = false;
	enum outcome outcome = sync_walk_resume(&walk, stream->exchange,
	    stream->node, position->walk, &stream->spot);

	while (outcome == OK && !block_stops(block)) {
		block->entries--;
		outcome = sync_walk_next(&walk);
		if (outcome != OK)
			break;
		if (!sync_walk_below(&walk, position->walk)) {
			outcome = NOT_FOUND;
			break;
		}
		moved = true;
		if (sync_walk_visible(&walk) &&
		    !is_told_later(stream, trail_last(&walk.trail)))
			outcome = tell_member(block, &walk);
	}
	if (outcome == OK && moved)
		walk_keep(stream, &walk);
	if (outcome != NOT_FOUND)
		return outcome;
	position->walk = 0;
	position->told = 0;
	return OK;
}

/* ---- The change log --------------------------------------------------------------- */

static void
tell_gone(struct sync_block *block, struct text href)
{
	block->stream->left--;
	buffer_append(block->out, TEXT("<d:response>"));
	xml_href(block->out, href);
	xml_status(block->out, 404);
	buffer_append(block->out, TEXT("</d:response>"));
}

/* A name in the collection on which the walk stands. */
static void
tell_gone_name(struct sync_block *block, const struct log_entry *entry,
    const struct sync_walk *walk)
{
	struct sync_stream *stream = block->stream;
	struct exchange *exchange = stream->exchange;
	struct buffer href = { 0 };

	if (was_told(stream, entry->parent, entry->name))
		return;
	buffer_append(&href, sync_walk_href(walk, &stream->path));
	percent_encode_segment(&href, entry->name);
	if (entry->collection)
		buffer_append_byte(&href, '/');
	tell_gone(block, exchange_keep(exchange, &href));
}

/* What the log cannot tell was asked before, so it has just become so. */
static enum outcome
tell_removed(struct sync_block *block, const struct log_entry *entry)
{
	struct sync_stream *stream = block->stream;
	struct sync_view view = { stream->exchange, &block->place,
		stream->infinite, &stream->window };
	struct sync_walk walk = { 0 };
	const struct node *node;
	enum sync_gone gone;
	enum outcome outcome = sync_gone_judge(&view, entry, &walk, &gone);

	if (outcome != OK)
		return outcome;
	switch (gone) {
	case SYNC_GONE_NOTHING:
	case SYNC_GONE_HIDDEN:
		break;
	case SYNC_GONE_NAMED:
		tell_gone_name(block, entry, &walk);
		break;
	case SYNC_GONE_ABOVE:
		node = trail_last(&walk.trail);
		if (!was_told(stream, node->parent, node->name))
			tell_gone(block, sync_walk_href(&walk, &stream->path));
		break;
	case SYNC_GONE_UNKNOWN:
	case SYNC_GONE_REPLACED:
		return CONFLICT;
	}
	return OK;
}

/*
 * A right that was lost looks exactly like a deletion (rights.md 6); one that
 * came, like something that arrived with all below. Only those whom its subject
 * names may hear of it: another never saw the name, and would learn it.
 */
static enum outcome
tell_rights(struct sync_block *block, const struct log_entry *entry)
{
	struct sync_stream *stream = block->stream;
	struct sync_view view = { stream->exchange, &block->place,
		stream->infinite, &stream->window };
	struct sync_walk walk;
	bool shown;
	enum outcome outcome;

	if (!sync_names_subject(&stream->exchange->principal, entry->subject))
		return OK;
	outcome = sync_rights_shown(&view, entry, &walk, &shown);
	if (outcome != OK)
		return outcome;
	if (!shown)
		return tell_removed(block, entry);
	if (!is_told_later(stream, trail_last(&walk.trail)))
		outcome = tell_member(block, &walk);
	if (outcome == OK)
		walk_start(stream, &walk);
	return outcome;
}

static enum outcome
tell_changed(struct sync_block *block, const struct log_entry *entry)
{
	struct sync_stream *stream = block->stream;
	struct sync_walk walk = { 0 };
	enum outcome outcome = sync_walk_begin(&walk, stream->exchange,
	    stream->node, entry->node);
	size_t last;

	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	last = walk.trail.count - 1;
	if (last == walk.root || !sync_walk_visible(&walk) ||
	    (!stream->infinite && last != walk.root + 1))
		return OK;
	outcome = tell_member(block, &walk);
	if (outcome == OK && entry->kind == LOG_ARRIVED)
		walk_start(stream, &walk);
	return outcome;
}

static enum outcome
tell_entry(struct sync_block *block, const struct log_entry *entry)
{
	switch (entry->kind) {
	case LOG_REMOVED:
		return tell_removed(block, entry);
	case LOG_RIGHTS:
		return tell_rights(block, entry);
	case LOG_CHANGED:
	case LOG_ARRIVED:
		break;
	}
	return tell_changed(block, entry);
}

/* Trails take room, and most entries may lie elsewhere: an arena for each. */
static bool
block_entry(const struct log_entry *entry, void *context)
{
	struct sync_block *block = context;
	struct sync_stream *stream = block->stream;
	struct arena *arena = stream->exchange->arena;

	if (entry->sequence > stream->token.sequence || block_stops(block))
		return false;
	block->entries--;
	stream->exchange->arena = arena_new();
	block->outcome = tell_entry(block, entry);
	arena_free(stream->exchange->arena);
	stream->exchange->arena = arena;
	stream->position.log = entry->sequence;
	return block->outcome == OK && stream->position.walk == 0;
}

/* ---- Blocks ------------------------------------------------------------------------- */

/* The log is told to its end, no walk is under way. */
static enum outcome
block_entries(struct sync_block *block, bool *ret_over)
{
	struct sync_stream *stream = block->stream;
	enum outcome outcome = OK;

	while (outcome == OK && !block_stops(block)) {
		if (stream->position.walk != 0) {
			outcome = block_walk(block);
			continue;
		}
		outcome = log_each(stream->exchange->txn, stream->token.tree,
		    stream->position.log, block_entry, block);
		if (outcome == OK)
			outcome = block->outcome;
		if (outcome == OK && stream->position.walk == 0 &&
		    !block_stops(block)) {
			stream->position.log = stream->token.sequence;
			*ret_over = true;
			return OK;
		}
	}
	*ret_over = stream->full;
	return outcome;
}

/* 507 for the collection itself says that there is more (RFC 6578 3.6). */
static void
block_end(struct sync_block *block)
{
	struct sync_stream *stream = block->stream;
	struct exchange *exchange = stream->exchange;
	struct sync_token token = stream->token;

	if (stream->full && stream->position.walk == 0 &&
	    stream->position.log == token.sequence)
		stream->full = false; /* the limit was met exactly */
	if (stream->full) {
		buffer_append(block->out, TEXT("<d:response>"));
		xml_href(block->out,
		    path_format(exchange->arena, &stream->path, true));
		xml_status(block->out, 507);
		buffer_append(block->out,
		    TEXT("<d:error>"
			 "<d:number-of-matches-within-limits/></d:error>"
			 "</d:response>"));
	}
	if (stream->position.walk == 0)
		token.sequence = stream->position.log;
	buffer_append(block->out, TEXT("<d:sync-token>"));
	xml_escape(block->out,
	    sync_state_format(exchange->arena, &token, &stream->position));
	buffer_append(block->out, TEXT("</d:sync-token>"));
	xml_multistatus_end(block->out);
}

static enum outcome
block_fill(void *context, struct buffer *out, bool *ret_end)
{
	struct sync_stream *stream = context;
	struct exchange *exchange = stream->exchange;
	struct sync_block block = { .stream = stream,
		.out = out,
		.full = out->len + BLOCK_BYTES,
		.entries = BLOCK_ENTRIES };
	enum outcome outcome = place_resolve(exchange, &stream->path,
	    &block.place);

	if (outcome == OK &&
	    (block.place.node == NULL || block.place.node->id != stream->node))
		outcome = NOT_FOUND;
	if (outcome == OK)
		outcome = place_demand(exchange, &block.place,
		    ATOM(STAT) | ATOM(LIST));
	if (outcome == OK && stream->position.log < stream->token.sequence)
		outcome = sync_window_read(&stream->window, exchange);
	if (outcome != OK)
		return outcome;
	if (!stream->begun)
		xml_multistatus_begin(out);
	stream->begun = true;
	outcome = block_entries(&block, ret_end);
	if (outcome == OK && *ret_end)
		block_end(&block);
	else /* never an empty block, whatever was passed over */
		buffer_append_byte(out, '\n');
	return outcome == OK && out->overflow ? TOO_LARGE : outcome;
}

static enum outcome
stream_fill(struct body_source *source, struct buffer *out, bool *ret_end)
{
	struct sync_stream *stream = (struct sync_stream *)source;

	return block_visit(stream->exchange, block_fill, stream, out, ret_end);
}

static void
stream_close(struct body_source *source)
{
	(void)source; /* all of it lives in the arena of the request */
}

void
sync_stream_respond(struct sync_stream *stream)
{
	struct response *response = &stream->exchange->request->response;

	stream->source = (struct body_source){ .fill = stream_fill,
		.close = stream_close };
	response->status = 207;
	response_header(response, "Content-Type",
	    TEXT("application/xml; charset=utf-8"));
	response->kind = BODY_SOURCE;
	response->source = &stream->source;
}
