#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A directive is one row of conf/directives.c. Reader, defaults, range check,
 * `celldav check --print` and the manual page all come from the row.
 */
enum directive_kind {
	DIRECTIVE_TEXT,    /* const char * */
	DIRECTIVE_PATH,    /* const char *, relative to the file's folder */
	DIRECTIVE_LIST,    /* struct conf_list */
	DIRECTIVE_SIZE,    /* uint64_t; "32K", K M G T are powers of 1024 */
	DIRECTIVE_NUMBER,  /* uint64_t */
	DIRECTIVE_WORD     /* uint64_t; index into `words` */
};

struct directive {
	const char *section; /* NULL: top level */
	const char *name;
	enum directive_kind kind;
	size_t offset;       /* in struct conf */
	const char *initial; /* default as text; lists: items split by blank */
	uint64_t min, max;   /* SIZE and NUMBER */
	const char *const *words; /* WORD: ends with NULL */
	const char *help;    /* one sentence */
};

extern const struct directive directives[];
extern const size_t directive_count;
