#pragma once

#include <sys/types.h>

#include "server/listen.h"

/*
 * What a supervisor leaves to the program that takes its place by execve(2):
 * the process, and with it its children, stays; so do the descriptors that
 * are named here. The text goes through the environment.
 *
 * A server process says as its one byte of readiness which form of this text
 * its program reads, so a program is asked before the supervisor becomes it.
 */
enum { HANDOVER_FORM = 1, HANDOVER_RETIRING_MAX = 16 };

struct handover {
	int lock_fd;
	pid_t current;
	pid_t retiring[HANDOVER_RETIRING_MAX]; /* 0: none */
	struct text program;                   /* path; borrowed */
};

/* Also makes the descriptors survive the execve, and handover_keep ends it. */
void
handover_write(const struct handover *handover, const struct socket_set *set,
    struct buffer *out);

/* False: not of this form. Descriptors are closed on execve again. */
bool
handover_read(const char *text, struct socket_set *ret_set,
    struct handover *ret_handover);

/* The execve did not happen. */
void
handover_keep(const struct handover *handover, const struct socket_set *set);
