/*
 * The life of a request, in the order in which it happens (RUN and REPLY are
 * in serve_run.c):
 *
 *   HEAD   the connection parsed it                  loop
 *   ROUTE  who answers this path, which method       loop
 *   ADMIT  who asks, may they, cheap preconditions   loop (hash: worker)
 *   BODY   streamed into memory or a staged blob     loop, blocks: worker
 *   RUN    the method, in the lane of its row        loop, worker, committer
 *   REPLY  the connection sends it                   loop
 *   DONE   one log line, metrics, memory             loop
 *
 * What only reads and brings no body has ADMIT and RUN in one transaction.
 *
 * Exactly one thread owns a visit at a time. Only visit_enter() changes the
 * phase. Whatever fails ends in visit_reply() with an outcome.
 */
#include "server/serve.h"

#include <stdatomic.h>

#include "dav/precondition.h"
#include "server/access_log.h"
#include "server/base/clock.h"
#include "server/errand.h"
#include "server/live.h"
#include "server/route.h"
#include "server/visit.h"
#include "store/media.h"

enum { SMALL_BODY = 64 * 1024 };

/* ---- BODY -------------------------------------------------------------- */

static void
prepare_content(struct job *job) ON_WORKER
{
	struct visit *visit = (struct visit *)((char *)job -
	    offsetof(struct visit, job));
	struct exchange *exchange = &visit->exchange;

	visit->outcome = upload_finish(&visit->upload, &exchange->staged.ref);
	exchange->staged.writer = visit->upload.writer;
	exchange->cookie = worker_cookie();
	if (visit->outcome == OK && exchange->method->prepare != NULL)
		visit->outcome = exchange->method->prepare(exchange);
}

static void
prepared(struct job *job) ON_LOOP
{
	struct visit *visit = (struct visit *)((char *)job -
	    offsetof(struct visit, job));

	visit->away = false;
	if (visit->outcome != OK)
		visit_reply(visit, visit->outcome);
	else
		visit_run(visit);
}

/*
 * A small content needs no worker: where its type is not plain to see it is
 * decided later (store/media_later.h).
 */
static bool
content_quick(struct visit *visit)
{
	struct exchange *exchange = &visit->exchange;
	const struct path *path = &exchange->request->path;
	struct upload *upload = &visit->upload;

	if (upload->writer != NULL || path->count == 0 ||
	    upload->incoming.len > upload->memory_max)
		return false;
	if (!media_quick(path->name[path->count - 1], upload->head,
		&exchange->staged.media))
		exchange->staged.media = TEXT_NONE;
	blob_small(upload->store, buffer_text(&upload->incoming),
	    &exchange->staged.ref);
	return true;
}

/*
 * From here on the method itself looks at the rights, with what it changes;
 * a look from outside might cut the answer of what has been committed.
 */
static void
content_done(struct upload *upload, enum outcome outcome) ON_LOOP
{
	struct visit *visit = (struct visit *)((char *)upload -
	    offsetof(struct visit, upload));

	live_leave(loop_live(visit->loop), visit);
	visit->exchange.head_bytes = upload->head;
	if (outcome != OK)
		visit_reply(visit, outcome);
	else if (content_quick(visit))
		visit_run(visit);
	else
		visit_post(visit, LANE_SLOW, prepare_content, prepared);
}

static void
prepare_xml(struct job *job) ON_WORKER
{
	struct visit *visit = (struct visit *)((char *)job -
	    offsetof(struct visit, job));

	visit->outcome = visit->exchange.method->prepare(&visit->exchange);
}

/* What is parsed here need not be in a transaction that others share. */
static void
visit_prepare(struct visit *visit) ON_LOOP
{
	struct exchange *exchange = &visit->exchange;
	enum outcome outcome = OK;

	if (exchange->method->prepare != NULL &&
	    exchange->body.len > LOOP_XML_MAX) {
		visit_post(visit, LANE_SLOW, prepare_xml, prepared);
		return;
	}
	if (exchange->method->prepare != NULL)
		outcome = exchange->method->prepare(exchange);
	if (outcome != OK)
		visit_reply(visit, outcome);
	else
		visit_run(visit);
}

