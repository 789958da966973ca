/*
 * What happens to a file before libConfuse sees it. Its lexer ends the process
 * when a read fails, counts more lines than a comment has, refuses comments
 * inside a list, takes "//x" for a word, and lets a comment or a section
 * without an end pass at the end of the file. So files are read here, comments
 * are blanked, and what does not end is refused where it began.
 */
#include "conf/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/scope.h"

static enum outcome
refuse(const char *file, struct buffer *message, const char *why)
{
	buffer_format(message, "%s: %s\n", file, why);
	return IO;
}

static enum outcome
read_whole(const char *file, struct buffer *message, struct buffer *text)
{
	SCOPED(fd) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return refuse(file, message, strerrordesc_np(errno));
	if (!S_ISREG(status.st_mode))
		return refuse(file, message, "not a regular file");
	for (;;) {
		char *room = buffer_room(text, 4096);
		ssize_t got;

		if (room == NULL)
			return refuse(file, message, "longer than 1 MiB");
		got = read(fd, room, 4096);
		if (got < 0 && errno != EINTR)
			return refuse(file, message, strerrordesc_np(errno));
		if (got == 0)
			return OK;
		if (got > 0)
			buffer_added(text, (size_t)got);
	}
}

/* The index past the string that begins at `at`, or 0 when it has no end. */
static size_t
string_end(struct text text, size_t at)
{
	char quote = text.ptr[at];

	for (at++; at < text.len; at++) {
		if (text.ptr[at] == quote)
			return at + 1;
		if (text.ptr[at] == '\\')
			at++;
	}
	return 0;
}

/* The same for a comment, 0 when no comment begins here. */
static size_t
comment_end(struct text text, size_t at, bool *ret_endless)
{
	struct text rest = text_slice(text, at, text.len);
	size_t len;

	if (text_starts(rest, TEXT("/*"))) {
		len = 2 +
		    text_find_text(text_slice(rest, 2, rest.len), TEXT("*/"));
		*ret_endless = len == rest.len;
		return at + (*ret_endless ? len : len + 2);
	}
	if (!text_starts(rest, TEXT("#")) && !text_starts(rest, TEXT("//")))
		return 0;
	return at + text_find(rest, '\n');
}

/* Between words: "http://host" without quotes is one word. */
static bool
word_begins(struct text text, size_t at)
{
	return at == 0 || strchr(" \t\r\n={}(),", text.ptr[at - 1]) != NULL;
}

static enum outcome
refuse_at(const char *file, struct text text, size_t at, struct buffer *message,
    const char *what)
{
	size_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += text.ptr[i] == '\n';
	buffer_format(message, "%s:%zu: %s\n", file, line, what);
	return BAD_INPUT;
}

static void
blank(char *bytes, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (bytes[i] != '\n')
			bytes[i] = ' ';
}

/* The index of the first brace or parenthesis that is never closed, or text.len. */
static size_t
open_brace(struct text text)
{
	size_t depth = 0, first = text.len, at = 0;

	while (at < text.len) {
		char c = text.ptr[at];

		if (c == '"' || c == '\'') {
			at = string_end(text, at);
			continue;
		}
		if ((c == '{' || c == '(') && depth++ == 0)
			first = at;
		/* One too many is told by the parser. */
		if ((c == '}' || c == ')') && depth > 0)
			depth--;
		at++;
	}
	return depth > 0 ? first : text.len;
}

static enum outcome
blank_comments(const char *file, struct buffer *message, struct buffer *source)
{
	struct text text = buffer_text(source);
	size_t at = 0;

	while (at < text.len) {
		size_t end = 0;
		bool endless = false;
		char c = text.ptr[at];

		if (c == '\0')
			return refuse_at(file, text, at, message,
			    "NUL byte, expected text");
		if (c == '"' || c == '\'') {
			end = string_end(text, at);
			if (end == 0)
				return refuse_at(file, text, at, message,
				    "string has no end, expected a quote");
			at = end;
			continue;
		}
		if (c == '#' || (c == '/' && word_begins(text, at)))
			end = comment_end(text, at, &endless);
		if (endless)
			return refuse_at(file, text, at, message,
			    "comment has no end, expected */");
		blank(source->ptr, at, end);
		at = end > 0 ? end : at + 1;
	}
	at = open_brace(text);
	if (at < text.len)
		return refuse_at(file, text, at, message,
		    text.ptr[at] == '{' ? "brace has no end, expected }" :
					  "parenthesis has no end, expected )");
	return OK;
}

enum outcome
source_read(const char *file, struct buffer *message, struct buffer *text)
{
	enum outcome outcome;

	text->max = SOURCE_MAX_BYTES;
	outcome = read_whole(file, message, text);
	if (outcome == OK)
		outcome = blank_comments(file, message, text);
	return outcome;
}
