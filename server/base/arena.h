#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/text.h"

/*
 * Memory of one request: many small pieces that die together. An arena belongs
 * to whoever owns its request and is not locked. Small allocation cannot fail
 * (the process ends); sizes that a client chooses must be bounded by a limit
 * before they get here. Memory is aligned for any object and zeroed.
 */
struct arena;

struct arena *
arena_new(void);

/* Frees all pieces; NULL is allowed. */
void
arena_free(struct arena *arena);

void *
arena_alloc(struct arena *arena, size_t size);

/* count * size with the overflow checked. */
void *
arena_array(struct arena *arena, size_t count, size_t size);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) \
	((type *)arena_array((arena), (count), sizeof(type)))

/* A copy followed by a NUL that is not counted. */
struct text
arena_copy(struct arena *arena, struct text text);

/* The same, as a C string. */
char *
arena_string(struct arena *arena, struct text text);

struct text
arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far: tests hold requests against it. */
size_t
arena_used(const struct arena *arena);
