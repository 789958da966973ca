#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "server/base/arena.h"
#include "server/base/outcome.h"
#include "server/base/path.h"
#include "server/base/thread.h"
#include "server/http/header.h"
#include "server/http/response.h"

/*
 * One exchange: what was asked and what is answered. Exactly one thread owns
 * it at a time; posting it gives it away. It knows no protocol version, no
 * WebDAV and no store. Everything in it lives in `arena` and dies with it.
 */
enum request_body {
	REQUEST_BODY_NONE,
	REQUEST_BODY_LENGTH,
	REQUEST_BODY_CHUNKED
};

enum wants { WANTS_NOTHING, WANTS_CONTINUE };

struct peer {
	struct sockaddr_storage address; /* of the socket */
	struct sockaddr_storage local;   /* the address it was accepted on */
	char name[64]; /* numeric client address, after trusted proxies */
	bool tls;      /* the client's hop was TLS, as far as we may know */
	bool loopback;
	bool trusted_proxy; /* the socket's peer is one of trusted_proxies */
};

struct request {
	uint64_t id;           /* of this process, for the log */
	struct arena *arena;   /* owned */
	struct conf *conf;     /* borrowed from the connection */
	struct text method;    /* token as sent */
	struct text target;    /* as sent, origin form without authority */
	struct text raw_path;  /* target up to '?' */
	struct text query;     /* after '?', ptr NULL when there is none */
	struct path path;      /* canonical; count 0 for "/" and "*" */
	bool asterisk;         /* OPTIONS * */
	struct text scheme;    /* "http" or "https", as the client sees it */
	struct text authority; /* host[:port] as the client sees it */
	struct header_list headers;
	struct peer peer;
	enum request_body body;
	uint64_t body_length; /* REQUEST_BODY_LENGTH */
	bool expects_continue;
	bool http10;
	struct response response;
	uint64_t begun_ns;             /* monotonic, first byte of the head */
	uint64_t received;             /* body bytes so far */
	uint64_t sent;                 /* body bytes of the answer so far */
	_Atomic bool cancelled;        /* the client is gone; long walks look */
	struct connection *connection; /* borrowed, loop only */
	void *user;                    /* the process hangs its exchange here */
};

/*
 * Where body bytes go: set by request_read_body(). ON_LOOP. `write` takes a
 * copy of what it wants to keep and answers OK; PENDING: it took these bytes, but
 * no more until request_resume_body(); a failure: the connection stops
 * reading and calls `end` with it. `end` comes exactly once: OK after the last
 * byte, CANCELLED when the client went away, BAD_INPUT for broken framing,
 * TOO_LARGE, or what write said. On any failure the owner still calls
 * request_reply() (CANCELLED and BAD_INPUT framing: the answer may not arrive).
 * `room`, if set, may offer a place for at most `want` bytes, *ret_size of
 * them and never 0, or NULL: `write` then may get bytes that are there already.
 */
struct body_sink {
	char *(*room)(struct body_sink *sink, size_t want, size_t *ret_size);
	enum outcome (*write)(struct body_sink *sink, struct text bytes);
	void (*end)(struct body_sink *sink, enum outcome outcome);
};

/*
 * None of the calls below calls `done` or a callback of a sink or source
 * before it returns, but for the `end` that request_read_body() may call at
 * once: what follows from them happens in the same turn of the loop, after the
 * caller is done.
 */

/*
 * Begins to read the body into `sink`, sending 100 Continue first when the
 * client waits for it (RFC 9110 10.1.1). With REQUEST_BODY_NONE, and when the
 * declared length is above `max`, `end` is called at once. `max`: more bytes
 * are TOO_LARGE (UINT64_MAX: no limit).
 */
void
request_read_body(struct request *request, struct body_sink *sink, uint64_t max)
    ON_LOOP;

void
request_resume_body(struct request *request) ON_LOOP;

/*
 * Sends request->response. A body that was not read is drained when what is
 * left is small, else the connection closes after the answer (RFC 9112 9.3).
 * The request belongs to the connection from here; `done` of the service is
 * its end.
 */
void
request_reply(struct request *request) ON_LOOP;

/*
 * Ends the connection at once, before the announced length (RFC 9112 8): the
 * client must not take what it got for the whole. The request comes to its end
 * by the sink or by `done`, as when the client had gone away.
 */
void
request_cut(struct request *request) ON_LOOP;

/*
 * A source or hold that answered PENDING may be asked again. Not after its
 * close(): the request may be gone then.
 */
void
response_wake(struct request *request) ON_LOOP;
