/*
 * The table: every row can hold its default and its limits and nothing past
 * them, comes back from its printed form, and has its entry in the manual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/directive.h"
#include "conf/endpoint.h"
#include "server/base/scope.h"
#include "store/engine.h"

static void
sizes(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		uint64_t size;
	} rows[] = {
		{ "0", true, 0 },
		{ "32K", true, 32768 },
		{ "1M", true, 1048576 },
		{ "3G", true, UINT64_C(3) << 30 },
		{ "2T", true, UINT64_C(2) << 40 },
		{ "16777215T", true, UINT64_C(16777215) << 40 },
		{ "16777216T", false, 0 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18014398509481984K", false, 0 },
		{ "", false, 0 },
		{ "K", false, 0 },
		{ "1k", false, 0 },
		{ "1KB", false, 0 },
		{ "1 K", false, 0 },
		{ "1.5K", false, 0 },
		{ "-1", false, 0 },
		{ "1P", false, 0 },
		{ "KK", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t size = 42;

		assert_int_equal(size_parse(text_from(rows[i].text), &size),
		    rows[i].valid);
		assert_true(size == (rows[i].valid ? rows[i].size : 42));
	}
}

static void
sizes_print_shortest(void **state)
{
	static const struct {
		uint64_t size;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 1023, "1023" },
		{ 1024, "1K" },
		{ 1025, "1025" },
		{ 1048576, "1M" },
		{ UINT64_C(1) << 40, "1T" },
		{ UINT64_C(1) << 50, "1024T" },
		{ UINT64_MAX, "18446744073709551615" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer out = { .max = 0 };

		size_format(&out, rows[i].size);
		assert_true(text_equal(buffer_text(&out),
		    text_from(rows[i].text)));
		buffer_done(&out);
	}
}

static void
rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];

		assert_ptr_equal(directive_find(row->section, row->name), row);
		assert_non_null(row->initial);
		assert_true(text_ends(text_from(row->help), TEXT(".")));
		assert_true((row->valid == NULL) == (row->form == NULL));
		if (row->kind == DIRECTIVE_WORD)
			assert_non_null(row->words);
		if (row->kind == DIRECTIVE_SIZE ||
		    row->kind == DIRECTIVE_NUMBER)
			assert_true(row->min < row->max);
		/* No two rows write the same field. */
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(directives[j].offset, row->offset);
	}
	assert_null(directive_find(NULL, "path"));
	assert_null(directive_find("store", "listen"));
}

static bool
sets_number(const struct directive *row, struct conf *conf, uint64_t number)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	return directive_set(row, conf, text_from(digits), NULL);
}

static void
ranges_are_exact(void **state)
{
	struct conf *conf = conf_defaults();

	(void)state;
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];
		uint64_t *field = (uint64_t *)(void *)((char *)conf +
		    row->offset);

		if (row->kind != DIRECTIVE_SIZE &&
		    row->kind != DIRECTIVE_NUMBER)
			continue;
		assert_true(sets_number(row, conf, row->min));
		assert_true(*field == row->min);
		assert_true(sets_number(row, conf, row->max));
		assert_true(*field == row->max);
		assert_false(sets_number(row, conf, row->max + 1));
		if (row->min > 0)
			assert_false(sets_number(row, conf, row->min - 1));
		assert_false(directive_set(row, conf, TEXT(""), NULL));
		assert_true(*field == row->max);
	}
	conf_unref(conf);
}

static void
words_are_exact(void **state)
{
	const struct directive *row = directive_find("store", "sync");
	struct conf *conf = conf_defaults();

	(void)state;
	assert_int_equal(conf->store.sync, CONF_SYNC_FULL);
	assert_true(directive_set(row, conf, TEXT("relaxed"), NULL));
	assert_int_equal(conf->store.sync, CONF_SYNC_RELAXED);
	assert_false(directive_set(row, conf, TEXT("Full"), NULL));
	assert_false(directive_set(row, conf, TEXT(""), NULL));
	assert_int_equal(conf->store.sync, CONF_SYNC_RELAXED);
	conf_unref(conf);
}

static void
paths_begin_at_the_folder(void **state)
{
	const struct directive *row = directive_find("log", "access");
	struct conf *conf = conf_defaults();

	(void)state;
	assert_true(directive_set(row, conf, TEXT("a/b.log"), "/etc/x"));
	assert_string_equal(conf->log.access, "/etc/x/a/b.log");
	assert_true(directive_set(row, conf, TEXT("a.log"), "/"));
	assert_string_equal(conf->log.access, "/a.log");
	assert_true(directive_set(row, conf, TEXT("/a.log"), "/etc/x/"));
	assert_string_equal(conf->log.access, "/a.log");
	assert_true(directive_set(row, conf, TEXT("off"), "/etc/x"));
	assert_string_equal(conf->log.access, "off");
	row = directive_find("tls", "key");
	assert_true(directive_set(row, conf, TEXT(""), "/etc/x"));
	assert_string_equal(conf->tls.key, "");
	conf_unref(conf);
}

static struct text
manual_read(char *bytes, size_t size)
{
	SCOPED(fd) int fd = open(SOURCE_DIR "/conf/celldav.conf.5", O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, bytes, size);
	assert_true(got > 0 && (size_t)got < size);
	return (struct text){ bytes, (size_t)got };
}

/* The part of the manual about a section, up to the next one. */
static struct text
manual_section(struct text manual, const char *section)
{
	char title[64];
	size_t from, len;

	snprintf(title, sizeof(title), ".Ss %s\n",
	    section != NULL ? section : "Top level");
	from = text_find_text(manual, text_from(title));
	if (from == manual.len)
		fail_msg("celldav.conf.5 lacks the line %s", title);
	manual = text_slice(manual, from + strlen(title), manual.len);
	len = text_find_text(manual, TEXT("\n.S"));
	return text_slice(manual, 0, len);
}

static void
manual_has_every_row(void **state)
{
	static char bytes[1 << 17];
	struct text manual = manual_read(bytes, sizeof(bytes));
	size_t entries = 0;

	(void)state;
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];
		struct text part = manual_section(manual, row->section);
		struct buffer entry = { .max = 0 };

		buffer_format(&entry, ".It Ic %s\n%s\nExpects ", row->name,
		    row->help);
		directive_expected(row, &entry);
		buffer_format(&entry, ".\nDefault: %s\n",
		    row->initial[0] != '\0' ? row->initial : "empty.");
		if (text_find_text(part, buffer_text(&entry)) == part.len)
			fail_msg("celldav.conf.5 lacks in %s:\n%.*s",
			    row->section != NULL ? row->section : "Top level",
			    TEXT_ARGS(buffer_text(&entry)));
		buffer_done(&entry);
	}
	/* And no entry that has lost its row. */
	while (manual.len > 0) {
		size_t at = text_find_text(manual, TEXT(".It Ic "));

		entries += at < manual.len;
		manual = text_slice(manual, at + 1, manual.len);
	}
	assert_int_equal(entries, directive_count);
}

/* conf/ stands below store/ and cannot ask it. */
static void
engines_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < engine_row_count; i++)
		assert_true(engine_valid(text_from(engine_rows[i]->name)));
	assert_int_equal(engine_row_count, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(sizes_print_shortest),
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(ranges_are_exact),
		cmocka_unit_test(words_are_exact),
		cmocka_unit_test(paths_begin_at_the_folder),
		cmocka_unit_test(manual_has_every_row),
		cmocka_unit_test(engines_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
