#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "server/base/arena.h"
#include "store/store.h"

/*
 * A command of the command line: one file in server/commands/ and one row in
 * commands.c. Usage, help, completion and the manual's list of options come
 * from the row. A command with verbs ("user add") has a row per verb.
 */
enum exit_status { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

enum option_kind {
	OPTION_FLAG, /* --watermark */
	OPTION_VALUE /* --title TEXT */
};

struct option_row {
	const char *name; /* without dashes */
	enum option_kind kind;
	const char *value; /* name of the value in the help: "FILE" */
	const char *help;
	bool required;
};

enum { COMMAND_ARGUMENTS = 4, COMMAND_OPTIONS = 24 };

struct invocation {
	const struct command *command;
	const char *config; /* path of the configuration file */
	bool json, quiet;
	const char *argument[COMMAND_ARGUMENTS];
	size_t argument_count;
	/* Value by index of the command's option row; NULL: not given. */
	const char *option[COMMAND_OPTIONS];
	struct arena *arena; /* lives as long as the command */
	struct conf *conf;   /* counted; command_store() loads it */
	struct store *store; /* owned */
};

struct command {
	const char *name;      /* "user" */
	const char *verb;      /* "add", or NULL */
	const char *arguments; /* "NAME [DIR]": one word each, [] optional */
	const char *summary;   /* one line */
	const struct option_row *options; /* ends with name NULL; or NULL */
	int (*run)(struct invocation *invocation);
};

extern const struct command *const commands[];
extern const size_t command_count;

/* The value of an option by its name, NULL when it was not given. */
const char *
invocation_option(const struct invocation *invocation, const char *name);

/*
 * Parses, finds the row, runs it. Returns the exit status of interface.md 1.
 */
int
command_main(int argc, char **argv);

/* "celldav: WORD: what; see celldav --help" on stderr. Returns EXIT_USAGE. */
int
command_usage(const char *what, const char *word);

/*
 * One line on stderr: "celldav: what, why; what to do". Returns EXIT_REFUSED,
 * so that a command ends with `return command_fail(...)`.
 */
int
command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
