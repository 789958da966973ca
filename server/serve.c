/*
 * The life of a request, in the order in which it happens:
 *
 *   HEAD   the connection parsed it                  loop
 *   ROUTE  who answers this path, which method       loop
 *   ADMIT  who asks, may they, cheap preconditions   loop (hash: worker)
 *   BODY   streamed into memory or a staged blob     loop, blocks: worker
 *   RUN    the method, in the lane of its row        loop, worker, committer
 *   REPLY  the connection sends it                   loop
 *   DONE   one log line, metrics, memory             loop
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

enum {
	SMALL_BODY = 64 * 1024,
	SMALL_ANSWER = 64 * 1024, /* is in the socket at once */
	LOOP_XML_MAX = 16 * 1024
};

static void
visit_enter(struct visit *visit, enum phase phase)
{
	uint64_t now = clock_monotonic_ns();

	metric_phase(visit->phase, now - visit->phase_ns);
	visit->phase = phase;
	visit->phase_ns = now;
}

/* On mounts it is the same for every resource (rights.md 5). */
static struct text
allow_of(const struct visit *visit)
{
	if (visit->route != NULL && visit->route->kind == ROUTE_PAGE)
		return TEXT("GET, HEAD, OPTIONS");
	return method_allow(visit->exchange.arena);
}

/* ---- REPLY ------------------------------------------------------------- */

static void
visit_reply(struct visit *visit, enum outcome outcome) ON_LOOP
{
	struct exchange *exchange = &visit->exchange;
	struct request *request = exchange->request;

	visit_enter(visit, PHASE_REPLY);
	visit->outcome = outcome;
	if (outcome != OK) {
		response_reset(&request->response);
		problem_respond(request, outcome, &exchange->problem);
		if (request->response.status == 401)
			authenticate_challenge(request);
		if (request->response.status == 405)
			response_header(&request->response, "Allow",
			    allow_of(visit));
	}
	if (outcome == OK && request->response.kind == BODY_PIECES &&
	    request->response.length > SMALL_ANSWER)
		live_enter(loop_live(visit->loop), visit);
	else
		live_leave(loop_live(visit->loop), visit);
	request_reply(request);
}

/* ---- RUN --------------------------------------------------------------- */

/* The same beginning each time: a change may run again. */
static enum outcome
method_run(struct visit *visit, struct txn *txn)
{
	struct exchange *exchange = &visit->exchange;
	enum outcome outcome;

	exchange->txn = txn;
	exchange->now_ns = clock_wall_ns();
	exchange->problem = (struct problem){ 0 };
	response_reset(&exchange->request->response);
	outcome = txn != NULL && exchange->principal.kind == PRINCIPAL_USER ?
	    principal_check(txn, &exchange->principal) :
	    OK;
	if (outcome == OK)
		outcome = exchange->method->run(exchange);
	exchange->txn = NULL;
	return outcome;
}

static void
run_inline(struct visit *visit) ON_LOOP
{
	struct txn *txn;
	enum outcome outcome = txn_begin_read(visit->server->store->engine,
	    &txn);

	if (outcome == OK) {
		outcome = method_run(visit, txn);
		txn_abort(txn);
	}
	visit_reply(visit, outcome);
}

static enum outcome
change_method(struct txn *txn, struct change *change)
{
	struct visit *visit = (struct visit *)((char *)change -
	    offsetof(struct visit, change));

	return method_run(visit, txn);
}

static void
change_home(struct letter *letter) ON_LOOP
{
	struct visit *visit = (struct visit *)((char *)letter -
	    offsetof(struct visit, letter));

	visit->away = false;
	visit->exchange.staged.taken = visit->outcome == OK;
	visit_reply(visit, visit->outcome);
}

static void
change_answered(struct change *change, enum outcome outcome)
{
	struct visit *visit = (struct visit *)((char *)change -
	    offsetof(struct visit, change));

	visit->outcome = outcome;
	visit->letter.open = change_home;
	loop_post(visit->loop, &visit->letter);
}

static void
run_commit(struct visit *visit) ON_LOOP
{
	enum outcome outcome;

	visit->change.run = change_method;
	visit->change.done = change_answered;
	visit->change.frees = (visit->exchange.method->flags & METHOD_FREES) !=
	    0;
	visit->away = true;
	outcome = change_post(visit->server->store->committer, &visit->change);
	if (outcome == OK)
		return;
	visit->away = false;
	visit_reply(visit, outcome);
}

