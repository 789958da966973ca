#pragma once

/*
 * Cleanup at the closing brace. `SCOPED(buffer) struct buffer b = ...` calls
 * buffer_scope_end(&b) when b goes out of scope. A header that wants this for
 * its type defines the function with SCOPE_END. No goto in a function that
 * uses it.
 */
#define SCOPED(type) __attribute__((cleanup(type##_scope_end)))

#define SCOPE_END(type, declaration, call) \
	static inline void type##_scope_end(declaration *value) \
	{ \
		call(*value); \
	}

/* Closes a descriptor if it is one; keeps errno. */
void
fd_close(int fd);

SCOPE_END(fd, int, fd_close)
