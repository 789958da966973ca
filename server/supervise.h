#pragma once

#include "conf/conf.h"

/*
 * The supervisor: owns the listening sockets and the instance lock, starts the
 * server process, and replaces it. A reload (SIGHUP) reads the configuration,
 * and when that is good starts a new process of the program as it is on disk
 * now, with new certificates and all; when that one is ready, the old one
 * drains. One mechanism, so nothing has to be changed inside a running
 * process. SIGUSR2 does the same and then lets the supervisor itself become the
 * program on disk (handover.h). SIGTERM and SIGINT drain and end.
 *
 * Returns the exit status. `file` is the configuration's.
 */
int
supervise(const char *file);