/* XML, or a body that a method without one was sent. */
static void
gather_done(struct upload *upload, enum outcome outcome) ON_LOOP
{
	struct visit *visit = (struct visit *)((char *)upload -
	    offsetof(struct visit, upload));
	const struct method *method = visit->exchange.method;
	struct text bytes = buffer_text(&upload->incoming);

	live_leave(loop_live(visit->loop), visit);
	if (outcome == OK && method->body == METHOD_BODY_NONE &&
	    bytes.len > 0 && (method->flags & METHOD_SAFE) == 0)
		outcome = BAD_INPUT, visit->exchange.problem.status = 415;
	if (outcome != OK) {
		visit_reply(visit, outcome);
		return;
	}
	if (method->body == METHOD_BODY_XML)
		visit->exchange.body = bytes;
	visit_prepare(visit);
}

static uint64_t
body_limit(const struct visit *visit)
{
	const struct conf *conf = visit->exchange.conf;

	switch (visit->exchange.method->body) {
	case METHOD_BODY_XML:
		return conf->limits.xml_body;
	case METHOD_BODY_CONTENT:
		return conf->limits.file_size != 0 ? conf->limits.file_size :
						     UINT64_MAX;
	case METHOD_BODY_NONE:
	default:
		return SMALL_BODY;
	}
}

static void
visit_body(struct visit *visit) ON_LOOP
{
	struct request *request = visit->exchange.request;
	const struct method *method = visit->exchange.method;
	bool content = method->body == METHOD_BODY_CONTENT;

	visit_enter(visit, PHASE_BODY);
	if (!content && request->body == REQUEST_BODY_NONE) {
		visit_run(visit);
		return;
	}
	if (method->body == METHOD_BODY_NONE &&
	    (method->flags & METHOD_SAFE) == 0 && request->body_length > 0) {
		visit->exchange.problem.status = 415; /* RFC 4918 8.4 */
		visit_reply(visit, BAD_INPUT);
		return;
	}
	if (request->body == REQUEST_BODY_LENGTH &&
	    request->body_length > body_limit(visit)) {
		visit_reply(visit, TOO_LARGE);
		return;
	}
	live_enter(loop_live(visit->loop), visit);
	visit->upload.kind = content ? UPLOAD_STAGE : UPLOAD_GATHER;
	visit->upload.memory_max = visit->exchange.conf->store.inline_size;
	visit->upload.done = content ? content_done : gather_done;
	upload_begin(&visit->upload, request, visit->loop, visit->server,
	    body_limit(visit));
}

/* ---- ADMIT ------------------------------------------------------------- */

/* OPTIONS is answered to everybody, the rest to those who signed in. */
static enum outcome
principal_needed(const struct exchange *exchange)
{
	return exchange->principal.kind == PRINCIPAL_NONE &&
		(exchange->method->flags & METHOD_ANONYMOUS) == 0 ?
	    UNAUTHENTICATED :
	    OK;
}

/* No body comes between ADMIT and RUN, and nothing is written. */
static bool
runs_at_once(const struct visit *visit)
{
	return visit->lane == LANE_INLINE &&
	    visit->exchange.request->body == REQUEST_BODY_NONE;
}

/*
 * `run` repeats what `admit` checks, and it is the same transaction. What
 * turns out to need a write goes the way of a change (place_admit()).
 */
static void
run_at_once(struct visit *visit, struct txn *txn) ON_LOOP
{
	struct exchange *exchange = &visit->exchange;
	enum outcome outcome = principal_needed(exchange);

	visit_enter(visit, PHASE_RUN);
	if (outcome == OK)
		outcome = visit_method(visit, txn);
	outcome = place_admit(exchange, outcome, &visit->lane);
	txn_abort(txn);
	if (visit->lane == LANE_INLINE)
		visit_reply(visit, outcome);
	else
		visit_commit(visit);
}

