/*
 * RUN and REPLY of the life of a request (serve.c): the method, in the lane of
 * its row, and what is made of how it ended.
 */
#include "server/base/clock.h"
#include "server/live.h"
#include "server/route.h"
#include "server/visit.h"

enum { SMALL_ANSWER = 64 * 1024 /* is in the socket at once */ };

void
visit_enter_at(struct visit *visit, enum phase phase, uint64_t now_ns)
{
	metric_phase(visit->phase, now_ns - visit->phase_ns);
	visit->phase = phase;
	visit->phase_ns = now_ns;
}

void
visit_enter(struct visit *visit, enum phase phase)
{
	visit_enter_at(visit, phase, clock_monotonic_ns());
}

/* On mounts it is the same for every resource (rights.md 5). */
static struct text
allow_of(const struct visit *visit)
{
	if (visit->route != NULL && visit->route->kind == ROUTE_PAGE)
		return TEXT("GET, HEAD, OPTIONS");
	return method_allow();
}

/* ---- REPLY ------------------------------------------------------------- */

void
visit_reply(struct visit *visit, enum outcome outcome)
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

/* Who signed in in the same state of the store still may. */
static enum outcome
principal_stands(const struct visit *visit, struct txn *txn)
{
	const struct principal *principal = &visit->exchange.principal;

	if (txn == NULL || principal->kind != PRINCIPAL_USER ||
	    snapshot_equal(visit->snapshot, txn_snapshot(txn)))
		return OK;
	return principal_check(txn, principal);
}

/* The same beginning each time: a change may run again. */
enum outcome
visit_method(struct visit *visit, struct txn *txn)
{
	struct exchange *exchange = &visit->exchange;
	enum outcome outcome;

	exchange->txn = txn;
	exchange->now_ns = clock_ends_ns();
	exchange->problem = (struct problem){ 0 };
	response_reset(&exchange->request->response);
	outcome = principal_stands(visit, txn);
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
		outcome = visit_method(visit, txn);
		txn_abort(txn);
	}
	visit_reply(visit, outcome);
}

static enum outcome
change_method(struct txn *txn, struct change *change)
{
	struct visit *visit = (struct visit *)((char *)change -
	    offsetof(struct visit, change));

	return visit_method(visit, txn);
}

static void
commit_post(struct visit *visit) ON_LOOP;

static void
commit_turn(struct letter *letter) ON_LOOP
{
	commit_post((struct visit *)((char *)letter -
	    offsetof(struct visit, letter)));
}

/* The next one of this subject, which may be another loop's. */
static void
share_pass(struct visit *visit) ON_LOOP
{
	struct visit *next = NULL;

	if ((visit->exchange.method->flags & METHOD_LONG) != 0)
		next = share_leave(visit->server->share, visit);
	if (next == NULL)
		return;
	next->letter.open = commit_turn;
	loop_post(next->loop, &next->letter);
}

static void
change_home(struct letter *letter) ON_LOOP
{
	struct visit *visit = (struct visit *)((char *)letter -
	    offsetof(struct visit, letter));

	visit->away = false;
	visit->exchange.staged.taken = visit->outcome == OK;
	share_pass(visit);
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
commit_post(struct visit *visit)
{
	enum outcome outcome;

	visit->exchange.recall = NULL; /* it is the loop's */
	visit->change.run = change_method;
	visit->change.done = change_answered;
	visit->change.frees = (visit->exchange.method->flags & METHOD_FREES) !=
	    0;
	visit->away = true;
	outcome = change_post(visit->server->store->committer, &visit->change);
	if (outcome == OK)
		return;
	visit->away = false;
	share_pass(visit);
	visit_reply(visit, outcome);
}

void
visit_commit(struct visit *visit)
{
	enum share_answer answer = SHARE_GOES;

	if ((visit->exchange.method->flags & METHOD_LONG) != 0)
		answer = share_enter(visit->server->share, visit);
	if (answer == SHARE_GOES)
		commit_post(visit);
	else if (answer == SHARE_FULL)
		visit_reply(visit, BUSY);
	else
		visit->away = true;
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
		visit->outcome = visit_method(visit, txn);
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

void
visit_post(struct visit *visit, enum lane lane, void (*run)(struct job *job),
    void (*home)(struct job *job))
{
	enum outcome outcome;

	visit->exchange.recall = NULL; /* it is the loop's */
	visit->job.run = run;
	visit->job.home = home;
	visit->job.loop = visit->loop;
	visit->job.subject = subject_of(&visit->exchange.principal);
	visit->away = true;
	outcome = job_post(visit->server->workers, lane, JOB_BEGINS,
	    &visit->job);
	if (outcome == OK)
		return;
	visit->away = false;
	visit_reply(visit, outcome);
}

void
visit_run(struct visit *visit)
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
		visit_commit(visit);
	else
		visit_post(visit, visit->lane, slow_method, slow_home);
}
