/*
 * celldav check: would serve start? The configuration, the state, the
 * certificate and the addresses, in the order in which serve needs them. Each
 * failure is a line on stderr; it goes on to find them all.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "server/base/scope.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"
#include "server/http/tls.h"
#include "server/http/tls_dates.h"
#include "server/listen.h"

enum { MESSAGE_MAX = 8192 };

struct checks {
	json_t *rows;
	bool failed;
};

static void
check_note(struct checks *checks, const char *name, bool good,
    const char *detail)
{
	json_array_append_new(checks->rows,
	    json_pack("{s:s,s:b,s:o}", "check", name, "good", good, "detail",
		show_text(text_from(detail))));
	if (!good)
		(void)command_fail("%s", detail);
	checks->failed = checks->failed || !good;
}

static const char *
message_string(struct invocation *invocation, const struct buffer *message)
{
	struct text text = buffer_text(message);

	while (text.len > 0 && text.ptr[text.len - 1] == '\n')
		text.len--;
	return arena_string(invocation->arena, text);
}

static void
check_state(struct invocation *invocation, struct checks *checks)
{
	struct buffer message = { .max = MESSAGE_MAX };
	enum outcome outcome = store_open(invocation->conf, STORE_READ_ONLY,
	    &message, &invocation->store);

	check_note(checks, "state", outcome == OK,
	    outcome == OK ? invocation->conf->store.path :
			    message_string(invocation, &message));
	buffer_done(&message);
}

static bool
wants_tls(const struct conf *conf)
{
	for (size_t i = 0; i < conf->listen.count; i++)
		if (strncmp(conf->listen.item[i], "tls://", 6) == 0)
			return true;
	return false;
}

static void
check_certificate(struct invocation *invocation, struct checks *checks)
{
	const struct conf *conf = invocation->conf;
	struct buffer message = { .max = MESSAGE_MAX };
	struct tls_context *context = NULL;
	enum outcome outcome;

	if (!wants_tls(conf))
		return;
	outcome = tls_context_new(conf->tls.certificate, conf->tls.key,
	    &message, &context);
	if (outcome == OK && !tls_dates_hold(conf->tls.certificate, &message))
		outcome = BAD_INPUT;
	check_note(checks, "certificate", outcome == OK,
	    outcome == OK ? conf->tls.certificate :
			    message_string(invocation, &message));
	(void)tls_context_unref(context);
	buffer_done(&message);
}

/* A supervisor holds this lock as long as it serves the state. */
static bool
is_served(struct invocation *invocation)
{
	const char *path = arena_string(invocation->arena,
	    arena_format(invocation->arena, "%s/lock",
		invocation->conf->store.path));
	SCOPED(fd) int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
}

static void
check_addresses(struct invocation *invocation, struct checks *checks)
{
	struct buffer message = { .max = MESSAGE_MAX };
	struct socket_set *set;
	enum outcome outcome;

	if (is_served(invocation)) {
		check_note(checks, "addresses", true,
		    "this state is being served now");
		return;
	}
	set = ARENA_NEW(invocation->arena, struct socket_set);
	outcome = listen_bind(set, invocation->conf, &message);
	check_note(checks, "addresses", outcome == OK,
	    outcome == OK ? "free" : message_string(invocation, &message));
	for (size_t i = 0; i < set->count; i++)
		set->entry[i].wanted = false;
	listen_prune(set);
	buffer_done(&message);
}

static int
check_print(struct invocation *invocation)
{
	struct buffer out = { .max = 0 };

	conf_print(invocation->conf, &out);
	if (invocation->json)
		(void)show_object(invocation,
		    json_pack("{s:o}", "configuration",
			show_text(buffer_text(&out))),
		    NULL);
	else
		printf("%.*s", TEXT_ARGS(buffer_text(&out)));
	buffer_done(&out);
	return EXIT_DONE;
}

static int
check_run(struct invocation *invocation)
{
	static const struct show_column columns[] = {
		{ "check", SHOW_TEXT },
		{ "good", SHOW_TEXT },
		{ "detail", SHOW_TEXT },
		{ NULL, SHOW_TEXT },
	};
	struct checks checks = { .failed = false };
	int status = tool_conf(invocation);

	if (status != EXIT_DONE)
		return status;
	if (invocation_option(invocation, "print") != NULL)
		return check_print(invocation);
	thread_enter_worker();
	checks.rows = json_array();
	check_note(&checks, "configuration", true, invocation->conf->file);
	check_certificate(invocation, &checks);
	check_addresses(invocation, &checks);
	check_state(invocation, &checks);
	if (invocation->quiet && !invocation->json)
		json_decref(checks.rows);
	else
		(void)show_rows(invocation, checks.rows, columns);
	return checks.failed ? EXIT_REFUSED : EXIT_DONE;
}

static const struct option_row options[] = {
	{ .name = "print",
	    .kind = OPTION_FLAG,
	    .help = "print the configuration as it is in effect" },
	{ .name = NULL },
};

const struct command command_check = {
	.name = "check",
	.arguments = "",
	.summary = "check configuration, state, certificate and addresses",
	.options = options,
	.run = check_run,
};
