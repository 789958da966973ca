#pragma once

#include <stdbool.h>

#include "conf/conf.h"

/*
 * What the server process gives up for good, so that a mistake in it is worth
 * little to who finds it. Each part is skipped, with one line in the log, where
 * the kernel has none of it; a part that it has and that fails ends the start.
 *
 * sandbox_files(): Landlock. From then on the state folder is all that can be
 * written, the system's libraries and data are all that can be read besides,
 * nothing can be executed, and no TCP socket can be bound or connected. It
 * holds for threads that are started later: so it comes before all of them,
 * and after what was opened elsewhere (certificate, log).
 *
 * sandbox_calls(): seccomp. From then on system calls outside a list fail with
 * EPERM, and the ones that would start a program or look into another process
 * end the server. It holds for all threads, so it comes when they have
 * started. Builds with a sanitizer, whose runtime calls more, leave it out.
 */
bool
sandbox_files(const struct conf *conf);

bool
sandbox_calls(const struct conf *conf);
