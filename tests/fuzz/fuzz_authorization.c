/*
 * The Authorization field. What is taken apart lies within what was decoded,
 * and a user never holds what separates it from its surroundings.
 */
#include <stdint.h>
#include <stdlib.h>

#include "auth/scheme.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text field = { (const char *)data, size };
	struct arena *arena;
	struct claim claim;

	if (size > 8192)
		return 0;
	arena = arena_new();
	if (authorization_parse(arena, field, &claim) == OK) {
		need(claim.user.len + claim.password.bytes.len < size);
		need(text_find(claim.user, ':') == claim.user.len);
	}
	arena_free(arena);
	return 0;
}
