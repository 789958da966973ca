/*
 * Small allocation does not fail: a process that cannot get a few kilobytes
 * cannot answer anybody either, and every path that would handle it is a path
 * that no test runs. Sizes that clients choose meet a limit first.
 */
#include "server/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *
memory_need(void *memory)
{
	static const char message[] = "celldav: out of memory\n";

	if (memory != NULL)
		return memory;
	/* Nothing can be done about a failed write just before abort(). */
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		abort();
	abort();
}

void *
memory_alloc(size_t size)
{
	return memory_need(calloc(1, size > 0 ? size : 1));
}

void *
memory_array(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return memory_need(NULL);
	return memory_alloc(total);
}

void *
memory_resize(void *old, size_t size)
{
	return memory_need(realloc(old, size > 0 ? size : 1));
}

char *
memory_string(struct text text)
{
	size_t size;
	char *copy;

	if (__builtin_add_overflow(text.len, 1, &size))
		return memory_need(NULL);
	copy = memory_alloc(size);
	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	return copy;
}
