/* Log lines: no value forges a field or a line, and none is torn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "server/base/buffer.h"
#include "server/base/log.h"
#include "server/base/metric.h"

/* One line through a pipe, after its time= field. */
static struct text
line_of(const struct log_field *field, size_t count)
{
	static char bytes[2 * PIPE_BUF];
	struct text line, rest;
	ssize_t got;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	log_line(fd[1], field, count);
	close(fd[1]);
	got = read(fd[0], bytes, sizeof(bytes));
	close(fd[0]);
	assert_true(got > 0 && got <= PIPE_BUF);
	line = (struct text){ bytes, (size_t)got };
	assert_true(text_starts(line, TEXT("time=")));
	assert_int_equal(text_find(line, '\n'), line.len - 1);
	rest = text_slice(line, 0, line.len - 1);
	(void)text_split(&rest, ' ');
	return rest;
}

static struct text
value_of(struct text value)
{
	struct log_field field = { "k", value };
	struct text line = line_of(&field, 1);

	assert_true(text_starts(line, TEXT("k=")));
	return text_slice(line, 2, line.len);
}

static void
values_are_quoted_when_needed(void **state)
{
	static const struct {
		struct text value, shown;
	} rows[] = {
		{ { "plain-1.0/x:y", 13 }, { "plain-1.0/x:y", 13 } },
		{ { "", 0 }, { "\"\"", 2 } },
		{ { "a b", 3 }, { "\"a b\"", 5 } },
		{ { "a=b", 3 }, { "\"a=b\"", 5 } },
		{ { "a\"b", 3 }, { "\"a\\\"b\"", 6 } },
		{ { "a\\b", 3 }, { "\"a\\\\b\"", 6 } },
		{ { "a\nb", 3 }, { "\"a\\nb\"", 6 } },
		{ { "a\r\t", 3 }, { "\"a\\r\\t\"", 7 } },
		{ { "\x1b[31m", 5 }, { "\"\\x1b[31m\"", 10 } },
		{ { "a\0b", 3 }, { "\"a\\x00b\"", 8 } },
		{ { "\xff\x7f", 2 }, { "\"\\xff\\x7f\"", 10 } },
		{ { "\xc3\xa4", 2 }, { "\"\xc3\xa4\"", 4 } },
		{ { "\xc2\x9b", 2 }, { "\"\\xc2\\x9b\"", 10 } },
		{ { "\xe2\x80\xa8", 3 }, { "\"\\xe2\\x80\\xa8\"", 14 } },
		{ { "\xe2\x80\xae", 3 }, { "\"\\xe2\\x80\\xae\"", 14 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(text_equal(value_of(rows[i].value), rows[i].shown));
}

static void
long_values_are_cut(void **state)
{
	char bytes[65536];
	struct text shown;

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(value_of((struct text){ bytes, 1024 }).len, 1024);
	shown = value_of((struct text){ bytes, 1025 });
	assert_int_equal(shown.len, 1024 + 2 + 3);
	assert_true(text_ends(shown, TEXT("a\xe2\x80\xa6\"")));
	memset(bytes, '\n', sizeof(bytes));
	shown = value_of((struct text){ bytes, sizeof(bytes) });
	assert_int_equal(shown.len, 1024 + 2 + 3);
	assert_true(text_ends(shown, TEXT("\\n\xe2\x80\xa6\"")));
}

static void
fields_that_do_not_fit_are_left_out(void **state)
{
	char bytes[1000];
	struct log_field field[10];
	struct text line;
	size_t quotes = 0;

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	bytes[0] = ' ';
	for (size_t i = 0; i < 10; i++)
		field[i] = (struct log_field){ "key",
			{ bytes, sizeof(bytes) } };
	field[9] = (struct log_field){ "last", TEXT("x") };
	line = line_of(field, 10);
	assert_true(text_ends(line, TEXT(" last=x cut=true")));
	for (size_t i = 0; i < line.len; i++)
		quotes += line.ptr[i] == '"';
	assert_int_equal(quotes, 8);
}

static void
levels(void **state)
{
	enum log_level level = LOG_LEVEL_ERROR;

	(void)state;
	assert_true(log_level_parse(TEXT("debug"), &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_false(log_level_parse(TEXT("DEBUG"), &level));
	assert_false(log_level_parse(TEXT_NONE, &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	log_set_level(LOG_LEVEL_WARNING);
	assert_int_equal(log_get_level(), LOG_LEVEL_WARNING);
}

/* What goes to stderr while `write` runs. */
static struct text
stderr_of(void (*write)(void))
{
	static char bytes[2 * PIPE_BUF];
	int saved = dup(STDERR_FILENO), fd[2];
	ssize_t got;

	assert_true(saved >= 0);
	assert_int_equal(pipe(fd), 0);
	assert_true(dup2(fd[1], STDERR_FILENO) >= 0);
	close(fd[1]);
	write();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	got = read(fd[0], bytes, sizeof(bytes));
	close(fd[0]);
	assert_true(got >= 0);
	return (struct text){ bytes, (size_t)got };
}

static void
write_events(void)
{
	log_set_level(LOG_LEVEL_INFO);
	log_message(LOG_LEVEL_DEBUG, "hidden", "%d", 1);
	log_event(LOG_LEVEL_DEBUG, "hidden", NULL, 0);
	log_message(LOG_LEVEL_INFO, "shown", "two words %d", 7);
}

static void
write_long_message(void)
{
	log_message(LOG_LEVEL_ERROR, "long", "%05000d", 7);
}

static void
events_on_stderr(void **state)
{
	struct text text = stderr_of(write_events);

	(void)state;
	assert_int_equal(text_find(text, '\n'), text.len - 1);
	assert_true(text_ends(text,
	    TEXT(" level=info event=shown detail=\"two words 7\"\n")));
	text = stderr_of(write_long_message);
	assert_true(text_ends(text, TEXT("0\xe2\x80\xa6\"\n")));
	assert_in_range(text.len, 1024, 1200);
}

static void
lost_lines_are_counted(void **state)
{
	struct buffer out = { .max = 0 };
	struct log_field field = { "a", TEXT("b") };

	(void)state;
	log_register_metrics();
	log_line(-1, &field, 1);
	metric_write(&out);
	assert_true(text_find_text(buffer_text(&out),
			TEXT("celldav_log_lines_lost_total 1\n")) < out.len);
	buffer_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_quoted_when_needed),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(fields_that_do_not_fit_are_left_out),
		cmocka_unit_test(levels),
		cmocka_unit_test(events_on_stderr),
		cmocka_unit_test(lost_lines_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
