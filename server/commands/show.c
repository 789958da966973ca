/*
 * What commands print. Values come from users (names, titles), so a table
 * shows controls as '?': no name can draw on a terminal.
 */
#include "server/commands/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/encode.h"
#include "server/commands/tool.h"

enum { COLUMNS_MAX = 16, BAR_WIDTH = 30, PROGRESS_EVERY_MS = 100 };

json_t *
show_text(struct text text)
{
	json_t *string = json_stringn(text.ptr != NULL ? text.ptr : "",
	    text.len);

	/* Names were checked when they came in; other bytes are damage. */
	return string != NULL ? string : json_string("\xef\xbf\xbd");
}

json_t *
show_time(uint64_t wall_ns)
{
	char text[CLOCK_RFC3339_SIZE];

	if (wall_ns == 0)
		return json_null();
	clock_format_rfc3339(wall_ns, text);
	return json_string(text);
}

json_t *
show_id(uint64_t id)
{
	return json_sprintf("%" PRIx64, id);
}

json_t *
show_count(uint64_t number)
{
	return json_integer(number > INT64_MAX ? INT64_MAX :
						 (json_int_t)number);
}

/* "1.5M": one digit behind the point while the number is short. */
static void
size_write(struct buffer *out, json_int_t size)
{
	static const char units[] = "BKMGTPE";
	double value = (double)size;
	size_t unit = 0;

	while (value >= 1024 && unit + 2 < sizeof(units)) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		buffer_format(out, "%" JSON_INTEGER_FORMAT, size);
	else
		buffer_format(out, value < 10 ? "%.1f%c" : "%.0f%c", value,
		    units[unit]);
}

