/*
 * The one place where bytes from outside become a path. The order is that of
 * design.md 2: split, decode once, refuse, resolve dots, key. Everything is
 * done in one copy of the text, which decoding only ever shortens.
 */
#include "server/base/path.h"

#include <string.h>
#include <utf8proc.h>

#include "server/base/buffer.h"
#include "server/base/encode.h"

/*
 * A canonical decomposition has at most four characters for each one, and a
 * name of PATH_SEGMENT_MAX bytes at most that many characters.
 */
enum { DECOMPOSED_MAX = 4 * PATH_SEGMENT_MAX };

struct parse {
	struct arena *arena;
	size_t count, bytes;
	bool trailing_slash;
	struct text name[PATH_LEVELS_MAX];
	struct text key[PATH_LEVELS_MAX];
};

/* Nothing but letters, digits and signs: its own key, and always allowed. */
static bool
name_is_plain(struct text name)
{
	bool odd = false;

	for (size_t i = 0; i < name.len; i++) {
		unsigned char byte = (unsigned char)name.ptr[i];

		odd |= byte < 0x20 || byte >= 0x7f || byte == '/';
	}
	return !odd;
}

/* C0, DEL and C1; NUL is one of them. */
static bool
code_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static bool
name_bytes_allowed(struct text name)
{
	size_t at = 0;

	while (at < name.len) {
		uint32_t code;
		size_t len = utf8_next(text_slice(name, at, name.len), &code);

		if (len == 0 || code == '/' || code_control(code))
			return false;
		at += len;
	}
	return true;
}

