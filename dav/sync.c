#include "dav/sync.h"

#include "dav/precondition.h"
#include "dav/sync_gone.h"
#include "dav/sync_stream.h"
#include "dav/sync_walk.h"
#include "dav/xml.h"
#include "store/log_entry.h"

/*
 * TOKEN, or TOKEN ";" FINAL ":" WALK ":" TOLD ":" HASH inside a walk: the log
 * is told up to the token's sequence, and will be up to FINAL when the walk is
 * over.
 */
#define WALK_MARK ";"

struct text
sync_state_format(struct arena *arena, const struct sync_token *token,
    const struct sync_position *position)
{
	struct sync_token base = *token;

	if (position->walk == 0)
		return sync_token_format(arena, token);
	base.sequence = position->log;
	return arena_format(arena, "%.*s" WALK_MARK "%llx:%llx:%llx:%llx",
	    TEXT_ARGS(sync_token_format(arena, &base)),
	    (unsigned long long)token->sequence,
	    (unsigned long long)position->walk,
	    (unsigned long long)position->told,
	    (unsigned long long)position->hash);
}

bool
sync_state_parse(struct text text, struct sync_token *ret_token,
    struct sync_position *ret_position)
{
	struct text base = text_split(&text, WALK_MARK[0]);
	uint64_t final;

	if (!sync_token_parse(base, ret_token))
		return false;
	*ret_position = (struct sync_position){ .log = ret_token->sequence };
	if (text.ptr == NULL)
		return true;
	if (!text_parse_u64(text_split(&text, ':'), 16, &final) ||
	    !text_parse_u64(text_split(&text, ':'), 16, &ret_position->walk) ||
	    !text_parse_u64(text_split(&text, ':'), 16, &ret_position->told) ||
	    !text_parse_u64(text, 16, &ret_position->hash))
		return false;
	ret_token->sequence = final;
	return true;
}

struct sync_request {
	struct text token;
	bool infinite;
	uint64_t limit;
};

static enum outcome
limit_parse(struct exchange *exchange, const xmlNode *root,
    struct sync_request *request)
{
	xmlNode *limit = xml_child(root, "DAV:", "limit"), *results;
	uint64_t asked;

	request->limit = exchange->conf->limits.sync_results;
	if (limit == NULL)
		return OK;
	results = xml_child(limit, "DAV:", "nresults");
	if (results == NULL ||
	    !text_parse_u64(text_trim(xml_text(exchange->arena, results)), 10,
		&asked))
		return BAD_INPUT;
	if (asked == 0) {
		exchange->problem.status = 507;
		exchange->problem.condition = "number-of-matches-within-limits";
		return TOO_LARGE;
	}
	if (asked < request->limit)
		request->limit = asked;
	return OK;
}

/* RFC 6578 6.1, and 3.3: the Depth field must be 0. */
static enum outcome
request_parse(struct exchange *exchange, const xmlNode *root,
    struct sync_request *ret_request)
{
	xmlNode *token = xml_child(root, "DAV:", "sync-token");
	xmlNode *level = xml_child(root, "DAV:", "sync-level");
	struct text text;
	int depth;
	enum outcome outcome = depth_parse(exchange->request, 0, &depth);

	if (outcome != OK)
		return outcome;
	if (depth != 0 || token == NULL || level == NULL)
		return BAD_INPUT;
	text = text_trim(xml_text(exchange->arena, level));
	if (!text_equal(text, TEXT("1")) && !text_equal(text, TEXT("infinite")))
		return BAD_INPUT;
	ret_request->infinite = !text_equal(text, TEXT("1"));
	ret_request->token = text_trim(xml_text(exchange->arena, token));
	return limit_parse(exchange, root, ret_request);
}

static enum outcome
token_refuse(struct exchange *exchange)
{
	exchange->problem.condition = "valid-sync-token";
	return FORBIDDEN;
}

enum { JUDGED_MAX = 1000 }; /* the loop is not held longer */

struct log_look {
	struct sync_view view;
	uint64_t until;
	size_t judged;
	bool found; /* something that the log cannot tell */
	enum outcome outcome;
};

/* Most that leaves has no grants and is not followed: that is soon seen. */
static bool
is_plain(const struct log_look *look, const struct log_entry *entry)
{
	struct node node;

	if (entry->granted || look->view.window->granted.count > 0)
		return false;
	return !entry->collection ||
	    sync_gone_taken(look->view.exchange, entry, &node) == NOT_FOUND;
}

/*
 * Nobody can say any more whether the asker ever saw what left, or another
 * collection stands where it was.
 */
