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

static enum outcome
tell_member(struct sync_block *block, const struct sync_walk *walk,
    struct text href)
{
	size_t last = walk->trail.count - 1;
	struct trail parent = walk->trail;
	struct property_target target = {
		.exchange = block->stream->exchange,
		.node = &walk->trail.node[last],
		.trail = &parent,
		.rights = &walk->rights[last],
		.cell = &block->place.cell,
		.href = href,
	};

	parent.count = last;
	block->stream->left--;
	return property_respond(&target, &block->stream->query, block->out);
}

/*
 * The node has an entry of its own between here and the end, which tells it:
 * an answer has each href once (RFC 4918 14.24).
 */
static bool
has_own_entry(const struct sync_stream *stream, const struct node *node)
{
	return node->sequence > stream->from &&
	    node->sequence <= stream->token.sequence;
}

/* ---- A subtree, node by node --------------------------------------------------- */

static enum outcome
block_walk(struct sync_block *block)
{
	struct sync_stream *stream = block->stream;
	struct sync_position *position = &stream->position;
	struct sync_walk walk = { .deep = stream->infinite };
	enum outcome outcome = sync_walk_begin(&walk, stream->exchange,
	    stream->node,
	    position->told != 0 ? position->told : position->walk);

	while (outcome == OK && !block_stops(block)) {
		block->entries--;
		outcome = sync_walk_next(&walk);
		if (outcome != OK)
			break;
		if (!sync_walk_below(&walk, position->walk)) {
			outcome = NOT_FOUND;
			break;
		}
		position->told = trail_last(&walk.trail)->id;
		if (sync_walk_visible(&walk) &&
		    !has_own_entry(stream, trail_last(&walk.trail)))
			outcome = tell_member(block, &walk,
			    sync_walk_href(&walk, &stream->path));
	}
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

/*
 * What left a place that may be listed, if nothing with the same name is there
 * now: that has an entry of its own. What the log cannot tell was asked about
 * before the answer began, so it has just become so.
 */
static enum outcome
tell_removed(struct sync_block *block, const struct log_entry *entry)
{
	struct sync_stream *stream = block->stream;
	struct exchange *exchange = stream->exchange;
	struct sync_walk walk = { 0 };
	struct buffer href = { 0 };
	enum sync_gone gone;
	enum outcome outcome = sync_gone_judge(exchange, &block->place,
	    stream->infinite, entry, &stream->concerned, &walk, &gone);

	if (outcome == OK &&
	    (gone == SYNC_GONE_UNKNOWN || gone == SYNC_GONE_REPLACED))
		return CONFLICT;
	if (outcome != OK || gone != SYNC_GONE_NAMED)
		return outcome;
	buffer_append(&href, sync_walk_href(&walk, &stream->path));
	percent_encode_segment(&href, entry->name);
	if (entry->collection)
		buffer_append_byte(&href, '/');
	tell_gone(block, exchange_keep(exchange, &href));
	return OK;
}

/* Grants of several subjects may name one principal: told once. */
static bool
was_told(struct sync_stream *stream, node_id node)
{
	if (account_list_has(&stream->regranted, node))
		return true;
	account_list_add(&stream->regranted, node);
	return false;
}

/*
 * A right that was lost looks exactly like a deletion (rights.md 6); one that
 * came, like something that arrived with all below.
 */
static enum outcome
tell_rights(struct sync_block *block, const struct log_entry *entry)
{
	struct sync_stream *stream = block->stream;
	struct sync_walk walk;
	enum sync_rights rights;
	const struct node *node;
	enum outcome outcome = sync_rights_judge(stream->exchange, stream->node,
	    stream->infinite, entry, &walk, &rights);

	if (sync_rights_name(&stream->exchange->principal, entry->subject))
		account_list_add(&stream->concerned, entry->node);
	if (outcome != OK || rights == SYNC_RIGHTS_NOTHING ||
	    was_told(stream, entry->node))
		return outcome;
	node = trail_last(&walk.trail);
	if (rights == SYNC_RIGHTS_HIDDEN)
		tell_gone(block, sync_walk_href(&walk, &stream->path));
	else if (!has_own_entry(stream, node))
		outcome = tell_member(block, &walk,
		    sync_walk_href(&walk, &stream->path));
	if (outcome == OK && rights == SYNC_RIGHTS_SHOWN && stream->infinite &&
	    node->kind == NODE_COLLECTION)
		stream->position.walk = entry->node;
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
	outcome = tell_member(block, &walk,
	    sync_walk_href(&walk, &stream->path));
	if (outcome == OK && entry->kind == LOG_ARRIVED && stream->infinite &&
	    walk.trail.node[last].kind == NODE_COLLECTION)
		stream->position.walk = entry->node;
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
