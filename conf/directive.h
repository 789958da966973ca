#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/text.h"

struct conf;

/*
 * A directive is one row of conf/directives.c. Reader, defaults, range check,
 * `celldav check --print` and the manual page all come from the row.
 */
enum directive_kind {
	DIRECTIVE_TEXT,   /* const char * */
	DIRECTIVE_PATH,   /* const char *, relative to the file's folder */
	DIRECTIVE_LIST,   /* struct conf_list */
	DIRECTIVE_SIZE,   /* uint64_t; "32K", K M G T are powers of 1024 */
	DIRECTIVE_NUMBER, /* uint64_t */
	DIRECTIVE_WORD    /* uint64_t; index into `words` */
};

struct directive {
	const char *section; /* NULL: top level */
	const char *name;
	enum directive_kind kind;
	size_t offset;       /* in struct conf */
	const char *initial; /* default as text; lists: items split by blank */
	uint64_t min, max;   /* SIZE and NUMBER */
	/* WORD: what it may be; PATH: what is not a path. Ends with NULL. */
	const char *const *words;
	const char *help; /* one sentence */
	/* TEXT and items of LIST: NULL when everything is allowed */
	bool (*valid)(struct text value);
	const char *form; /* what `valid` accepts, for error lines */
};

extern const struct directive directives[];
extern const size_t directive_count;

/* The row of a key, NULL when there is none. `section` NULL: top level. */
const struct directive *
directive_find(const char *section, const char *name);

/*
 * Puts `value` into the row's field, or adds it to the row's list. `folder`
 * is what relative paths begin at; NULL leaves them as they are. False when
 * the row does not allow the value; the field is then unchanged.
 */
bool
directive_set(const struct directive *row, struct conf *conf, struct text value,
    const char *folder);

/* Frees what the row's field owns and makes it empty. */
void
directive_release(const struct directive *row, struct conf *conf);

/* Puts the default into an empty field. */
void
directive_set_initial(const struct directive *row, struct conf *conf);

/* "a size from 1K to 1M": what a value of this row has to be. */
void
directive_expected(const struct directive *row, struct buffer *out);

/* "name = value" in the syntax of the file, without a line end. */
void
directive_print(const struct directive *row, const struct conf *conf,
    struct buffer *out);

/* Digits and one of K, M, G, T or nothing; false past 64 bits. */
bool
size_parse(struct text text, uint64_t *ret_size);

/* The shortest spelling that size_parse() reads back. */
void
size_format(struct buffer *out, uint64_t size);