/* NFC of valid UTF-8 that is not all ASCII. */
static enum outcome
name_compose(struct arena *arena, struct text name, struct text *ret_key)
{
	utf8proc_int32_t code[DECOMPOSED_MAX + 1];
	utf8proc_ssize_t count, len;

	count = utf8proc_decompose((const utf8proc_uint8_t *)name.ptr,
	    (utf8proc_ssize_t)name.len, code, DECOMPOSED_MAX,
	    UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (count < 0)
		return BAD_INPUT;
	if (count > DECOMPOSED_MAX)
		return TOO_LARGE;
	/* Encodes in place: UTF-8 never needs more than four bytes. */
	len = utf8proc_reencode(code, count,
	    UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (len < 0)
		return BAD_INPUT;
	if (len > PATH_SEGMENT_MAX)
		return TOO_LARGE;
	*ret_key = arena_copy(arena,
	    (struct text){ (const char *)code, (size_t)len });
	return OK;
}

enum outcome
name_key(struct arena *arena, struct text name, struct text *ret_key)
{
	if (name.len == 0 || text_equal(name, TEXT(".")) ||
	    text_equal(name, TEXT("..")))
		return BAD_INPUT;
	if (name.len > PATH_SEGMENT_MAX)
		return TOO_LARGE;
	if (name_is_plain(name)) {
		*ret_key = name;
		return OK;
	}
	if (!name_bytes_allowed(name))
		return BAD_INPUT;
	return name_compose(arena, name, ret_key);
}

static enum outcome
parse_segment(struct parse *parse, struct text name)
{
	enum outcome outcome;

	if (name.len == 0 || text_equal(name, TEXT(".")))
		return OK;
	if (text_equal(name, TEXT(".."))) {
		if (parse->count == 0)
			return BAD_INPUT;
		parse->bytes -= parse->name[--parse->count].len + 1;
		return OK;
	}
	if (parse->count == PATH_LEVELS_MAX)
		return TOO_LARGE;
	outcome = name_key(parse->arena, name, &parse->key[parse->count]);
	if (outcome != OK)
		return outcome;
	parse->bytes += name.len + 1;
	if (parse->bytes > PATH_MAX_BYTES)
		return TOO_LARGE;
	parse->name[parse->count++] = name;
	return OK;
}

/*
 * Decodes %XX in place, once. An encoded slash is refused: there is no name
 * that holds one, and servers in front may see another path than we do.
 */
static enum outcome
segment_decode(char *bytes, size_t *len)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	size_t to = 0;

	for (size_t from = 0; from < *len; from++, to++) {
		const char *high, *low;
		char byte = bytes[from];

		if (byte == '%') {
			if (*len - from < 3)
				return BAD_INPUT;
			high = memchr(digits, bytes[from + 1], 32);
			low = memchr(digits, bytes[from + 2], 32);
			if (high == NULL || low == NULL)
				return BAD_INPUT;
			byte = (char)((high - digits) % 16 << 4 |
			    (low - digits) % 16);
			if (byte == '/' || byte == '\0')
				return BAD_INPUT;
			from += 2;
		}
		bytes[to] = byte;
	}
	*len = to;
	return OK;
}

enum spelling { SPELLING_ENCODED, SPELLING_PLAIN };

static enum outcome
parse_segments(struct parse *parse, struct text raw, enum spelling spelling)
{
	char *copy = arena_string(parse->arena, raw);
	struct text rest = { copy, raw.len };

	while (rest.ptr != NULL) {
		struct text piece = text_split(&rest, '/');
		enum outcome outcome = OK;

		if (spelling == SPELLING_ENCODED)
			outcome = segment_decode(copy + (piece.ptr - copy),
			    &piece.len);
		if (outcome == OK)
			outcome = parse_segment(parse, piece);
		if (outcome != OK)
			return outcome;
		/* "/a/", "/a/." and "/a/b/.." all name a collection. */
		parse->trailing_slash = piece.len == 0 ||
		    text_equal(piece, TEXT(".")) ||
		    text_equal(piece, TEXT(".."));
	}
	return OK;
}

static enum outcome
path_from(struct arena *arena, struct text raw, enum spelling spelling,
    struct path *ret_path)
{
	struct parse parse;
	struct text *name, *key;
	enum outcome outcome;

	parse.arena = arena;
	parse.count = parse.bytes = 0;
	parse.trailing_slash = false;
	outcome = parse_segments(&parse, raw, spelling);
	if (outcome != OK)
		return outcome;
	name = ARENA_ARRAY(arena, 2 * parse.count, struct text);
	key = name + parse.count;
	if (parse.count > 0) {
		memcpy(name, parse.name, parse.count * sizeof(*name));
		memcpy(key, parse.key, parse.count * sizeof(*key));
	}
	*ret_path = (struct path){
		.count = parse.count,
		.name = name,
		.key = key,
		.trailing_slash = parse.trailing_slash || parse.count == 0,
	};
	return OK;
}

enum outcome
path_parse(struct arena *arena, struct text raw, struct path *ret_path)
{
	if (raw.len == 0 || raw.ptr[0] != '/')
		return BAD_INPUT;
	/* RFC 9112 3.2: a fragment is never sent, a query was cut off. */
	if (text_find(raw, '#') < raw.len || text_find(raw, '?') < raw.len)
		return BAD_INPUT;
	return path_from(arena, raw, SPELLING_ENCODED, ret_path);
}

enum outcome
path_parse_decoded(struct arena *arena, struct text plain,
    struct path *ret_path)
{
	return path_from(arena, plain, SPELLING_PLAIN, ret_path);
}

struct path
path_tail(const struct path *path, size_t from)
{
	if (from > path->count)
		from = path->count;
	return (struct path){
		.count = path->count - from,
		.name = path->name + from,
		.key = path->key + from,
		.trailing_slash = path->trailing_slash || from == path->count,
	};
}

struct path
path_parent(const struct path *path)
{
	return (struct path){
		.count = path->count > 0 ? path->count - 1 : 0,
		.name = path->name,
		.key = path->key,
		.trailing_slash = true,
	};
}

static bool
keys_equal(const struct path *a, const struct path *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!text_equal(a->key[i], b->key[i]))
			return false;
	return true;
}

bool
path_equal(const struct path *a, const struct path *b)
{
	return a->count == b->count && keys_equal(a, b, a->count);
}

bool
path_below(const struct path *path, const struct path *ancestor)
{
	return path->count > ancestor->count &&
	    keys_equal(path, ancestor, ancestor->count);
}

struct text
path_format(struct arena *arena, const struct path *path, bool collection)
{
	struct buffer out = { .max = 0 };
	struct text text;

	for (size_t i = 0; i < path->count; i++) {
		buffer_append_byte(&out, '/');
		percent_encode_segment(&out, path->name[i]);
	}
	if (collection || path->count == 0)
		buffer_append_byte(&out, '/');
	text = arena_copy(arena, buffer_text(&out));
	buffer_done(&out);
	return text;
}
