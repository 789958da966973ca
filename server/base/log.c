/*
 * A line is built whole on the stack and leaves by one write(2). It never
 * exceeds PIPE_BUF, below which a write to a pipe is not torn apart (POSIX),
 * and files are opened O_APPEND by whoever opens them.
 *
 * A value is plain when it holds only printable ASCII that means nothing in
 * the line; otherwise it is quoted, and every byte that a terminal or a parser
 * could act on is escaped: quote, backslash, controls of both kinds, line and
 * paragraph separators, direction overrides, and what is not UTF-8.
 */
#include "server/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/encode.h"
#include "server/base/metric.h"

enum {
	LINE_MAX_BYTES = PIPE_BUF,
	VALUE_MAX_BYTES = 1024,
	DETAIL_MAX_BYTES = 2048 /* formatted before it is cut as a value */
};

static const char ellipsis[] = "\xe2\x80\xa6";
static const char cut_mark[] = " cut=true";

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

enum { LEVEL_COUNT = sizeof(level_names) / sizeof(level_names[0]) };

static _Atomic int threshold = LOG_LEVEL_INFO;

static struct metric_cell lost_cell;
static struct metric lost = {
	.name = "celldav_log_lines_lost_total",
	.help = "Log lines that could not be written.",
	.kind = METRIC_COUNTER,
	.count = 1,
	.cell = &lost_cell,
};

struct line {
	char bytes[LINE_MAX_BYTES];
	size_t len;
	bool cut;
};

void
log_register_metrics(void)
{
	metric_register(&lost);
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

enum log_level
log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&threshold,
	    memory_order_relaxed);
}

bool
log_level_parse(struct text text, enum log_level *ret_level)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++) {
		if (!text_equal(text, text_from(level_names[i])))
			continue;
		*ret_level = (enum log_level)i;
		return true;
	}
	return false;
}

/* Room is always kept for the cut mark and the newline. */
static bool
line_append(struct line *line, struct text text)
{
	if (text.len > sizeof(line->bytes) - sizeof(cut_mark) - line->len)
		return false;
	if (text.len > 0)
		memcpy(line->bytes + line->len, text.ptr, text.len);
	line->len += text.len;
	return true;
}

static bool
value_plain(struct text value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return value.len > 0 && value.len <= VALUE_MAX_BYTES;
}

/* What a terminal or a reader of lines could take for more than a letter. */
static bool
code_active(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e ||
	    code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

/* Spells `bytes` (at most 4) into `out`; returns the length. */
static size_t
value_escape(struct text bytes, uint32_t code, char out[16])
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\n\r\t";
	static const char into[] = "\"\\nrt";
	size_t index = code <= SCHAR_MAX ? text_find(TEXT(from), (char)code) :
					   sizeof(from) - 1;
	size_t len = 0;

	if (index < sizeof(from) - 1) {
		out[0] = '\\';
		out[1] = into[index];
		return 2;
	}
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char byte = (unsigned char)bytes.ptr[i];

		out[len++] = '\\';
		out[len++] = 'x';
		out[len++] = hex[byte >> 4];
		out[len++] = hex[byte & 15];
	}
	return len;
}

/* The quoted value, at most VALUE_MAX_BYTES without quotes and ellipsis. */
static size_t
value_quote(struct text value, char *out)
{
	size_t at = 0, len = 0;

	out[len++] = '"';
	while (at < value.len) {
		uint32_t code = UINT32_MAX;
		size_t bytes = utf8_next(text_slice(value, at, value.len),
		    &code);
		size_t step = bytes > 0 ? bytes : 1;
		struct text piece = text_slice(value, at, at + step);
		char spelled[16];

		if (bytes == 0 || code_active(code) || code == '"' ||
		    code == '\\') {
			piece.len = value_escape(piece, code, spelled);
			piece.ptr = spelled;
		}
		if (len + piece.len > VALUE_MAX_BYTES + 1) {
			memcpy(out + len, ellipsis, sizeof(ellipsis) - 1);
			len += sizeof(ellipsis) - 1;
			break;
		}
		memcpy(out + len, piece.ptr, piece.len);
		len += piece.len;
		at += step;
	}
	out[len++] = '"';
	return len;
}

/* A field is there whole or not at all. */
static void
line_field(struct line *line, const char *key, struct text value)
{
	char quoted[VALUE_MAX_BYTES + sizeof(ellipsis) + 2];
	size_t before = line->len;

	if (!value_plain(value)) {
		value = (struct text){ quoted, value_quote(value, quoted) };
	}
	if ((line->len == 0 || line_append(line, TEXT(" "))) &&
	    line_append(line, text_from(key)) && line_append(line, TEXT("=")) &&
	    line_append(line, value))
		return;
	line->len = before;
	line->cut = true;
}

static void
line_time(struct line *line)
{
	uint64_t now = clock_wall_ns();
	char seconds[CLOCK_RFC3339_SIZE];
	char text[CLOCK_RFC3339_SIZE + 8];

	clock_format_rfc3339(now, seconds);
	(void)snprintf(text, sizeof(text), "%.19s.%03uZ", seconds,
	    (unsigned)(now % NS_PER_SECOND / 1000000));
	line_field(line, "time", text_from(text));
}

/* A line that cannot be written can only be counted. */
static void
line_write(struct line *line, int fd)
{
	size_t done = 0;

	if (line->cut) {
		memcpy(line->bytes + line->len, cut_mark, sizeof(cut_mark) - 1);
		line->len += sizeof(cut_mark) - 1;
	}
	line->bytes[line->len++] = '\n';
	while (done < line->len) {
		ssize_t got = write(fd, line->bytes + done, line->len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			metric_add(&lost, 0, 1);
			return;
		}
		done += (size_t)got;
	}
}

static void
line_fields(struct line *line, const struct log_field *field, size_t count)
{
	for (size_t i = 0; i < count; i++)
		line_field(line, field[i].key, field[i].value);
}

void
log_event(enum log_level level, const char *event,
    const struct log_field *field, size_t count)
{
	int saved = errno;
	struct line line;

	if (level > log_get_level())
		return;
	line.len = 0;
	line.cut = false;
	line_time(&line);
	line_field(&line, "level", text_from(level_names[level]));
	line_field(&line, "event", text_from(event));
	line_fields(&line, field, count);
	line_write(&line, STDERR_FILENO);
	errno = saved;
}

void
log_message(enum log_level level, const char *event, const char *format, ...)
{
	char detail[DETAIL_MAX_BYTES];
	struct log_field field = { .key = "detail" };
	va_list args;
	int len;

	if (level > log_get_level())
		return;
	va_start(args, format);
	len = vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof(detail))
		len = (int)sizeof(detail) - 1;
	field.value = (struct text){ detail, (size_t)len };
	log_event(level, event, &field, 1);
}

void
log_line(int fd, const struct log_field *field, size_t count)
{
	int saved = errno;
	struct line line;

	line.len = 0;
	line.cut = false;
	line_time(&line);
	line_fields(&line, field, count);
	line_write(&line, fd);
	errno = saved;
}
