/*
 * Reading, and heads. One read goes into the scratch of the loop; a head is
 * copied into the arena of its request, and only what cannot be used now is
 * kept. connection_body.c has what follows a head.
 */
#include "server/base/clock.h"
#include "server/http/connection_impl.h"
#include "server/http/http_metrics.h"
#include "server/http/problem.h"

ssize_t
connection_receive_into(struct connection *connection, char *room, size_t size)
{
	struct stream *stream = &connection->stream;
	ssize_t got;

	if (!connection->readable)
		return STREAM_AGAIN;
	got = stream->row->read(stream, room, size);
	/* A peer that is done leaves an end to be read. */
	if (stream->drained && !(connection->peer_shut && got > 0))
		connection->readable = false;
	connection->presumed = stream->drained && got > 0;
	if (got == STREAM_AGAIN && stream->wants_write)
		connection->writable = false;
	if (got > 0) {
		connection->slice += (size_t)got;
		http_count_received((size_t)got);
	}
	return got;
}

ssize_t
connection_receive(struct connection *connection)
{
	return connection_receive_into(connection, connection->owner->scratch,
	    SCRATCH_SIZE);
}

ssize_t
connection_receive_more(struct connection *connection)
{
	if (connection->presumed)
		connection->readable = true;
	return connection_receive(connection);
}

void
rest_advance(struct connection *connection, size_t used)
{
	connection->rest = text_slice(connection->rest, used,
	    connection->rest.len);
}

void
rest_keep(struct connection *connection)
{
	struct buffer *input = &connection->input;
	struct text rest = connection->rest;

	if (rest.len == 0) {
		buffer_done(input);
		connection->rest = TEXT_NONE;
		return;
	}
	if (input->len > 0 && rest.ptr >= input->ptr &&
	    rest.ptr < input->ptr + input->len) {
		buffer_consume(input, input->len - rest.len);
	} else {
		buffer_clear(input);
		buffer_append(input, rest);
	}
	connection->rest = buffer_text(input);
}

/* ---- Heads -------------------------------------------------------------- */

void
head_refuse(struct connection *connection, unsigned status)
{
	struct transfer *transfer = connection->transfer;
	struct problem problem = { .status = status };

	if (transfer == NULL)
		transfer = transfer_new(connection);
	connection->transfer = transfer;
	transfer->refused = true;
	transfer->replied = true;
	transfer->body_broken = true;
	http_count_refused(status);
	problem_respond(&transfer->request, BAD_INPUT, &problem);
	connection->phase = PHASE_REPLY;
	connection_soon(connection);
}

static void
head_begin(struct connection *connection, size_t len) ON_LOOP
{
	const struct http_service *service = &connection->owner->service;
	struct transfer *transfer = transfer_new(connection);
	struct request *request = &transfer->request;
	unsigned status = transfer_parse(transfer,
	    text_slice(connection->rest, 0, len));

	connection->transfer = transfer;
	connection->scanned = 0;
	connection->head_ns = 0;
	rest_advance(connection, len);
	if (status != 0) {
		head_refuse(connection, status);
		return;
	}
	connection_deadline(connection, 0);
	connection->phase = PHASE_AWAY;
	service->head(request, service->context);
}

/* More bytes behind those of an incomplete head. */
static enum turn
head_more(struct connection *connection) ON_LOOP
{
	struct buffer *input = &connection->input;
	ssize_t got;

	rest_keep(connection);
	got = connection_receive_more(connection);
	if (got == STREAM_AGAIN) {
		connection_deadline(connection,
		    connection->head_ns +
			connection->conf->limits.header_seconds *
			    NS_PER_SECOND);
		return TURN_WAIT;
	}
	if (got <= 0) {
		connection_end(connection);
		return TURN_WAIT;
	}
	buffer_append(input,
	    (struct text){ connection->owner->scratch, (size_t)got });
	connection->rest = buffer_text(input);
	return TURN_GO;
}

/* The first bytes of a head, or none yet. */
static bool
head_first(struct connection *connection) ON_LOOP
{
	ssize_t got = connection_receive(connection);

	if (got > 0)
		connection->rest = (struct text){ connection->owner->scratch,
			(size_t)got };
	else if (got != STREAM_AGAIN)
		connection_end(connection);
	return got > 0;
}

enum turn
turn_head(struct connection *connection)
{
	const struct conf_limits *conf = &connection->conf->limits;
	const struct head_limits limits = {
		.section = conf->header_section,
		.fields = conf->header_fields,
		.target = conf->target,
	};
	unsigned status;
	size_t len;

	if (connection->rest.len == 0 && !head_first(connection))
		return TURN_WAIT;
	if (connection->head_ns == 0)
		connection->head_ns = clock_monotonic_ns();
	switch (head_measure(connection->rest, &limits, &connection->scanned,
	    &len, &status)) {
	case PARSE_DONE:
		head_begin(connection, len);
		return TURN_GO;
	case PARSE_REFUSED:
		head_refuse(connection, status);
		return TURN_GO;
	case PARSE_MORE:
	default:
		return head_more(connection);
	}
}
