/*
 * Reads a file with libConfuse. The options that it is given are made from
 * the table of directives; every value is a string to it, and what a string
 * means is decided by directive_set() in a callback, where the line is known.
 *
 * libConfuse has a global lexer and gives callbacks no pointer of ours, so one
 * load runs at a time and `current` is its state. An include is not followed
 * by the lexer, whose stack of files survives an error, but put in a queue:
 * as no key may be set twice, the order of files means nothing.
 *
 * Two things it does not say by itself. A scalar that is set twice: the
 * callback sees each value and remembers. A list that is set twice: its
 * callback runs for items only, so "names = {}" passes unseen; but an option
 * marked as deprecated is reported once each time it was set, whatever to.
 * Lists bear that mark, and the report is taken as "this list is complete".
 */
#include <confuse.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/check.h"
#include "conf/conf.h"
#include "conf/directive.h"
#include "conf/source.h"
#include "server/base/memory.h"

enum { FILES_MAX = 16 };

struct loader {
	struct conf *conf;      /* owned */
	cfg_t *root;            /* owned */
	struct buffer *message; /* borrowed */
	struct place *place;    /* owned; one for each row */
	char *file[FILES_MAX];  /* owned; absolute */
	size_t file_count;
	size_t file_now;    /* the one that is being parsed */
	struct buffer text; /* of it */
	bool failed;
};

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static struct loader *current; /* guarded by `loading` */

static const char *
current_file(void)
{
	return current->file[current->file_now];
}

static struct place *
place_of(const struct directive *row)
{
	return &current->place[row - directives];
}

static void
report(const char *file, int line, const char *what)
{
	current->failed = true;
	buffer_format(current->message, "%s:%d: %s\n", file, line, what);
}

/* "limits.target" or "listen". */
static void
append_name(struct buffer *out, const struct directive *row)
{
	if (row->section != NULL)
		buffer_format(out, "%s.", row->section);
	buffer_append(out, text_from(row->name));
}

/* An error is one line, whatever bytes of the file it shows. */
static void
report_buffer(const char *file, int line, struct buffer *what)
{
	for (size_t i = 0; i < what->len; i++)
		if ((unsigned char)what->ptr[i] < 0x20 || what->ptr[i] == 0x7f)
			what->ptr[i] = '?';
	buffer_append_byte(what, '\0');
	report(file, line, what->ptr);
	buffer_done(what);
}

static void
report_value(const struct directive *row, int line, const char *value)
{
	struct buffer what = { .max = 0 };

	append_name(&what, row);
	buffer_format(&what, " is \"%.200s\", expected ", value);
	directive_expected(row, &what);
	report_buffer(current_file(), line, &what);
}

static void
report_unknown(const cfg_t *cfg, const char *name)
{
	struct buffer what = { .max = 0 };

	buffer_format(&what, "unknown key \"%.200s\"", name);
	if (cfg != current->root)
		buffer_format(&what, " in section %s", cfg->name);
	buffer_append(&what, TEXT(", expected a key of celldav.conf(5)"));
	report_buffer(current_file(), cfg->line, &what);
}

static void
report_doubled(const struct directive *row, int line)
{
	struct place *place = place_of(row);
	struct buffer what = { .max = 0 };

	if (place->doubled)
		return;
	place->doubled = true;
	append_name(&what, row);
	buffer_format(&what, " is set again, expected once (first %s:%d)",
	    place->file, place->line);
	report_buffer(current_file(), line, &what);
}

/* The folder of an absolute file name, with its final slash. */
static char *
folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct text folder = { file,
		slash != NULL ? (size_t)(slash - file) + 1 : 0 };

	return memory_string(folder);
}

static void
place_set(const struct directive *row, int line)
{
	struct place *place = place_of(row);

	if (place->file != NULL)
		return;
	place->file = memory_string(text_from(current_file()));
	place->line = line;
	/* The first word about a list ends its default. */
	if (row->kind == DIRECTIVE_LIST)
		directive_release(row, current->conf);
}

static void
value_take(const struct directive *row, const char *value, int line)
{
	struct place *place = place_of(row);
	bool again = place->file != NULL;
	char *folder;

	/* The items of one list are one setting of it. */
	if (row->kind == DIRECTIVE_LIST)
		again = place->complete;
	if (again) {
		report_doubled(row, line);
		return;
	}
	place_set(row, line);
	folder = folder_of(current_file());
	if (!directive_set(row, current->conf, text_from(value), folder))
		report_value(row, line, value);
	free(folder);
}

