/*
 * PUT (RFC 9110 9.3.4, RFC 4918 9.7). Everything that can refuse it is asked
 * before a byte of the body is read, and again in the change that makes it
 * seen. The old content of a file stays as a version.
 */
#include "dav/methods.h"
#include "dav/precondition.h"
#include "dav/resave.h"
#include "server/base/clock.h"
#include "store/media.h"
#include "store/quota.h"

static enum outcome
put_resolve(struct exchange *exchange, struct place *place)
{
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome != OK)
		return outcome;
	if (place->scope == SCOPE_ROOT ||
	    (place->node != NULL && place->node->kind == NODE_COLLECTION))
		return exchange_not_allowed(exchange); /* RFC 4918 9.7.2 */
	outcome = place_demand(exchange, place,
	    place->node != NULL ? ATOM(MODIFY) : ATOM(CREATE));
	if (outcome != OK || place->node != NULL)
		return outcome;
	if (place->path.trailing_slash)
		return exchange_not_allowed(exchange);
	return place_name_check(exchange, place);
}

/* RFC 9110 14.5: a part must not be stored as the whole. */
static enum outcome
put_range_check(struct exchange *exchange)
{
	if (header_count(&exchange->request->headers, "Content-Range") == 0)
		return OK;
	exchange->problem.message = "Parts of a file cannot be stored.";
	return BAD_INPUT;
}

static enum outcome
put_check(struct exchange *exchange, struct place *place)
{
	enum outcome outcome = put_resolve(exchange, place);

	if (outcome == OK)
		outcome = put_range_check(exchange);
	if (outcome == OK)
		outcome = precondition_check(exchange, place,
		    place->node != NULL ? REACH_SELF : REACH_MEMBERSHIP);
	return outcome;
}

/*
 * The length as far as it is known before the body: Finder sends chunks and
 * says in a field of its own how long they will be (clients.md 1.11).
 */
static uint64_t
expected_length(const struct request *request)
{
	uint64_t length;

	if (request->body == REQUEST_BODY_LENGTH)
		return request->body_length;
	if (text_parse_u64(header_get(&request->headers,
			       "X-Expected-Entity-Length"),
		10, &length))
		return length;
	return 0;
}

static enum outcome
put_space_check(struct exchange *exchange, const struct place *place,
    uint64_t length)
{
	uint64_t max = exchange->conf->limits.file_size;
	enum outcome outcome;

	if (max != 0 && length > max)
		return TOO_LARGE;
	outcome = quota_check(exchange->txn, exchange->store, &place->trail,
	    length);
	return exchange_space(exchange, outcome);
}

/* On the file, or on the collection that it will be in. */
static void
put_stand(struct exchange *exchange, const struct place *place)
{
	exchange->standing.node = trail_last(&place->trail)->id;
	exchange->standing.needed = place->node != NULL ? ATOM(MODIFY) :
							  ATOM(CREATE);
}

static enum outcome
put_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;
	enum outcome outcome = put_check(exchange, &place);

	if (outcome == OK)
		put_stand(exchange, &place);
	if (outcome == OK)
		outcome = put_space_check(exchange, &place,
		    expected_length(exchange->request));
	return place_admit(exchange, outcome, lane);
}

/* The type is the server's to say (reliability.md 8). */
static enum outcome
put_prepare(struct exchange *exchange)
{
	const struct path *path = &exchange->request->path;
	struct text name = path->name[path->count - 1];
	struct media_cookie *cookie = exchange->cookie;
	struct text media;

	if (media_quick(name, exchange->head_bytes, &media)) {
		exchange->staged.media = media;
		return OK;
	}
	if (cookie == NULL)
		cookie = media_cookie_new();
	if (cookie == NULL)
		return BUSY;
	exchange->staged.media = arena_copy(exchange->arena,
	    media_detect(cookie, name, exchange->head_bytes));
	if (exchange->cookie == NULL)
		media_cookie_free(cookie);
	return OK;
}

/* Seconds since 1970, perhaps with a fraction that is not kept. */
static bool
client_time(const struct request *request, uint64_t *ret_ns)
{
	struct text value = header_get(&request->headers, "X-OC-Mtime");
	uint64_t seconds;

	if (value.ptr == NULL ||
	    !text_parse_u64(text_slice(value, 0, text_find(value, '.')), 10,
		&seconds) ||
	    seconds == 0 || seconds > UINT64_MAX / NS_PER_SECOND)
		return false;
	*ret_ns = seconds * NS_PER_SECOND;
	return true;
}

static void
put_respond(struct exchange *exchange, const struct node *node, bool created,
    bool timed)
{
	struct response *response = &exchange->request->response;
	char date[CLOCK_HTTP_SIZE];

	response->status = created ? 201 : 204;
	response_header(response, "ETag", node_etag(exchange->arena, node));
	clock_format_http(node->modified_ns, date);
	response_header(response, "Last-Modified", text_from(date));
	if (timed)
		response_header(response, "X-OC-MTime", TEXT("accepted"));
}

static enum outcome
put_resave(struct exchange *exchange, struct place *place)
{
	bool back;
	enum outcome outcome = resave_bring_back(exchange, place, 0, &back);

	return outcome == OK && back ?
	    place_resolve(exchange, &exchange->request->path, place) :
	    outcome;
}

static enum outcome
put_run(struct exchange *exchange)
{
	struct tree_actor actor = exchange_actor(exchange);
	struct tree_content content = {
		.blob = exchange->staged.ref,
		.media = exchange->staged.media,
	};
	struct place place;
	struct node node;
	bool timed = client_time(exchange->request, &content.modified_ns);
	enum outcome outcome = put_check(exchange, &place);
	bool created;

	/* Limits on the place are counted again by the change itself. */
	if (outcome == OK &&
	    content.blob.size != expected_length(exchange->request))
		outcome = put_space_check(exchange, &place, content.blob.size);
	if (outcome != OK)
		return outcome;
	created = place.node == NULL;
	if (created)
		outcome = put_resave(exchange, &place);
	if (outcome != OK)
		return exchange_space(exchange, outcome);
	content.name = place.name;
	outcome = tree_put(exchange->txn, exchange->store, &place.trail,
	    &content, &actor, &node);
	if (outcome == OK)
		put_respond(exchange, &node, created, timed);
	return exchange_space(exchange, outcome);
}

const struct method method_put = {
	.name = "PUT",
	.body = METHOD_BODY_CONTENT,
	.lane = LANE_COMMIT,
	.admit = put_admit,
	.prepare = put_prepare,
	.run = put_run,
};