/* A method of the loop whose body is too long for it reads here. */
static void
slow_method(struct job *job) ON_WORKER
{
	struct visit *visit = (struct visit *)((char *)job -
	    offsetof(struct visit, job));
	struct txn *txn = NULL;

	visit->outcome = OK;
	if (visit->exchange.method->lane == LANE_INLINE)
		visit->outcome = txn_begin_read(visit->server->store->engine,
		    &txn);
	if (visit->outcome == OK)
		visit->outcome = method_run(visit, txn);
	txn_abort(txn);
}

static void
slow_home(struct job *job) ON_LOOP
{
	struct visit *visit = (struct visit *)((char *)job -
	    offsetof(struct visit, job));

	visit->away = false;
	visit_reply(visit, visit->outcome);
}

static void
visit_post(struct visit *visit, enum lane lane, void (*run)(struct job *job),
    void (*home)(struct job *job)) ON_LOOP
{
	enum outcome outcome;

	visit->job.run = run;
	visit->job.home = home;
	visit->job.loop = visit->loop;
	visit->away = true;
	outcome = job_post(visit->server->workers, lane, JOB_BEGINS,
	    &visit->job);
	if (outcome == OK)
		return;
	visit->away = false;
	visit_reply(visit, outcome);
}

static void
visit_run(struct visit *visit) ON_LOOP
{
	const struct method *method = visit->exchange.method;

	visit_enter(visit, PHASE_RUN);
	if ((method->flags & METHOD_LARGE_SLOW) != 0 &&
	    visit->lane == LANE_INLINE &&
	    visit->exchange.body.len > LOOP_XML_MAX)
		visit->lane = LANE_SLOW;
	if (visit->lane == LANE_INLINE)
		run_inline(visit);
	else if (visit->lane == LANE_COMMIT)
		run_commit(visit);
	else
		visit_post(visit, visit->lane, slow_method, slow_home);
}

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
	visit_run(visit);
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

/* Rights and cheap preconditions, while no byte of the body was asked for. */
static enum outcome
method_admit(struct visit *visit, struct txn *txn) ON_LOOP
{
	struct exchange *exchange = &visit->exchange;
	enum outcome outcome = OK;

	if (exchange->principal.kind == PRINCIPAL_NONE &&
	    (exchange->method->flags & METHOD_ANONYMOUS) == 0)
		return UNAUTHENTICATED;
	exchange->txn = txn;
	exchange->now_ns = clock_wall_ns();
	if (exchange->method->admit != NULL)
		outcome = exchange->method->admit(exchange, &visit->lane);
	exchange->txn = NULL;
	return outcome;
}

static void
hash_run(struct job *job) ON_WORKER;
static void
hash_home(struct job *job) ON_LOOP;

/* A full queue is an answer too: the attempt must not count as open. */
static void
visit_hash(struct visit *visit) ON_LOOP
{
	visit->job.run = hash_run;
	visit->job.home = hash_home;
	visit->job.loop = visit->loop;
	visit->away = true;
	if (job_post(visit->server->workers, LANE_HASH, JOB_BEGINS,
		&visit->job) != OK)
		hash_home(&visit->job);
}

/* Also the way back from the hash lane, with its answer. */
static void
visit_admit(struct visit *visit, enum authenticate_result result,
    struct txn *txn) ON_LOOP
{
	enum outcome outcome = UNAUTHENTICATED;

	if (result == AUTHENTICATE_DONE)
		outcome = method_admit(visit, txn);
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
	struct txn *txn;
	enum outcome outcome;

	visit_enter(visit, PHASE_ADMIT);
	outcome = txn_begin_read(visit->server->store->engine, &txn);
	if (outcome != OK) {
		visit_reply(visit, outcome);
		return;
	}
	if ((exchange->method->flags & METHOD_ANONYMOUS) != 0)
		visit_admit(visit, AUTHENTICATE_DONE, txn);
	else
		visit_admit(visit,
		    authenticate(visit->server->authenticator, txn,
			exchange->request, &exchange->principal, &visit->check,
			&exchange->problem),
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
	const struct method *method = NULL;

	thread_enter_loop();
	if (visit != NULL) {
		method = visit->exchange.method;
		visit_enter(visit, PHASE_DONE);
		live_leave(loop_live(visit->loop), visit);
		upload_done(&visit->upload, visit->exchange.staged.taken);
	}
	metric_request(method, request->response.status,
	    clock_monotonic_ns() - request->begun_ns);
	access_log(server->access_fd, request,
	    visit != NULL ? &visit->exchange.principal : NULL, sent);
	if (visit != NULL)
		metric_phase(PHASE_DONE,
		    clock_monotonic_ns() - visit->phase_ns);
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
