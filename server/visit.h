#pragma once

#include "dav/method.h"
#include "server/metrics.h"
#include "server/server.h"
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
	struct upload upload;
	bool away; /* with a worker or the committer */
	bool live; /* in the list of its loop */
	struct visit *live_next, **live_at;
};

static inline struct visit *
visit_of(struct request *request)
{
	return request->user;
}
