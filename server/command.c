/*
 * The command line: global options may stand anywhere, `--name value` and
 * `--name=value` are the same, `--` ends options.
 */
#include "server/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"

#define DEFAULT_CONFIG "/etc/celldav/celldav.conf"

struct arguments {
	int count, next;
	char **value;
	bool ended; /* after "--" */
};

/* Names and paths may hold anything; a terminal gets one clean line. */
static void
line_print(const char *format, va_list list)
{
	char line[2048];
	int len = vsnprintf(line, sizeof(line), format, list);

	for (int i = 0; i < len && line[i] != '\0'; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	fprintf(stderr, "celldav: %s\n", line);
}

int
command_fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	line_print(format, list);
	va_end(list);
	return EXIT_REFUSED;
}

int
command_usage(const char *what, const char *word)
{
	(void)command_fail("%s: %s; see celldav --help", word, what);
	return EXIT_USAGE;
}

/* ---- Help ----------------------------------------------------------------- */

static void
usage_line(const struct command *command)
{
	printf("  celldav %s%s%s%s%s\n", command->name,
	    command->verb != NULL ? " " : "",
	    command->verb != NULL ? command->verb : "",
	    command->arguments[0] != '\0' ? " " : "", command->arguments);
}

static void
help_global(void)
{
	printf("celldav " CELLDAV_VERSION ": a WebDAV gateway for shared "
	       "workspaces\n\nusage: celldav [-c FILE] [--json] [-q] COMMAND "
	       "...\n\n");
	for (size_t i = 0; i < command_count; i++) {
		usage_line(commands[i]);
		printf("        %s\n", commands[i]->summary);
	}
	printf(
	    "\n  -c, --config FILE  configuration (CELLDAV_CONFIG, else " DEFAULT_CONFIG
	    ")\n"
	    "      --json         print for machines\n"
	    "  -q, --quiet        print no progress\n"
	    "      --help         this text, or that of a command\n"
	    "      --version      print the version\n");
}

static void
help_command(const struct command *command)
{
	printf("usage:\n");
	usage_line(command);
	printf("\n%s\n", command->summary);
	for (const struct option_row *row = command->options;
	    row != NULL && row->name != NULL; row++)
		printf("  --%s%s%s\n        %s\n", row->name,
		    row->kind == OPTION_VALUE ? " " : "",
		    row->kind == OPTION_VALUE ? row->value : "", row->help);
}

static int
help_print(const char *name, const char *verb)
{
	bool found = false;

	if (name == NULL)
		help_global();
	for (size_t i = 0; name != NULL && i < command_count; i++) {
		const struct command *command = commands[i];

		if (strcmp(command->name, name) != 0 ||
		    (verb != NULL && command->verb != NULL &&
			strcmp(command->verb, verb) != 0))
			continue;
		help_command(command);
		found = true;
	}
	if (name != NULL && !found)
		return command_usage("no such command", name);
	return EXIT_DONE;
}

/* ---- Parsing ---------------------------------------------------------------- */

/* The value after "--name=" or in the next argument; NULL: there is none. */
static const char *
value_take(struct arguments *arguments, const char *equals)
{
	if (equals != NULL)
		return equals + 1;
	if (arguments->next >= arguments->count)
		return NULL;
	return arguments->value[arguments->next++];
}

enum global {
	GLOBAL_NONE,
	GLOBAL_TAKEN,
	GLOBAL_HELP,
	GLOBAL_VERSION,
	GLOBAL_MALFORMED
};

static enum global
global_take(struct invocation *invocation, struct arguments *arguments,
    const char *word)
{
	const char *equals = strchr(word, '=');

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return GLOBAL_HELP;
	if (strcmp(word, "--version") == 0)
		return GLOBAL_VERSION;
	if (strcmp(word, "--json") == 0)
		invocation->json = true;
	else if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0)
		invocation->quiet = true;
	else if (strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0 ||
	    strncmp(word, "--config=", 9) == 0) {
		invocation->config = value_take(arguments, equals);
		if (invocation->config == NULL)
			return GLOBAL_MALFORMED;
	} else
		return GLOBAL_NONE;
	return GLOBAL_TAKEN;
}

static int
option_take(struct invocation *invocation, struct arguments *arguments,
    const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct option_row *row = invocation->command->options;

	for (size_t i = 0; row != NULL && row[i].name != NULL; i++) {
		if (strlen(row[i].name) + 2 != len ||
		    strncmp(word + 2, row[i].name, len - 2) != 0)
			continue;
		if (row[i].kind == OPTION_FLAG) {
			if (equals != NULL)
				return command_usage("takes no value", word);
			invocation->option[i] = "";
			return EXIT_DONE;
		}
		invocation->option[i] = value_take(arguments, equals);
		return invocation->option[i] != NULL ?
		    EXIT_DONE :
		    command_usage("needs a value", word);
	}
	return command_usage("no such option", word);
}

/* Words of `arguments` that do not stand in brackets, and all of them. */
static bool
count_fits(const struct invocation *invocation)
{
	struct text rest = text_from(invocation->command->arguments);
	size_t least = 0, most = 0;

	while (rest.ptr != NULL) {
		struct text word = text_split(&rest, ' ');

		if (word.len == 0)
			continue;
		most++;
		if (word.ptr[0] != '[')
			least++;
	}
	return invocation->argument_count >= least &&
	    invocation->argument_count <= most;
}

