#pragma once

#include "server/listen.h"

/*
 * The server process: everything that handles requests. Started by the
 * supervisor, which owns the sockets; it never execs. SIGTERM ends it when the
 * requests under way are answered, SIGUSR1 does the same with patience for
 * idle connections, because a successor has taken over.
 *
 * Writes one byte to `ready_fd` when it accepts: the HANDOVER_FORM of the
 * program (handover.h). Returns the exit status.
 */
int
process_run(struct conf *conf, const struct socket_set *sockets, int ready_fd);

/*
 * The same with the configuration in `file`, when the environment of a
 * supervisor (CELLDAV_SOCKETS) says that this is its server process.
 */
bool
process_supervised(const char *file, int *ret_status);