static enum outcome
entry_judge(struct log_look *look, const struct log_entry *entry)
{
	struct sync_walk walk = { 0 };
	enum sync_gone gone;
	enum outcome outcome;

	if (is_plain(look, entry))
		return OK;
	outcome = sync_gone_judge(&look->view, entry, &walk, &gone);
	look->found = ++look->judged > JUDGED_MAX ||
	    (outcome == OK &&
		(gone == SYNC_GONE_UNKNOWN || gone == SYNC_GONE_REPLACED));
	return outcome;
}

static bool
entry_look(const struct log_entry *entry, void *context)
{
	struct log_look *look = context;
	struct exchange *exchange = look->view.exchange;
	struct arena *arena = exchange->arena;

	if (entry->sequence > look->until)
		return false;
	if (entry->kind != LOG_REMOVED &&
	    (entry->kind != LOG_RIGHTS ||
		!sync_names_subject(&exchange->principal, entry->subject)))
		return true;
	exchange->arena = arena_new();
	look->outcome = entry_judge(look, entry);
	arena_free(exchange->arena);
	exchange->arena = arena;
	return look->outcome == OK && !look->found;
}

/* What the log cannot tell asks for a look at all. */
static enum outcome
log_check(struct sync_stream *stream, const struct place *place)
{
	struct exchange *exchange = stream->exchange;
	struct log_look look = { .view = { exchange, place, stream->infinite,
				     &stream->window },
		.until = stream->token.sequence };
	enum outcome outcome;

	sync_window_begin(&stream->window, exchange, stream->token.tree,
	    stream->position.log);
	if (stream->position.log >= stream->token.sequence)
		return OK;
	outcome = sync_window_read(&stream->window, exchange);
	if (outcome == OK)
		outcome = log_each(exchange->txn, stream->token.tree,
		    stream->position.log, entry_look, &look);
	if (outcome == OK)
		outcome = look.outcome;
	if (outcome == CONFLICT || look.found)
		return token_refuse(exchange);
	return outcome;
}

/*
 * Where to begin. An empty token begins with a walk of everything; a token
 * that is not ours, of other rights, or older than the log is refused.
 */
static enum outcome
stream_begin_at(struct sync_stream *stream, const struct place *place,
    struct text text)
{
	struct exchange *exchange = stream->exchange;
	struct sync_token asked;
	enum outcome outcome = sync_token_now(exchange, place, &stream->token);

	if (outcome != OK)
		return outcome;
	if (text.len == 0) {
		stream->position = (struct sync_position){
			.log = stream->token.sequence, .walk = place->node->id
		};
		return log_check(stream, place);
	}
	if (!sync_state_parse(text, &asked, &stream->position) ||
	    !sync_token_fits(&asked, &stream->token) ||
	    asked.sequence > stream->token.sequence)
		return token_refuse(exchange);
	if (stream->position.walk != 0)
		stream->token.sequence = asked.sequence;
	return log_check(stream, place);
}

/*
 * A walk that was cut off goes on behind the node that was told last; when
 * that one is not where it was nobody knows where that is.
 */
static enum outcome
walk_check(struct sync_stream *stream)
{
	struct exchange *exchange = stream->exchange;
	const struct sync_position *position = &stream->position;
	struct sync_walk walk = { .deep = stream->infinite };
	enum outcome outcome;

	stream->spot.arena = exchange->arena;
	if (position->told == 0)
		return OK;
	outcome = sync_walk_begin(&walk, exchange, stream->node,
	    position->told);
	if (outcome == NOT_FOUND ||
	    (outcome == OK &&
		(!sync_walk_below(&walk, position->walk) ||
		    sync_walk_hash(&walk, position->walk) != position->hash)))
		return token_refuse(exchange);
	if (outcome == OK)
		sync_walk_mark(&walk, position->walk, &stream->spot);
	return outcome;
}

enum outcome
sync_report(struct exchange *exchange, const struct place *place,
    const xmlNode *root)
{
	struct sync_stream *stream = ARENA_NEW(exchange->arena,
	    struct sync_stream);
	xmlNode *prop = xml_child(root, "DAV:", "prop");
	struct sync_request request = { 0 };
	enum outcome outcome = request_parse(exchange, root, &request);

	if (outcome != OK)
		return outcome;
	if (prop == NULL)
		return BAD_INPUT;
	stream->exchange = exchange;
	stream->query = (struct property_query){ .ask = ASK_NAMED,
		.minimal = prefers_minimal(exchange->request) };
	stream->path = place->path;
	stream->node = place->node->id;
	stream->infinite = request.infinite;
	stream->left = request.limit;
	outcome = property_query_names(exchange, prop, &stream->query);
	if (outcome == OK)
		outcome = stream_begin_at(stream, place, request.token);
	if (outcome == OK)
		outcome = walk_check(stream);
	if (outcome == OK)
		sync_stream_respond(stream);
	return outcome;
}
