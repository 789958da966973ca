#pragma once

#include "dav/method.h"
#include "server/loop.h"

/*
 * The lanes with threads of their own: `slow` (files, archives, whatever may
 * block) and `hash` (argon2id, 19 MiB a piece). Each has a bounded queue, so
 * that one slow kind of work cannot starve another, and serves subjects in
 * turn, so that one subject cannot starve another: it never runs on all
 * threads, and finds a queue full of its own jobs before others do. The lanes
 * `inline` and `commit` have no queue here: one is the loop, the other the
 * committer.
 */
struct job {
	void (*run)(struct job *job);
	void (*home)(struct job *job); /* NULL: run was its end */
	struct loop *loop;             /* where home runs */
	uint64_t subject;              /* for whom (subject.h) */
	struct letter letter;          /* the worker's */
	struct job *next;              /* the worker's */
	uint64_t posted_ns;            /* the worker's */
};

struct workers;

enum outcome
workers_start(const struct conf *conf, struct workers **ret_workers) MUST_CHECK;

/* Runs what is queued, then ends the threads. NULL is allowed. */
void
workers_stop(struct workers *workers);

/*
 * Gives the job away; it comes home, or ends in `run`. BUSY: the queue is
 * full, the job is still the caller's. JOB_CONTINUES is never refused: it goes
 * on with work that was let in before, and there is one per request.
 */
enum job_kind { JOB_BEGINS, JOB_CONTINUES };

enum outcome
job_post(struct workers *workers, enum lane lane, enum job_kind kind,
    struct job *job) MUST_CHECK;

/* The cookie of libmagic that belongs to the thread of LANE_SLOW that asks. */
struct media_cookie *
worker_cookie(void) ON_WORKER;
