#pragma once

#include "server/listen.h"

/*
 * The server process: everything that handles requests. Started by the
 * supervisor, which owns the sockets; it never execs. SIGTERM ends it when the
 * requests under way are answered, SIGUSR1 does the same with patience for
 * idle connections, because a successor has taken over.
 *
 * Writes one byte to `ready_fd` when it accepts. Returns the exit status.
 */
int
process_run(struct conf *conf, const struct socket_set *sockets, int ready_fd);
