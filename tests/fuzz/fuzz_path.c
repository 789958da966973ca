/*
 * The canonical form of a path. What is accepted keeps every promise of
 * path.h, is the same again when it is formatted and parsed once more, and has
 * the same keys however it is spelled.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/encode.h"
#include "server/base/path.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static void
check_name(struct text name)
{
	need(name.len > 0 && name.len <= PATH_SEGMENT_MAX);
	need(!text_equal(name, TEXT(".")) && !text_equal(name, TEXT("..")));
	need(text_find(name, '/') == name.len);
	need(utf8_valid(name));
	for (size_t i = 0; i < name.len; i++)
		need((unsigned char)name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f);
}

static void
check_promises(struct arena *arena, const struct path *path)
{
	size_t bytes = 0;

	need(path->count <= PATH_LEVELS_MAX);
	for (size_t i = 0; i < path->count; i++) {
		struct text again;

		check_name(path->name[i]);
		check_name(path->key[i]);
		bytes += path->name[i].len + 1;
		/* A key is its own key. */
		need(name_key(arena, path->key[i], &again) == OK);
		need(text_equal(again, path->key[i]));
	}
	need(bytes <= PATH_MAX_BYTES);
}

/* Every byte as %XX and each slash doubled with a dot segment between. */
static struct text
spelled(struct arena *arena, const struct path *path)
{
	struct buffer out = { .max = 0 };
	struct text text;

	for (size_t i = 0; i < path->count; i++) {
		buffer_append(&out, TEXT("//%2e/"));
		for (size_t j = 0; j < path->name[i].len; j++)
			buffer_format(&out, "%%%02x",
			    (unsigned char)path->name[i].ptr[j]);
	}
	buffer_append_byte(&out, '/');
	text = arena_copy(arena, buffer_text(&out));
	buffer_done(&out);
	return text;
}

static void
check_spellings(struct arena *arena, const struct path *path)
{
	struct path again;

	need(path_parse(arena, path_format(arena, path, false), &again) == OK);
	need(path_equal(path, &again));
	need(!path_below(path, &again));
	need(path_parse(arena, spelled(arena, path), &again) == OK);
	need(path_equal(path, &again));
	need(again.trailing_slash);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct text raw = { (const char *)data, size };
	struct path path;

	if (path_parse(arena, raw, &path) == OK) {
		check_promises(arena, &path);
		check_spellings(arena, &path);
	}
	if (path_parse_decoded(arena, raw, &path) == OK)
		check_promises(arena, &path);
	arena_free(arena);
	return 0;
}
