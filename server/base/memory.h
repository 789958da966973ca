#pragma once

#include <stddef.h>

#include "server/base/text.h"

/*
 * Heap memory whose absence ends the process, for sizes that no client chose
 * or that a limit bounds already. What these return is freed with free().
 */

/* What another library has allocated, if it has. */
void *
memory_need(void *memory);

/* Zeroed; a size of 0 gives one byte. */
void *
memory_alloc(size_t size);

/* count * size with the overflow checked. */
void *
memory_array(size_t count, size_t size);

/* Like realloc; the bytes past the old size are undefined. */
void *
memory_resize(void *old, size_t size);

/* A copy as a C string. */
char *
memory_string(struct text text);
