/*
 * Chunks in a list, newest first. A piece is cut from the newest chunk; when
 * it does not fit, a new chunk is made, twice as large as the last one up to
 * CHUNK_LARGEST. A piece that is larger than a quarter of the next chunk gets
 * a chunk of its own behind the newest, so that the rest of that one is used.
 *
 * First chunks are kept by the thread that frees them, zeroed as far as they
 * were used: a request that needs no second one costs no allocation. So are
 * some of large strings, which need not be zero. Not under the address
 * sanitizer, which would not see who uses one too late.
 */
#include "server/base/arena.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/memory.h"

enum {
	CHUNK_FIRST = 8192,
	CHUNK_LARGEST = 65536,
	STRING_LARGE = 2048,
	STRING_ROOM = 8192 /* of a large one whose chunk is kept */
};

struct chunk {
	struct chunk *next; /* owned; older */
	size_t size;        /* of bytes[] */
	size_t used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct chunk *newest; /* owned */
	size_t handed_out;
	size_t next_size; /* of the next chunk, header included */
};

static struct chunk *
chunk_new(size_t size)
{
	struct chunk *chunk = memory_alloc(sizeof(*chunk) + size);

	chunk->size = size;
	return chunk;
}

#if defined(__SANITIZE_ADDRESS__)
enum { SPARES_MAX = 0, STRINGS_MAX = 0 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { SPARES_MAX = 0, STRINGS_MAX = 0 };
#else
enum { SPARES_MAX = 64, STRINGS_MAX = 8 };
#endif
#else
enum { SPARES_MAX = 64, STRINGS_MAX = 8 };
#endif

/* Of one thread; ends with it. */
struct spares {
	struct chunk *first; /* owned */
	size_t count;
	struct chunk *string; /* owned; STRING_ROOM bytes each, not zero */
	size_t string_count;
	bool known; /* spares_end() will be called */
};

static _Thread_local struct spares spares;
static pthread_once_t spares_once = PTHREAD_ONCE_INIT;
static pthread_key_t spares_key;

static void
chunks_free(struct chunk *chunk)
{
	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}

static void
spares_end(void *context)
{
	struct spares *own = context;

	chunks_free(own->first);
	chunks_free(own->string);
	/* What comes later is freed at once. */
	*own = (struct spares){ .count = SPARES_MAX,
		.string_count = STRINGS_MAX };
}

static void
spares_setup(void)
{
	if (pthread_key_create(&spares_key, spares_end) != 0)
		abort();
}

/* False: nobody would free what this thread keeps. */
static bool
spares_known(void)
{
	if (!spares.known) {
		(void)pthread_once(&spares_once, spares_setup);
		spares.known = pthread_setspecific(spares_key, &spares) == 0;
	}
	return spares.known;
}

/* False: there are enough. */
static bool
string_keep(struct chunk *chunk)
{
	if (chunk->size != STRING_ROOM || spares.string_count >= STRINGS_MAX ||
	    !spares_known())
		return false;
	chunk->next = spares.string;
	spares.string = chunk;
	spares.string_count++;
	return true;
}

/* The same for a first chunk. */
static bool
spare_keep(struct chunk *chunk)
{
	if (spares.count >= SPARES_MAX || !spares_known())
		return false;
	memset(chunk->bytes, 0, chunk->used);
	chunk->used = 0;
	chunk->next = spares.first;
	spares.first = chunk;
	spares.count++;
	return true;
}

static struct chunk *
chunk_first(void)
{
	struct chunk *chunk = spares.first;

	if (chunk == NULL)
		return chunk_new(CHUNK_FIRST - sizeof(struct chunk));
	spares.first = chunk->next;
	spares.count--;
	chunk->next = NULL;
	return chunk;
}

/* The arena itself is the first piece of its first chunk. */
struct arena *
arena_new(void)
{
	struct chunk *chunk = chunk_first();
	struct arena *arena = (struct arena *)(void *)chunk->bytes;

	chunk->used = (sizeof(*arena) + alignof(max_align_t) - 1) &
	    ~(alignof(max_align_t) - 1);
	arena->newest = chunk;
	arena->next_size = 2 * CHUNK_FIRST;
	return arena;
}

void
arena_free(struct arena *arena)
{
	struct chunk *chunk;

	if (arena == NULL)
		return;
	/* One of them holds the arena: nothing of that is read any more. */
	for (chunk = arena->newest; chunk != NULL;) {
		struct chunk *older = chunk->next;

		if (!((void *)chunk->bytes == (void *)arena ?
			    spare_keep(chunk) :
			    string_keep(chunk)))
			free(chunk);
		chunk = older;
	}
}

static void *
chunk_cut(struct chunk *chunk, size_t size)
{
	void *piece = chunk->bytes + chunk->used;

	chunk->used += size;
	return piece;
}

static void *
arena_grow(struct arena *arena, size_t size)
{
	struct chunk *chunk;

	if (size > arena->next_size / 4) {
		chunk = chunk_new(size);
		chunk->next = arena->newest->next;
		arena->newest->next = chunk;
		return chunk_cut(chunk, size);
	}
	chunk = chunk_new(arena->next_size - sizeof(*chunk));
	chunk->next = arena->newest;
	arena->newest = chunk;
	if (arena->next_size < CHUNK_LARGEST)
		arena->next_size *= 2;
	return chunk_cut(chunk, size);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *newest = arena->newest;
	size_t rounded;

	/* Half the address space is a bug of ours, never a client's size. */
	if (size > SIZE_MAX / 2)
		return memory_array(SIZE_MAX, 2);
	rounded = (size + alignof(max_align_t) - 1) &
	    ~(alignof(max_align_t) - 1);
	/* Pieces of no bytes are still different pieces. */
	if (rounded == 0)
		rounded = alignof(max_align_t);
	arena->handed_out += rounded;
	if (newest->size - newest->used >= rounded)
		return chunk_cut(newest, rounded);
	return arena_grow(arena, rounded);
}

void *
arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		total = SIZE_MAX;
	return arena_alloc(arena, total);
}