/* The first required option that is missing; NULL: none. */
static const char *
option_missing(const struct invocation *invocation)
{
	const struct option_row *row = invocation->command->options;

	for (size_t i = 0; row != NULL && row[i].name != NULL; i++)
		if (row[i].required && invocation->option[i] == NULL)
			return row[i].name;
	return NULL;
}

static const struct command *
command_find(const char *name, const char *verb)
{
	for (size_t i = 0; name != NULL && i < command_count; i++) {
		if (strcmp(commands[i]->name, name) != 0)
			continue;
		if (commands[i]->verb == NULL ||
		    (verb != NULL && strcmp(commands[i]->verb, verb) == 0))
			return commands[i];
	}
	return NULL;
}

static bool
name_known(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return true;
	return false;
}

/* What stands before the options of the command: its name and verb. */
static int
words_take(struct invocation *invocation, struct arguments *arguments,
    const char *words[2], bool *ret_help)
{
	size_t count = 0;

	while (arguments->next < arguments->count && count < 2) {
		const char *word = arguments->value[arguments->next];
		enum global global;

		if (count > 0 && command_find(words[0], NULL) != NULL)
			break;
		arguments->next++;
		global = global_take(invocation, arguments, word);
		if (global == GLOBAL_VERSION) {
			printf("celldav " CELLDAV_VERSION "\n");
			exit(EXIT_DONE);
		}
		if (global == GLOBAL_HELP)
			*ret_help = true;
		else if (global == GLOBAL_MALFORMED)
			return command_usage("needs a value", word);
		else if (global == GLOBAL_NONE && word[0] == '-')
			return command_usage("no such option", word);
		else if (global == GLOBAL_NONE)
			words[count++] = word;
	}
	return EXIT_DONE;
}

static int
rest_take(struct invocation *invocation, struct arguments *arguments,
    bool *ret_help)
{
	while (arguments->next < arguments->count) {
		const char *word = arguments->value[arguments->next++];
		enum global global = GLOBAL_NONE;
		int status = EXIT_DONE;

		if (!arguments->ended)
			global = global_take(invocation, arguments, word);
		if (global == GLOBAL_HELP)
			*ret_help = true;
		else if (global == GLOBAL_MALFORMED)
			status = command_usage("needs a value", word);
		else if (global != GLOBAL_NONE)
			continue;
		else if (!arguments->ended && strcmp(word, "--") == 0)
			arguments->ended = true;
		else if (!arguments->ended && strncmp(word, "--", 2) == 0)
			status = option_take(invocation, arguments, word);
		else if (!arguments->ended && word[0] == '-' && word[1] != 0)
			status = command_usage("no such option", word);
		else if (invocation->argument_count < COMMAND_ARGUMENTS)
			invocation->argument[invocation->argument_count++] =
			    word;
		else
			status = command_usage("one word too many", word);
		if (status != EXIT_DONE)
			return status;
	}
	return EXIT_DONE;
}

const char *
invocation_option(const struct invocation *invocation, const char *name)
{
	const struct option_row *row = invocation->command->options;

	for (size_t i = 0; row != NULL && row[i].name != NULL; i++)
		if (strcmp(row[i].name, name) == 0)
			return invocation->option[i];
	return NULL;
}

static int
invocation_run(struct invocation *invocation)
{
	int status;

	invocation->arena = arena_new();
	status = invocation->command->run(invocation);
	store_close(invocation->store);
	(void)conf_unref(invocation->conf);
	arena_free(invocation->arena);
	if (fflush(stdout) != 0 && status == EXIT_DONE)
		status = command_fail("cannot write what it found to "
				      "standard output");
	return status;
}

int
command_main(int argc, char **argv)
{
	struct arguments arguments = {
		.count = argc, .next = 1, .value = argv
	};
	struct invocation invocation = { .config = getenv("CELLDAV_CONFIG") };
	const char *words[2] = { NULL, NULL };
	const char *missing;
	bool help = false;
	int status;

	status = words_take(&invocation, &arguments, words, &help);
	if (status != EXIT_DONE)
		return status;
	if (words[0] == NULL && help)
		return help_print(NULL, NULL);
	if (words[0] == NULL)
		return command_usage("which command?", "celldav");
	invocation.command = command_find(words[0], words[1]);
	if (help && name_known(words[0]))
		return help_print(words[0], words[1]);
	if (invocation.command == NULL)
		return command_usage(name_known(words[0]) ?
			"which of its verbs?" :
			"no such command",
		    words[0]);
	status = rest_take(&invocation, &arguments, &help);
	if (status != EXIT_DONE)
		return status;
	if (help)
		return help_print(words[0], words[1]);
	if (!count_fits(&invocation))
		return command_usage("wrong number of words", words[0]);
	missing = option_missing(&invocation);
	if (missing != NULL)
		return command_usage("this option is needed", missing);
	if (invocation.config == NULL || invocation.config[0] == '\0')
		invocation.config = DEFAULT_CONFIG;
	return invocation_run(&invocation);
}
