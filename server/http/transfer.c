/*
 * From a head to a request: the target without its authority, the canonical
 * path, and who the client says that we are. Whatever is wrong is a status
 * here, before the service sees anything.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/http/address.h"
#include "server/http/connection_impl.h"
#include "server/http/forwarded.h"
#include "server/http/uri.h"

enum { IDS = 1024 };

static _Atomic uint64_t ids_given;

/* Loops take many at a time: a counter that they share costs each of them. */
static uint64_t
id_next(void)
{
	static _Thread_local uint64_t last;

	if (last % IDS == 0)
		last = atomic_fetch_add_explicit(&ids_given, IDS,
		    memory_order_relaxed);
	return ++last;
}

struct transfer *
transfer_new(struct connection *connection)
{
	struct arena *arena = arena_new();
	struct transfer *transfer = ARENA_NEW(arena, struct transfer);
	struct request *request = &transfer->request;

	request->id = id_next();
	request->arena = arena;
	request->conf = connection->conf;
	request->peer = connection->peer;
	request->connection = connection;
	request->response.arena = arena;
	request->scheme = request->peer.tls ? TEXT("https") : TEXT("http");
	request->begun_ns = connection->head_ns != 0 ? connection->head_ns :
						       clock_monotonic_ns();
	return transfer;
}

/*
 * http://authority/path: the authority is that of Host (RFC 9112 3.2.2 lets it
 * replace Host; two that differ are refused).
 */
static unsigned
absolute_form(struct request *request, struct text target)
{
	size_t start = text_find_text(target, TEXT("://")) + 3;
	struct text rest = text_slice(target, start, target.len);
	size_t path = text_find(rest, '/');
	size_t query = text_find(rest, '?');
	size_t end = path < query ? path : query;

	if (!authority_equal(text_slice(rest, 0, end), request->authority,
		text_slice(target, 0, start - 3)))
		return 400;
	request->target = text_slice(rest, end, rest.len);
	if (request->target.len == 0 || request->target.ptr[0] == '?')
		request->target = arena_format(request->arena, "/%.*s",
		    TEXT_ARGS(request->target));
	return 0;
}

static unsigned
target_parse(struct request *request)
{
	enum outcome outcome;
	struct text rest;

	if (text_equal(request->target, TEXT("*"))) {
		request->asterisk = true;
		request->raw_path = request->target;
		return 0;
	}
	if (request->target.ptr[0] != '/') {
		unsigned status = absolute_form(request, request->target);

		if (status != 0)
			return status;
	}
	rest = request->target;
	request->raw_path = text_split(&rest, '?');
	request->query = rest;
	outcome = path_parse(request->arena, request->raw_path, &request->path);
	if (outcome == OK)
		return 0;
	return outcome == TOO_LARGE ? 414 : 400;
}

/* HTTP/1.0 need not name us: then it means the address that it came to. */
static void
authority_set(struct request *request)
{
	char host[ADDRESS_TEXT];
	bool six = request->peer.local.ss_family == AF_INET6;

	request->authority = header_get(&request->headers, "Host");
	if (request->authority.len > 0)
		return;
	address_format(&request->peer.local, host);
	request->authority = arena_format(request->arena,
	    six ? "[%s]:%u" : "%s:%u", host,
	    address_port(&request->peer.local));
}

static void
body_expect(struct transfer *transfer, const struct head *head)
{
	struct request *request = &transfer->request;

	request->expects_continue = head->expects_continue;
	if (head->chunked)
		request->body = REQUEST_BODY_CHUNKED;
	else if (head->has_length && head->length > 0)
		request->body = REQUEST_BODY_LENGTH;
	request->body_length = head->length;
	transfer->body_left = head->length;
	transfer->body_done = request->body == REQUEST_BODY_NONE;
}

/*
 * A connection names one authority all its life, mostly. What a proxy told is
 * asked each time, as it may change who we are.
 */
static bool
authority_ours(struct connection *connection, const struct request *request)
{
	struct text known = { connection->authority,
		connection->authority_len };
	struct text named = request->authority;

	if (!request->peer.trusted_proxy && known.len > 0 &&
	    text_equal(known, named))
		return true;
	if (!authority_known(request->conf, named, &request->peer))
		return false;
	if (!request->peer.trusted_proxy && named.len > 0 &&
	    named.len <= sizeof(connection->authority)) {
		memcpy(connection->authority, named.ptr, named.len);
		connection->authority_len = (unsigned char)named.len;
	}
	return true;
}

unsigned
transfer_parse(struct transfer *transfer, struct text bytes)
{
	struct request *request = &transfer->request;
	const struct conf_limits *conf = &request->conf->limits;
	const struct head_limits limits = {
		.section = conf->header_section,
		.fields = conf->header_fields,
		.target = conf->target,
	};
	struct head head;
	unsigned status = head_read(request->arena,
	    arena_copy(request->arena, bytes), &limits, &head);

	if (status != 0)
		return status;
	request->method = head.method;
	request->target = head.target;
	request->headers = head.headers;
	request->http10 = head.minor == 0;
	transfer->keep_alive = head.keep_alive;
	body_expect(transfer, &head);
	authority_set(request);
	status = target_parse(request);
	if (status != 0)
		return status;
	if (!forwarded_apply(request))
		return 400;
	return authority_ours(request->connection, request) ? 0 : 421;
}
