#pragma once

#include "server/base/outcome.h"
#include "server/base/secret.h"
#include "server/base/thread.h"
#include "server/command.h"

/*
 * What commands share: opening what they work on, reading values of options,
 * saying why something was refused. Functions that answer with a status have
 * said why when it is not EXIT_DONE.
 */

/* Loads invocation->conf. */
int
tool_conf(struct invocation *invocation);

/* Loads the configuration and opens invocation->store. */
int
tool_store(struct invocation *invocation, enum store_open how);

/* A read transaction, to be ended by txn_abort. */
int
tool_read(struct invocation *invocation, struct txn **ret_txn);

/*
 * "KIND WHAT: why; what to do" for an outcome. `what` is what the user typed;
 * `kind` is "user", "group", "cell" or "place", which have a list, or another
 * noun.
 */
int
tool_fail(enum outcome outcome, const char *kind, const char *what);

/* The first line of a file ("-": of standard input). BAD_INPUT: no line. */
int
tool_password(struct invocation *invocation, const char *file,
    struct secret *ret_password);

/* argon2id of it. */
int
tool_hash(struct invocation *invocation, struct secret password,
    struct text *ret_phc);

/* The value of an option; *ret_size and *ret_ns stay when it is not given. */
int
tool_size(struct invocation *invocation, const char *option,
    uint64_t *ret_size);

int
tool_time(struct invocation *invocation, const char *option, uint64_t *ret_ns);

/* An id that a list printed: hex digits. */
bool
tool_id(const char *word, uint64_t *ret_id);

/* A password for people: 20 letters and digits in groups, 100 bits. */
struct secret
tool_make_password(struct arena *arena);