/* Not zeroed: of what is used every byte will be written. */
static struct chunk *
string_chunk(size_t size)
{
	struct chunk *chunk = spares.string;

	if (size > STRING_ROOM || chunk == NULL) {
		size = size > STRING_ROOM ? size : STRING_ROOM;
		chunk = memory_resize(NULL, sizeof(*chunk) + size);
		chunk->size = size;
		return chunk;
	}
	spares.string = chunk->next;
	spares.string_count--;
	return chunk;
}

/* In a chunk of its own. */
static char *
string_large(struct arena *arena, struct text text)
{
	struct chunk *chunk = string_chunk(text.len + 1);

	chunk->used = chunk->size;
	chunk->next = arena->newest->next;
	arena->newest->next = chunk;
	arena->handed_out += text.len + 1;
	memcpy(chunk->bytes, text.ptr, text.len);
	chunk->bytes[text.len] = '\0';
	return chunk->bytes;
}

char *
arena_string(struct arena *arena, struct text text)
{
	char *copy;

	if (text.len >= STRING_LARGE && text.len < SIZE_MAX / 2)
		return string_large(arena, text);
	copy = arena_alloc(arena, text.len + 1);
	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

struct text
arena_copy(struct arena *arena, struct text text)
{
	return (struct text){ arena_string(arena, text), text.len };
}

struct text
arena_format(struct arena *arena, const char *format, ...)
{
	va_list args;
	char small[256];
	char *piece;
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	/* Only a format that is wrong by itself can fail. */
	if (len < 0)
		abort();
	if ((size_t)len < sizeof(small))
		return arena_copy(arena, (struct text){ small, (size_t)len });
	piece = arena_alloc(arena, (size_t)len + 1);
	va_start(args, format);
	(void)vsnprintf(piece, (size_t)len + 1, format, args);
	va_end(args);
	return (struct text){ piece, (size_t)len };
}

size_t
arena_used(const struct arena *arena)
{
	return arena->handed_out;
}
