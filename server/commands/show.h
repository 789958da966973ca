#pragma once

#include <jansson.h>

#include "server/command.h"
#include "store/maintain.h"

/*
 * What commands print. A command makes one JSON value; --json prints it as it
 * is, else rows become a table and an object lines "key: value". Sizes are
 * numbers of bytes in JSON and short for people; times are RFC 3339; ids are
 * hex strings, as commands take them.
 */
enum show_kind { SHOW_TEXT, SHOW_NUMBER, SHOW_SIZE };

struct show_column {
	const char *key;
	enum show_kind kind;
};

/* Both take the value over; columns end with key NULL. Return EXIT_DONE. */
int
show_rows(struct invocation *invocation, json_t *rows,
    const struct show_column *columns);

int
show_object(struct invocation *invocation, json_t *object,
    const struct show_column *columns);

/* A report of the store's care: keys that end in "bytes" are sizes. */
int
show_report(struct invocation *invocation, json_t *report);

json_t *
show_text(struct text text);

/* null for 0. */
json_t *
show_time(uint64_t wall_ns);

json_t *
show_id(uint64_t id);

json_t *
show_count(uint64_t number);

/*
 * A line of progress on a terminal, unless quiet or --json. A finding is held
 * until the next one, since the last one before a failure is its reason and
 * belongs to stderr.
 */
struct progress {
	const char *what;
	uint64_t shown_ns;
	bool active, drawn;
	bool json, quiet;
	json_t *findings;   /* of --json */
	struct buffer held; /* the last finding */
};

/* Makes `maintain` report here; the caller owns maintain->report. */
void
progress_begin(struct progress *progress, struct invocation *invocation,
    struct maintain *maintain, const char *what);

/* Wipes the line; findings are printed or go into the report. */
void
progress_end(struct progress *progress, struct maintain *maintain);

/* The same after a failure: says why, drops the report. */
int
progress_fail(struct progress *progress, struct maintain *maintain,
    enum outcome outcome);
