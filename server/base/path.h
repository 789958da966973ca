#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/arena.h"
#include "server/base/outcome.h"
#include "server/base/text.h"

/*
 * The canonical form of a path, made once and first (design.md 2): split at
 * '/', decode each segment once, refuse NUL, controls, encoded slash,
 * bad UTF-8; drop empty and "." segments,
 * resolve ".." (never above the root: that is BAD_INPUT), and give every
 * segment its NFC key. All spellings of one resource have equal keys.
 */
enum {
	PATH_SEGMENT_MAX = 255, /* bytes of a segment, as sent and as NFC */
	PATH_MAX_BYTES = 4096,  /* bytes of a decoded path */
	PATH_LEVELS_MAX = 128
};

struct path {
	size_t count;
	const struct text *name; /* decoded, as sent */
	const struct text *key;  /* NFC of name */
	bool trailing_slash;     /* "/a/" as opposed to "/a" */
};

/*
 * Parses the path of a request target or of Destination, without query.
 * BAD_INPUT for what is malformed, TOO_LARGE past a limit. Memory from arena.
 */
enum outcome
path_parse(struct arena *arena, struct text raw, struct path *ret_path)
    MUST_CHECK;

/* From names that are already decoded (command line, import); same rules. */
enum outcome
path_parse_decoded(struct arena *arena, struct text plain,
    struct path *ret_path) MUST_CHECK;

/*
 * NFC of one name, and the rules of a name: valid UTF-8, no NUL, no control,
 * no '/', not "." or "..", 1 to PATH_SEGMENT_MAX bytes in both forms. A plain
 * ASCII name is its own key: `ret_key` is then `name` and lives as long as it.
 */
enum outcome
name_key(struct arena *arena, struct text name, struct text *ret_key)
    MUST_CHECK;

/* The last `path->count - from` segments as a path of their own. */
struct path
path_tail(const struct path *path, size_t from);

/* All but the last segment. */
struct path
path_parent(const struct path *path);

/* The keys are equal, segment by segment. */
bool
path_equal(const struct path *a, const struct path *b);

/* `path` lies below `ancestor` (not equal to it). */
bool
path_below(const struct path *path, const struct path *ancestor);

/* "/a/b c" percent-encoded, with a final slash when `collection`. */
struct text
path_format(struct arena *arena, const struct path *path, bool collection);
