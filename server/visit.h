#pragma once

#include "dav/method.h"
#include "server/metrics.h"
#include "server/server.h"
#include "server/subject.h"
#include "server/upload.h"

/*
 * One request on its way through the process: what serve.c knows beside the
 * exchange that methods see. Lives in the request's arena; whoever owns the
 * request owns it.
 */
struct visit {
	struct exchange exchange; /* first: methods get this */
	struct server *server;    /* borrowed */
	struct loop *loop;        /* borrowed */
	const struct route *route;
	enum phase phase;
	uint64_t phase_ns; /* monotonic, when it was entered */
	enum lane lane;
	enum outcome outcome; /* of the last step */
	struct job job;
	struct change change;
	struct letter letter; /* home from the committer */
	struct credential_check check;
	struct snapshot snapshot; /* in which the principal was found */
	struct upload upload;
	bool away; /* with a worker or the committer */
	bool live; /* in the list of its loop */
	struct visit *live_next, **live_at;
	struct visit *share_next; /* waiting for a share (share.h) */
};

enum { LOOP_XML_MAX = 16 * 1024 }; /* bytes of XML that a loop parses */

static inline struct visit *
visit_of(struct request *request)
{
	return request->user;
}

/* The one change of phase, with what the last one took. */
void
visit_enter(struct visit *visit, enum phase phase);

/* The same for who has just read the clock. */
void
visit_enter_at(struct visit *visit, enum phase phase, uint64_t now_ns);

/* The end of everything: the answer of the method, or of the outcome. */
void
visit_reply(struct visit *visit, enum outcome outcome) ON_LOOP;

/* The method in the lane of the visit. */
void
visit_run(struct visit *visit) ON_LOOP;

/* The method in the committer's lane, whatever the visit's is. */
void
visit_commit(struct visit *visit) ON_LOOP;

/* The method here and now; `txn` NULL: it needs none. */
enum outcome
visit_method(struct visit *visit, struct txn *txn) MUST_CHECK;

/* Gives the visit to a worker; a full lane is answered. */
void
visit_post(struct visit *visit, enum lane lane, void (*run)(struct job *job),
    void (*home)(struct job *job)) ON_LOOP;