static void
text_write(struct buffer *out, const char *text)
{
	for (; *text != '\0'; text++)
		buffer_append_byte(out,
		    (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void
value_write(struct buffer *out, json_t *value, enum show_kind kind)
{
	size_t index;
	json_t *one;

	if (json_is_integer(value) && kind == SHOW_SIZE)
		size_write(out, json_integer_value(value));
	else if (json_is_integer(value))
		buffer_format(out, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	else if (json_is_boolean(value))
		buffer_append(out,
		    text_from(json_is_true(value) ? "yes" : "no"));
	else if (json_array_size(value) > 0) {
		json_array_foreach(value, index, one)
		{
			if (index > 0)
				buffer_append_byte(out, ',');
			value_write(out, one, kind);
		}
	} else if (json_is_string(value) && json_string_length(value) > 0)
		text_write(out, json_string_value(value));
	else
		buffer_append_byte(out, '-');
}

/* Characters, which is what a terminal of Latin text shows as columns. */
static size_t
text_width(struct text text)
{
	size_t width = 0, len;
	uint32_t code;

	while ((len = utf8_next(text, &code)) > 0) {
		width++;
		text = text_slice(text, len, text.len);
	}
	return width + text.len;
}

static int
json_print(json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)fputc('\n', stdout);
	json_decref(value);
	return EXIT_DONE;
}

static size_t
cell_width(json_t *row, const struct show_column *column)
{
	struct buffer out = { .max = 0 };
	size_t width;

	value_write(&out, json_object_get(row, column->key), column->kind);
	width = text_width(buffer_text(&out));
	buffer_done(&out);
	return width;
}

static void
row_print(json_t *row, const struct show_column *columns, const size_t *width)
{
	struct buffer out = { .max = 0 };

	for (size_t i = 0; columns[i].key != NULL; i++) {
		size_t begun = out.len, shown;

		value_write(&out, json_object_get(row, columns[i].key),
		    columns[i].kind);
		shown = text_width(text_slice(buffer_text(&out), begun,
		    out.len));
		for (; columns[i + 1].key != NULL && shown < width[i] + 2;
		    shown++)
			buffer_append_byte(&out, ' ');
	}
	printf("%.*s\n", TEXT_ARGS(buffer_text(&out)));
	buffer_done(&out);
}

static void
heading_print(const struct show_column *columns, const size_t *width)
{
	for (size_t i = 0; columns[i].key != NULL; i++) {
		bool last = columns[i + 1].key == NULL;

		printf("%-*s", last ? 0 : (int)width[i] + 2, columns[i].key);
	}
	printf("\n");
}

int
show_rows(struct invocation *invocation, json_t *rows,
    const struct show_column *columns)
{
	size_t width[COLUMNS_MAX] = { 0 }, index;
	json_t *row;

	if (invocation->json)
		return json_print(rows);
	for (size_t i = 0; columns[i].key != NULL; i++) {
		width[i] = strlen(columns[i].key);
		json_array_foreach(rows, index, row)
		{
			size_t one = cell_width(row, &columns[i]);

			width[i] = one > width[i] ? one : width[i];
		}
	}
	if (json_array_size(rows) > 0)
		heading_print(columns, width);
	json_array_foreach(rows, index, row) row_print(row, columns, width);
	json_decref(rows);
	return EXIT_DONE;
}

static void
line_show(const char *key, json_t *value, enum show_kind kind)
{
	struct buffer out = { .max = 0 };

	value_write(&out, value, kind);
	printf("%s: %.*s\n", key, TEXT_ARGS(buffer_text(&out)));
	buffer_done(&out);
}

int
show_object(struct invocation *invocation, json_t *object,
    const struct show_column *columns)
{
	if (invocation->json)
		return json_print(object);
	for (; columns->key != NULL; columns++)
		line_show(columns->key, json_object_get(object, columns->key),
		    columns->kind);
	json_decref(object);
	return EXIT_DONE;
}

int
show_report(struct invocation *invocation, json_t *report)
{
	const char *key;
	json_t *value;

	if (invocation->json)
		return json_print(report);
	json_object_foreach(report, key, value)
	{
		bool size = text_ends(text_from(key), TEXT("bytes"));

		if (!invocation->quiet && strcmp(key, "findings") != 0)
			line_show(key, value, size ? SHOW_SIZE : SHOW_NUMBER);
	}
	json_decref(report);
	return EXIT_DONE;
}

/* ---- Progress ----------------------------------------------------------- */

static void
bar_draw(const struct progress *progress, uint64_t done, uint64_t all)
{
	char bar[BAR_WIDTH + 1];
	double part = all > 0 && done < all ? (double)done / (double)all : 1;
	size_t full = (size_t)(part * (int)BAR_WIDTH);

	if (all == 0) {
		fprintf(stderr, "\r%s %" PRIu64 "\033[K", progress->what, done);
		return;
	}
	for (size_t i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %3.0f%% %" PRIu64 "/%" PRIu64 "\033[K",
	    progress->what, bar, part * 100, done, all);
}

static void
progress_show(void *context, uint64_t done, uint64_t all)
{
	struct progress *progress = context;
	uint64_t now_ns = clock_monotonic_ns();

	if (!progress->active ||
	    now_ns - progress->shown_ns <
		PROGRESS_EVERY_MS * (NS_PER_SECOND / 1000))
		return;
	progress->shown_ns = now_ns;
	progress->drawn = true;
	bar_draw(progress, done, all);
}

static void
progress_wipe(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}

/* Prints the held finding, or puts it into the report of --json. */
static void
held_show(struct progress *progress)
{
	struct text held = buffer_text(&progress->held);

	if (held.len > 0 && progress->json)
		json_array_append_new(progress->findings, show_text(held));
	else if (held.len > 0 && !progress->quiet)
		printf("%.*s\n", TEXT_ARGS(held));
	buffer_clear(&progress->held);
}

static void
finding_show(void *context, const char *line)
{
	struct progress *progress = context;

	progress_wipe(progress);
	held_show(progress);
	text_write(&progress->held, line);
}

void
progress_begin(struct progress *progress, struct invocation *invocation,
    struct maintain *maintain, const char *what)
{
	*progress = (struct progress){
		.what = what,
		.active = !invocation->quiet && !invocation->json &&
		    isatty(STDERR_FILENO) == 1,
		.json = invocation->json,
		.quiet = invocation->quiet,
		.findings = json_array(),
	};
	*maintain = (struct maintain){
		.progress = progress_show,
		.finding = finding_show,
		.context = progress,
		.report = json_object(),
	};
}

void
progress_end(struct progress *progress, struct maintain *maintain)
{
	progress_wipe(progress);
	held_show(progress);
	if (progress->json)
		json_object_set(maintain->report, "findings",
		    progress->findings);
	json_decref(progress->findings);
	buffer_done(&progress->held);
}

int
progress_fail(struct progress *progress, struct maintain *maintain,
    enum outcome outcome)
{
	int status;

	progress_wipe(progress);
	if (progress->held.len > 0)
		status = command_fail("%s: %.*s", progress->what,
		    TEXT_ARGS(buffer_text(&progress->held)));
	else
		status = tool_fail(outcome, progress->what, "of this state");
	json_decref(progress->findings);
	json_decref(maintain->report);
	buffer_done(&progress->held);
	return status;
}
