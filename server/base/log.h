#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/text.h"

/*
 * Lines on a descriptor, key=value, one write(2) a line so that lines of
 * several threads and processes never mix. Values are quoted and escaped where
 * they need it, so that no value can forge a line or a field. Nothing secret
 * is ever a value: secrets have the type `struct secret` and print as stars.
 */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

struct log_field {
	const char *key;   /* borrowed */
	struct text value; /* borrowed */
};

/* Lines above `level` are dropped. Set at start and on reload. */
void
log_set_level(enum log_level level);

enum log_level
log_get_level(void);

/* "debug", "info" ...; false for any other word. */
bool
log_level_parse(struct text text, enum log_level *ret_level);

/*
 * One notable event on stderr:
 * time=... level=... event=NAME key=value ...
 */
void
log_event(enum log_level level, const char *event,
    const struct log_field *field, size_t count);

/* The same with one field `detail` made like printf. */
void
log_message(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One line of fields on `fd`, beginning with time=: the access log. */
void
log_line(int fd, const struct log_field *field, size_t count);

/* The count of lines that could not be written; once, before threads start. */
void
log_register_metrics(void);