/*
 * Runs for each value and each item as it is read. "store|path" is a way of
 * libConfuse to reach into a section from outside of it; here it is no key.
 */
static int
value_read(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const char *section = cfg == current->root ? NULL : cfg->name;
	const struct directive *row = directive_find(section, opt->name);

	*(const char **)result = value;
	if (row != NULL)
		value_take(row, value, cfg->line);
	else
		report_unknown(cfg, opt->name);
	/* Going on finds the other mistakes of the file as well. */
	return 0;
}

/* The nth line that begins with `name`; `line` when there are not so many. */
static int
line_of(const char *name, int nth, int line)
{
	struct text rest = buffer_text(&current->text);

	for (int at = 1; rest.ptr != NULL; at++) {
		struct text one = text_trim(text_split(&rest, '\n'));

		if (text_starts(one, text_from(name)) && --nth == 0)
			return at;
	}
	return line;
}

/*
 * The parser has read one token past the list, perhaps lines later, so the
 * line is looked for in the text: this is the first time that the list is
 * set, or the second.
 */
static void
list_complete(const char *name, int line)
{
	const struct directive *row = directive_find(NULL, name);
	struct place *place = place_of(row);
	bool here = place->file != NULL &&
	    text_equal(text_from(place->file), text_from(current_file()));

	if (place->complete)
		report_doubled(row, line_of(name, here ? 2 : 1, line));
	else
		place_set(row, line_of(name, 1, line));
	place->complete = true;
}

/* What the parser says; the words in `format` are all that tells it apart. */
static void
parser_says(cfg_t *cfg, const char *format, va_list args)
{
	struct buffer what = { .max = 0 };
	char said[512];

	if (strstr(format, "deprecated") != NULL) {
		list_complete(va_arg(args, const char *), cfg->line);
		return;
	}
	if (strstr(format, "no such option") != NULL) {
		report_unknown(cfg, va_arg(args, const char *));
		return;
	}
	(void)vsnprintf(said, sizeof(said), format, args);
	buffer_format(&what,
	    "%s, expected key = value, key = {value, ...} or section {...}",
	    said);
	report_buffer(current_file(), cfg->line, &what);
}

static bool
file_known(const char *file)
{
	for (size_t i = 0; i < current->file_count; i++)
		if (text_equal(text_from(current->file[i]), text_from(file)))
			return true;
	return false;
}

/* include("other.conf"): relative to the file that says so. */
static int
include_read(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	char *folder = folder_of(current_file());
	struct buffer path = { .max = 0 };
	const char *wrong = NULL;

	(void)opt; /* there is one option with this callback */
	if (argc == 1) {
		if (argv[0][0] != '/')
			buffer_append(&path, text_from(folder));
		buffer_append(&path, text_from(argv[0]));
	}
	buffer_append_byte(&path, '\0');
	if (argc != 1 || argv[0][0] == '\0')
		wrong = "include without one name, expected include(\"FILE\")";
	else if (file_known(path.ptr))
		wrong = "file is included again, expected once";
	else if (current->file_count == FILES_MAX)
		wrong = "too many files, expected at most 16";
	else if (access(path.ptr, R_OK) != 0)
		wrong = "included file cannot be read, expected a readable one";
	else
		current->file[current->file_count++] =
		    memory_string(text_from(path.ptr));
	if (wrong != NULL)
		report(current_file(), cfg->line, wrong);
	buffer_done(&path);
	free(folder);
	return 0;
}

static cfg_opt_t
option_from(const struct directive *row)
{
	bool list = row->kind == DIRECTIVE_LIST;

	return (cfg_opt_t){
		.name = row->name,
		.type = CFGT_STR,
		.flags = CFGF_NODEFAULT |
		    (list ? CFGF_LIST | CFGF_DEPRECATED : CFGF_NONE),
		.parsecb = value_read,
	};
}

/* The options of one section; an option without a name ends them. */
static cfg_opt_t *
section_options(const char *section)
{
	cfg_opt_t *options = memory_array(directive_count + 1,
	    sizeof(*options));
	size_t count = 0;

	for (size_t i = 0; i < directive_count; i++)
		if (text_equal(text_from(directives[i].section),
			text_from(section)))
			options[count++] = option_from(&directives[i]);
	return options;
}

