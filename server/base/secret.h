#pragma once

#include "server/base/text.h"

/*
 * A value that no log line, error or metric may show. Wrapping it in a type of
 * its own makes handing it to a printing function a compile error.
 */
struct secret {
	struct text bytes;
};

/* Overwrites memory in a way that the compiler keeps. */
void
secret_wipe(void *memory, size_t len);
