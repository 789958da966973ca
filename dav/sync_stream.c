/*
 * Blocks of a sync answer. Each opens a transaction of its own and takes up
 * the position again, so nothing is held while the socket is full. A change
 * that comes in meanwhile has a sequence past `until` and is told next time.
 */
#include "dav/sync_stream.h"

#include "auth/grant.h"
#include "dav/sync_walk.h"
#include "dav/xml.h"
#include "server/base/clock.h"
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
		if (sync_walk_visible(&walk))
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
 * now: that has an entry of its own.
 */
static enum outcome
tell_removed(struct sync_block *block, const struct log_entry *entry)
{
	struct sync_stream *stream = block->stream;
	struct exchange *exchange = stream->exchange;
	struct sync_walk walk = { 0 };
	struct text key;
	struct buffer href = { 0 };
	struct node node;
	enum outcome outcome = sync_walk_begin(&walk, exchange, stream->node,
	    entry->parent);

	if (outcome != OK || !sync_walk_visible(&walk) ||
	    !rights_hold(&walk.rights[walk.trail.count - 1], ATOM(LIST)) ||
	    (!stream->infinite && entry->parent != stream->node))
		return outcome == NOT_FOUND ? OK : outcome;
	outcome = name_key(exchange->arena, entry->name, &key);
	if (outcome == OK)
		outcome = node_find(exchange->txn, entry->parent, key, &node);
	if (outcome != NOT_FOUND)
		return outcome;
	buffer_append(&href, sync_walk_href(&walk, &stream->path));
	percent_encode_segment(&href, entry->name);
	if (entry->collection)
		buffer_append_byte(&href, '/');
	tell_gone(block, exchange_keep(exchange, &href));
	return OK;
}

struct losing {
	const struct exchange *exchange;
	uint64_t since_ns;
	bool lost;
};

static bool
grant_is_for(const struct grant *grant, const struct principal *principal)
{
	if (!grant->subject_is_group)
		return grant->subject == principal->id;
	for (size_t i = 0; i < principal->group_count; i++)
		if (grant->subject == principal->group[i])
			return true;
	return false;
}

/*
 * One that took the sight of the node away after the last report: a grant is a
 * change of its tree's log, so it is as old as the first change that is told.
 */
static bool
grant_hides(const struct grant *grant, void *context)
{
	struct losing *losing = context;
	if ((grant->rules & RULE_NO_ACCESS) != 0 &&
	    grant_is_for(grant, &losing->exchange->principal) &&
	    grant->created_ns >= losing->since_ns)
		losing->lost = true;
	return !losing->lost;
}

/*
 * A right that was lost looks like a deletion (rights.md 6). What was hidden
 * before the last report was never known, and its name is not told.
 */
static enum outcome
tell_hidden(struct sync_block *block, const struct sync_walk *walk)
{
	struct sync_stream *stream = block->stream;
	struct losing losing = { stream->exchange, stream->since_ns, false };
	struct sync_walk parent = *walk;
	enum outcome outcome;

	parent.trail.count--;
	if (!sync_walk_visible(&parent) ||
	    !rights_hold(&walk->rights[parent.trail.count - 1], ATOM(LIST)))
		return OK;
	outcome = grant_each(stream->exchange->txn,
	    trail_last(&walk->trail)->id, grant_hides, &losing);
	if (outcome == OK && losing.lost)
		tell_gone(block, sync_walk_href(walk, &stream->path));
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
	if (last == walk.root || (!stream->infinite && last != walk.root + 1))
		return OK;
	if (!sync_walk_visible(&walk))
		return tell_hidden(block, &walk);
	outcome = tell_member(block, &walk,
	    sync_walk_href(&walk, &stream->path));
	/* What changed may be who sees it: then all below is new to them. */
	if (outcome == OK && stream->infinite &&
	    walk.trail.node[last].kind == NODE_COLLECTION)
		stream->position.walk = entry->node;
	return outcome;
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
	if (stream->since_ns == 0)
		stream->since_ns = entry->at_ns;
	stream->exchange->arena = arena_new();
	block->outcome = entry->kind == LOG_REMOVED ?
	    tell_removed(block, entry) :
	    tell_changed(block, entry);
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
block_fill(struct sync_stream *stream, struct buffer *out, bool *ret_end)
{
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
	struct exchange *exchange = stream->exchange;
	struct arena *arena = exchange->arena;
	enum outcome outcome = txn_begin_read(exchange->store->engine,
	    &exchange->txn);

	if (outcome != OK)
		return outcome;
	exchange->arena = arena_new();
	exchange->now_ns = clock_wall_ns();
	outcome = block_fill(stream, out, ret_end);
	txn_abort(exchange->txn);
	exchange->txn = NULL;
	arena_free(exchange->arena);
	exchange->arena = arena;
	return outcome;
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
