/* celldav app-password: one random password per device. */
#include <stdio.h>

#include "auth/principal.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"

static const struct show_column columns[] = {
	{ "id", SHOW_TEXT },
	{ "label", SHOW_TEXT },
	{ "created", SHOW_TEXT },
	{ "last_used", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

struct app_change {
	struct store *store;
	struct arena *arena;
	struct text user, word; /* label, or label or id */
	struct secret password;
	uint64_t id;
	size_t found;
};

static enum outcome
run_add(struct txn *txn, void *context)
{
	struct app_change *change = context;
	struct user user;
	enum outcome outcome = user_find(txn, change->user, &user);

	if (outcome != OK)
		return outcome;
	return app_password_add(txn, change->store, change->arena, user.id,
	    change->word, &change->password);
}

static int
add_run(struct invocation *invocation)
{
	const char *name = invocation->argument[0];
	struct app_change change = { .arena = invocation->arena,
		.user = text_from(name),
		.word = text_from(invocation_option(invocation, "label")) };
	enum outcome outcome;
	int status = tool_store(invocation, STORE_USE);

	if (status != EXIT_DONE)
		return status;
	change.store = invocation->store;
	thread_enter_worker();
	outcome = store_change(invocation->store, run_add, &change);
	if (outcome != OK)
		return tool_fail(outcome, "user", name);
	if (!invocation->json) {
		printf("%.*s\n", TEXT_ARGS(change.password.bytes));
		return EXIT_DONE;
	}
	return show_object(invocation,
	    json_pack("{s:o,s:o,s:o}", "user", show_text(change.user), "label",
		show_text(change.word), "password",
		show_text(change.password.bytes)),
	    columns);
}

/* ---- Revoking ------------------------------------------------------------- */

static bool
match_app(const struct app_password *app, void *context)
{
	struct app_change *change = context;
	uint64_t id;

	if (text_equal(app->label, change->word) ||
	    (text_parse_u64(change->word, 16, &id) && id == app->id)) {
		change->id = app->id;
		change->found++;
	}
	return true;
}

static enum outcome
run_revoke(struct txn *txn, void *context)
{
	struct app_change *change = context;
	struct user user;
	enum outcome outcome = user_find(txn, change->user, &user);

	change->found = 0;
	if (outcome == OK)
		outcome = app_password_each(txn, user.id, match_app, change);
	if (outcome == OK && change->found == 0)
		outcome = NOT_FOUND;
	if (outcome == OK && change->found > 1)
		outcome = CONFLICT;
	return outcome == OK ? app_password_revoke(txn, user.id, change->id) :
			       outcome;
}

static int
revoke_run(struct invocation *invocation)
{
	const char *name = invocation->argument[0];
	const char *word = invocation->argument[1];
	struct app_change change = { .user = text_from(name),
		.word = text_from(word) };
	enum outcome outcome;
	int status = tool_store(invocation, STORE_USE);

	if (status != EXIT_DONE)
		return status;
	thread_enter_worker();
	outcome = store_change(invocation->store, run_revoke, &change);
	if (outcome == OK)
		return EXIT_DONE;
	if (outcome == NOT_FOUND)
		return command_fail("%s of %s: there is no such app password; "
				    "see celldav app-password list",
		    word, name);
	if (outcome == CONFLICT)
		return command_fail("%s of %s: several have this label; give "
				    "the id",
		    word, name);
	return tool_fail(outcome, "user", name);
}

/* ---- Showing -------------------------------------------------------------- */

static bool
list_app(const struct app_password *app, void *context)
{
	json_t *rows = context, *row = json_object();

	json_object_set_new(row, "id", show_id(app->id));
	json_object_set_new(row, "label", show_text(app->label));
	json_object_set_new(row, "created", show_time(app->created_ns));
	json_object_set_new(row, "last_used", show_time(app->used_ns));
	json_array_append_new(rows, row);
	return true;
}

static int
list_run(struct invocation *invocation)
{
	const char *name = invocation->argument[0];
	json_t *rows;
	struct txn *txn;
	struct user user;
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &txn);
	if (status != EXIT_DONE)
		return status;
	rows = json_array();
	outcome = user_find(txn, text_from(name), &user);
	if (outcome == OK)
		outcome = app_password_each(txn, user.id, list_app, rows);
	txn_abort(txn);
	if (outcome == OK)
		return show_rows(invocation, rows, columns);
	json_decref(rows);
	return tool_fail(outcome, "user", name);
}

/* ---- Rows ----------------------------------------------------------------- */

static const struct option_row add_options[] = {
	{ .name = "label",
	    .kind = OPTION_VALUE,
	    .value = "LABEL",
	    .required = true,
	    .help = "the device or program that gets it" },
	{ .name = NULL },
};

const struct command command_app_password_add = {
	.name = "app-password",
	.verb = "add",
	.arguments = "USER",
	.summary = "make a random password and print it, once",
	.options = add_options,
	.run = add_run,
};

const struct command command_app_password_list = {
	.name = "app-password",
	.verb = "list",
	.arguments = "USER",
	.summary = "print labels, ids and times",
	.run = list_run,
};

const struct command command_app_password_revoke = {
	.name = "app-password",
	.verb = "revoke",
	.arguments = "USER LABEL|ID",
	.summary = "end one at once",
	.run = revoke_run,
};
