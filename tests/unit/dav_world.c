#include "tests/unit/dav_world.h"

#include <stdio.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/thread.h"

static struct header_list
parse_headers(struct world *world, const char *lines)
{
	struct text rest = text_from(lines);
	struct header_list list = { 0 };

	list.field = ARENA_ARRAY(world->arena, 32, struct header_field);
	while (rest.len > 0) {
		struct text line = text_split(&rest, '\n');
		struct header_field *field = &list.field[list.count];

		if (line.len == 0)
			continue;
		field->name = text_split(&line, ':');
		field->value = text_trim(line);
		list.count++;
	}
	return list;
}

static struct request *
make_request(struct world *world, const struct ask *ask)
{
	struct request *request = ARENA_NEW(world->arena, struct request);
	struct text query = text_from(ask->target);

	request->arena = world->arena;
	request->conf = world->conf;
	request->method = text_from(ask->method);
	request->target = query;
	request->raw_path = text_split(&query, '?');
	request->query = query;
	request->scheme = TEXT("http");
	request->authority = TEXT("localhost:8080");
	request->headers = parse_headers(world,
	    ask->headers != NULL ? ask->headers : "");
	if (ask->body != NULL) {
		request->body = REQUEST_BODY_LENGTH;
		request->body_length = strlen(ask->body);
	}
	request->response.arena = world->arena;
	assert_int_equal(path_parse(world->arena, request->raw_path,
			     &request->path),
	    OK);
	return request;
}

static void
give_body(struct exchange *exchange, const struct ask *ask)
{
	struct text body = text_from(ask->body);

	if (exchange->method->body == METHOD_BODY_XML)
		exchange->body = body;
	if (exchange->method->body != METHOD_BODY_CONTENT)
		return;
	exchange->head_bytes = text_slice(body, 0, 4096);
	blob_small(exchange->store, body, &exchange->staged.ref);
	exchange->staged.media = TEXT("text/plain");
}

static void
visit(struct exchange *exchange, struct txn *txn)
{
	exchange->txn = txn;
	exchange->now_ns = clock_ends_ns();
	exchange->problem = (struct problem){ 0 };
	response_reset(&exchange->request->response);
}

static enum outcome
admit(struct world *world, struct exchange *exchange, enum lane *lane)
{
	struct txn *txn;
	enum outcome outcome = OK;

	assert_int_equal(txn_begin_read(world->store->engine, &txn), OK);
	visit(exchange, txn);
	if (exchange->method->admit != NULL)
		outcome = exchange->method->admit(exchange, lane);
	txn_abort(txn);
	return outcome;
}

static enum outcome
run(struct world *world, struct exchange *exchange, enum lane lane)
{
	struct txn *txn = NULL;
	enum outcome outcome;

	if (lane == LANE_INLINE)
		assert_int_equal(txn_begin_read(world->store->engine, &txn),
		    OK);
	if (lane == LANE_COMMIT)
		assert_int_equal(txn_begin_write(world->store->engine, &txn),
		    OK);
	visit(exchange, txn);
	outcome = exchange->method->run(exchange);
	if (lane == LANE_COMMIT && outcome == OK)
		assert_int_equal(txn_commit(txn), OK);
	else
		txn_abort(txn);
	exchange->txn = NULL;
	return outcome;
}

static struct text
gather_pieces(struct world *world, const struct response *response)
{
	struct buffer out = { 0 };
	struct text text;

	for (size_t i = 0; i < response->piece_count; i++)
		buffer_append(&out, response->piece[i].bytes);
	text = arena_copy(world->arena, buffer_text(&out));
	buffer_done(&out);
	return text;
}

static struct text
gather_source(struct world *world, struct body_source *source)
{
	struct buffer out = { 0 };
	struct text text;
	bool end = false;

	while (!end) {
		assert_int_equal(source->fill(source, &out, &end), OK);
	}
	text = arena_copy(world->arena, buffer_text(&out));
	buffer_done(&out);
	return text;
}

struct reply
dav_ask(struct world *world, const struct ask *ask)
{
	struct exchange *exchange = ARENA_NEW(world->arena, struct exchange);
	struct response *response;
	struct reply reply;
	enum outcome outcome = UNAUTHENTICATED;
	enum lane lane;

	exchange->request = make_request(world, ask);
	exchange->arena = world->arena;
	exchange->store = world->store;
	exchange->conf = world->conf;
	exchange->method = method_find(text_from(ask->method));
	assert_non_null(exchange->method);
	lane = exchange->method->lane;
	if (ask->user != NULL)
		exchange->principal = world_principal(world, ask->user);
	/* The world's own transaction must not be in the way of others. */
	assert_int_equal(txn_commit(world->txn), OK);
	if (ask->user != NULL ||
	    (exchange->method->flags & METHOD_ANONYMOUS) != 0)
		outcome = admit(world, exchange, &lane);
	if (outcome == OK) {
		if (ask->body != NULL)
			give_body(exchange, ask);
		outcome = run(world, exchange, lane);
	}
	response = &exchange->request->response;
	if (outcome != OK) {
		response_reset(response);
		problem_respond(exchange->request, outcome, &exchange->problem);
	}
	reply.body = response->kind == BODY_SOURCE ?
	    gather_source(world, response->source) :
	    gather_pieces(world, response);
	reply.status = response->status;
	reply.response = *response;
	if (response->source != NULL)
		response->source->close(response->source);
	assert_int_equal(txn_begin_write(world->store->engine, &world->txn),
	    OK);
	return reply;
}

unsigned
dav_status(struct world *world, const char *user, const char *method,
    const char *target, const char *headers, const char *body)
{
	struct ask ask = { user, method, target, headers, body };

	return dav_ask(world, &ask).status;
}

struct text
reply_field(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->response.field_count; i++)
		if (text_equal_nocase(reply->response.field[i].name,
			text_from(name)))
			return reply->response.field[i].value;
	return TEXT_NONE;
}

bool
reply_has(const struct reply *reply, const char *part)
{
	struct text needle = text_from(part);

	return text_find_text(reply->body, needle) < reply->body.len;
}

const char *
reply_token(struct world *world, const struct reply *reply)
{
	struct text token = reply_field(reply, "Lock-Token");

	return arena_format(world->arena, "(%.*s)", TEXT_ARGS(token)).ptr;
}

int
dav_setup(void **state)
{
	struct world *world;
	struct cell cell;

	thread_enter_worker();
	thread_enter_loop();
	if (world_setup(state) != 0)
		return -1;
	world = *state;
	(void)world_user(world, "bob");
	cell = world_cell(world, "docs", world_user(world, "alice"));
	(void)world_folder(world, &cell, "/dir");
	return 0;
}

void
dav_grant(struct world *world, const char *path, const char *user,
    const char *what)
{
	struct principal principal = world_principal(world, user);
	struct path parsed;
	struct trail trail;
	struct cell cell;

	assert_int_equal(cell_find(world->txn, TEXT("docs"), &cell), OK);
	assert_int_equal(path_parse_decoded(world->arena, text_from(path),
			     &parsed),
	    OK);
	assert_int_equal(trail_find(world->txn, world->arena, cell.root,
			     &parsed, &trail),
	    OK);
	assert_int_equal(trail.missing, 0);
	(void)world_grant(world, &trail, principal.id, what, 0);
}