/* libConfuse copies what it is given. */
static cfg_t *
root_new(void)
{
	cfg_opt_t *options = memory_array(2 * directive_count + 2,
	    sizeof(*options));
	const char *section = NULL;
	size_t count = 0;
	cfg_t *root;

	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];

		if (row->section == NULL) {
			options[count++] = option_from(row);
			continue;
		}
		if (text_equal(text_from(section), text_from(row->section)))
			continue;
		section = row->section;
		options[count++] = (cfg_opt_t){
			.name = section,
			.type = CFGT_SEC,
			.subopts = section_options(section),
		};
	}
	options[count++] = (cfg_opt_t){
		.name = "include",
		.type = CFGT_FUNC,
		.func = include_read,
	};
	root = memory_need(cfg_init(options, CFGF_NONE));
	for (size_t i = 0; i < count; i++)
		free(options[i].subopts);
	free(options);
	return root;
}

/* Defaults that are relative paths begin at the first file's folder. */
static void
resolve_defaults(void)
{
	char *folder = folder_of(current->file[0]);

	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];

		if (row->kind == DIRECTIVE_PATH &&
		    place_of(row)->file == NULL &&
		    !directive_set(row, current->conf, text_from(row->initial),
			folder))
			abort();
	}
	free(folder);
}

static enum outcome
parse_file(void)
{
	enum outcome outcome;
	FILE *stream;

	buffer_clear(&current->text);
	outcome = source_read(current_file(), current->message, &current->text);
	if (outcome != OK)
		return outcome;
	/* A stream over memory cannot be empty. */
	buffer_append_byte(&current->text, '\n');
	stream = memory_need(fmemopen(current->text.ptr, current->text.len,
	    "r"));
	if (cfg_parse_fp(current->root, stream) != CFG_SUCCESS &&
	    !current->failed)
		report(current_file(), current->root->line,
		    "cannot be parsed, expected key = value");
	/* Only read from: there is nothing that closing could lose. */
	(void)fclose(stream);
	return current->failed ? BAD_INPUT : OK;
}

static enum outcome
parse_files(void)
{
	enum outcome outcome = OK;

	/* Includes that are found make file_count grow. */
	while (outcome != IO && current->file_now < current->file_count) {
		enum outcome one = parse_file();

		if (one != OK)
			outcome = one;
		current->file_now++;
	}
	current->file_now = 0;
	return outcome;
}

static enum outcome
loader_run(void)
{
	enum outcome outcome;

	current->root = root_new();
	cfg_set_error_function(current->root, parser_says);
	outcome = parse_files();
	if (outcome == OK) {
		resolve_defaults();
		if (!check_together(current->conf, current->place,
			current->file[0], current->message))
			outcome = BAD_INPUT;
	}
	cfg_free(current->root);
	return outcome;
}

static void
loader_done(struct loader *loader)
{
	for (size_t i = 0; i < directive_count; i++)
		free(loader->place[i].file);
	free(loader->place);
	for (size_t i = 0; i < loader->file_count; i++)
		free(loader->file[i]);
	buffer_done(&loader->text);
	conf_unref(loader->conf);
}

/* Takes `file`, which is absolute. */
static enum outcome
load_absolute(char *file, struct buffer *message, struct conf **ret_conf)
{
	struct loader loader = {
		.conf = conf_defaults(),
		.message = message,
		.place = memory_array(directive_count, sizeof(struct place)),
		.file = { file },
		.file_count = 1,
	};
	enum outcome outcome;

	pthread_mutex_lock(&loading);
	current = &loader;
	outcome = loader_run();
	current = NULL;
	pthread_mutex_unlock(&loading);
	if (outcome == OK) {
		loader.conf->file = memory_string(text_from(file));
		*ret_conf = conf_ref(loader.conf);
	}
	loader_done(&loader);
	return outcome;
}

enum outcome
conf_load(const char *file, struct buffer *message, struct conf **ret_conf)
{
	struct buffer path = { .max = 0 };
	char *absolute;

	if (file[0] != '/') {
		char *folder = getcwd(NULL, 0);

		if (folder == NULL) {
			buffer_format(message, "%s: %s\n", file,
			    strerrordesc_np(errno));
			return IO;
		}
		buffer_format(&path, "%s/", folder);
		free(folder);
	}
	buffer_append(&path, text_from(file));
	absolute = memory_string(buffer_text(&path));
	buffer_done(&path);
	return load_absolute(absolute, message, ret_conf);
}