/* Rights and cheap preconditions, while no byte of the body was asked for. */
static enum outcome
method_admit(struct visit *visit, struct txn *txn) ON_LOOP
{
	struct exchange *exchange = &visit->exchange;
	enum outcome outcome = principal_needed(exchange);

	if (outcome != OK)
		return outcome;
	exchange->txn = txn;
	exchange->now_ns = clock_ends_ns();
	if (exchange->method->admit != NULL)
		outcome = exchange->method->admit(exchange, &visit->lane);
	exchange->txn = NULL;
	return outcome;
}

static void
hash_run(struct job *job) ON_WORKER;
static void
hash_home(struct job *job) ON_LOOP;

static void
hash_shared(struct letter *letter) ON_LOOP
{
	struct visit *visit = (struct visit *)((char *)letter -
	    offsetof(struct visit, letter));

	hash_home(&visit->job);
}

/* By whoever led; the visit is its loop's again. */
static void
hash_answered(struct credential_check *check)
{
	struct visit *visit = (struct visit *)((char *)check -
	    offsetof(struct visit, check));

	visit->letter.open = hash_shared;
	loop_post(visit->loop, &visit->letter);
}

/* A full queue is an answer too: the attempt must not count as open. */
static void
visit_hash(struct visit *visit) ON_LOOP
{
	visit->job.run = hash_run;
	visit->job.home = hash_home;
	visit->job.loop = visit->loop;
	visit->job.subject =
	    subject_of_address(visit->exchange.request->peer.name);
	visit->away = true;
	visit->check.answered = hash_answered;
	if (credential_follows(&visit->check))
		return;
	if (job_post(visit->server->workers, LANE_HASH, JOB_BEGINS,
		&visit->job) == OK)
		return;
	credential_give_up(&visit->check);
	hash_home(&visit->job);
}

/* Also the way back from the hash lane, with its answer. */
static void
visit_admit(struct visit *visit, enum authenticate_result result,
    struct txn *txn) ON_LOOP
{
	enum outcome outcome = UNAUTHENTICATED;

	if (result == AUTHENTICATE_DONE) {
		visit->snapshot = txn_snapshot(txn);
		if (runs_at_once(visit)) {
			run_at_once(visit, txn);
			return;
		}
		outcome = method_admit(visit, txn);
	}
	txn_abort(txn);
	if (result == AUTHENTICATE_HASH)
		visit_hash(visit);
	else if (outcome != OK)
		visit_reply(visit, outcome);
	else
		visit_body(visit);
}

static void
hash_run(struct job *job)
{
	struct visit *visit = (struct visit *)((char *)job -
	    offsetof(struct visit, job));

	credential_verify(&visit->check);
}

static void
hash_home(struct job *job)
{
	struct visit *visit = (struct visit *)((char *)job -
	    offsetof(struct visit, job));
	struct exchange *exchange = &visit->exchange;
	struct txn *txn;
	enum outcome outcome;

	visit->away = false;
	outcome = txn_begin_read(visit->server->store->engine, &txn);
	if (outcome != OK) {
		visit_reply(visit, outcome);
		return;
	}
	visit_admit(visit,
	    authenticate_finish(visit->server->authenticator, txn,
		exchange->request, &visit->check, &exchange->principal,
		&exchange->problem),
	    txn);
}

static void
visit_authenticate(struct visit *visit) ON_LOOP
{
	struct exchange *exchange = &visit->exchange;
	struct txn *txn = NULL;
	enum outcome outcome;

	/* ROUTE was a look at two tables: less than a look at the clock. */
	visit_enter_at(visit, PHASE_ADMIT, visit->phase_ns);
	if ((exchange->method->flags & METHOD_ANONYMOUS) != 0) {
		visit_admit(visit, AUTHENTICATE_DONE, NULL);
		return;
	}
	outcome = txn_begin_read(visit->server->store->engine, &txn);
	if (outcome != OK) {
		visit_reply(visit, outcome);
		return;
	}
	visit_admit(visit,
	    authenticate(visit->server->authenticator, txn, exchange->request,
		&exchange->principal, &visit->check, &exchange->problem),
	    txn);
}

