#pragma once

#include "server/server.h"

/*
 * Decides the media types that uploads left open (store/media_later.h), away
 * from any request: libmagic runs in a thread that the kernel gives only what
 * no other wants, so a burst of uploads has its types when it is over.
 */
struct typist;

enum outcome
typist_start(struct server *server, struct typist **ret_typist) MUST_CHECK;

/* NULL is allowed. What is not decided by then is found at the next start. */
void
typist_stop(struct typist *typist);
