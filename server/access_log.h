#pragma once

#include "auth/principal.h"
#include "server/http/request.h"

/*
 * One line per request, key=value, at its end: id, peer, user, method, path,
 * status, bytes in and out, milliseconds, whether all of it was sent. Never a
 * query (it may hold a ticket), never a credential. fd -1: no log. A request
 * that ended with 500 is told on stderr as an error in any case.
 */
void
access_log(int fd, const struct request *request,
    const struct principal *principal, bool sent);

/* "stderr", "off" or a file to append to. False: errno says why. */
bool
access_log_open(const char *where, int *ret_fd);
