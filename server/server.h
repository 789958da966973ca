#pragma once

#include <stdatomic.h>

#include "auth/authenticate.h"
#include "conf/conf.h"
#include "server/loop.h"
#include "server/share.h"
#include "server/worker.h"
#include "store/store.h"

/*
 * All that one server process owns. Made by process_run(), read by everything
 * else; nothing in it changes while loops run, but for what is atomic. A new
 * configuration, certificate or program is a new process (supervise.h).
 */
struct server {
	struct conf *conf;                   /* shared, counted */
	struct store *store;                 /* owned */
	struct authenticator *authenticator; /* owned */
	struct workers *workers;             /* owned */
	struct share *share;                 /* owned */
	struct loop **loop;                  /* owned */
	size_t loop_count;
	int access_fd; /* -1: no access log */
	_Atomic bool draining;
	_Atomic uint64_t next_request;
};