/* ---- ROUTE ------------------------------------------------------------- */

static void
page_answer(struct visit *visit) ON_LOOP
{
	struct text method = visit->exchange.request->method;

	if (text_equal(method, TEXT("GET")) ||
	    text_equal(method, TEXT("HEAD"))) {
		visit->route->answer(visit);
		visit_reply(visit, OK);
		return;
	}
	visit->exchange.problem.status = 405;
	visit_reply(visit, UNSUPPORTED);
}

static void
visit_route(struct visit *visit, enum route_door door) ON_LOOP
{
	struct request *request = visit->exchange.request;

	visit_enter(visit, PHASE_ROUTE);
	visit->route = route_find(&request->path, door);
	visit->exchange.method = method_find(request->method);
	if (visit->exchange.method != NULL)
		visit->lane = visit->exchange.method->lane;
	/* OPTIONS is the same everywhere (rights.md 5, clients.md 1.9). */
	if (text_equal(request->method, TEXT("OPTIONS")) && door == DOOR_PUBLIC)
		visit_authenticate(visit);
	else if (visit->exchange.method == NULL) {
		visit->exchange.problem.status = 405;
		visit_reply(visit, UNSUPPORTED);
	} else if (visit->route == NULL)
		visit_reply(visit, NOT_FOUND);
	else if (visit->route->kind == ROUTE_PAGE)
		page_answer(visit);
	else {
		visit_authenticate(visit);
	}
}

/* ---- HEAD and DONE ------------------------------------------------------ */

static void
visit_begin(struct request *request, struct loop *loop, enum route_door door)
    ON_LOOP
{
	struct visit *visit = ARENA_NEW(request->arena, struct visit);

	visit->server = loop_server(loop);
	visit->loop = loop;
	visit->phase = PHASE_HEAD;
	visit->phase_ns = request->begun_ns;
	visit->exchange.request = request;
	visit->exchange.arena = request->arena;
	visit->exchange.store = visit->server->store;
	visit->exchange.conf = request->conf;
	visit->exchange.lanes = &errand_lanes;
	visit->exchange.recall = loop_recall(loop);
	request->user = visit;
	visit_route(visit, door);
}

static void
head_public(struct request *request, void *context)
{
	thread_enter_loop();
	visit_begin(request, context, DOOR_PUBLIC);
}

static void
head_admin(struct request *request, void *context)
{
	thread_enter_loop();
	visit_begin(request, context, DOOR_ADMIN);
}

static void
request_done(struct request *request, bool sent, void *context)
{
	struct visit *visit = visit_of(request);
	struct server *server = loop_server(context);
	uint64_t now = clock_monotonic_ns();

	thread_enter_loop();
	metric_request(visit != NULL ? visit->exchange.method : NULL,
	    request->response.status, now - request->begun_ns);
	if (visit != NULL) {
		visit_enter_at(visit, PHASE_DONE, now);
		live_leave(loop_live(visit->loop), visit);
		upload_done(&visit->upload, visit->exchange.staged.taken);
	}
	access_log(server->access_fd, request,
	    visit != NULL ? &visit->exchange.principal : NULL, sent);
	/* Only a line of the log takes time. */
	if (visit != NULL)
		metric_phase(PHASE_DONE,
		    server->access_fd >= 0 ? clock_monotonic_ns() - now : 0);
}

static const struct http_service services[] = {
	{ .head = head_public, .done = request_done },
	{ .head = head_admin, .done = request_done },
};

const struct http_service *
serve_services(void)
{
	return services;
}
