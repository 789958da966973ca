/*
 * celldav user: accounts. Every change is one function in one transaction; a
 * server sees it at its next request.
 */
#include <string.h>

#include "auth/principal.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"
#include "store/cell.h"
#include "store/quota.h"

/* What a change shall make of an account; NULL and -1: leave it. */
struct user_change {
	struct store *store;
	const char *name;
	const char *email, *display;
	int role;
	int disabled;
	bool quota_given;
	uint64_t quota;
	struct text phc;
	bool with_files;
};

static struct user_change
change_of(const struct invocation *invocation)
{
	return (struct user_change){
		.store = invocation->store,
		.name = invocation->argument[0],
		.email = invocation_option(invocation, "email"),
		.display = invocation_option(invocation, "display"),
		.role = -1,
		.disabled = -1,
		.quota_given = invocation_option(invocation, "quota") != NULL,
		.with_files = invocation_option(invocation, "with-files") !=
		    NULL,
	};
}

static void
change_apply(const struct user_change *change, struct user *user)
{
	if (change->email != NULL)
		user->email = text_from(change->email);
	if (change->display != NULL)
		user->display = text_from(change->display);
	if (change->role >= 0)
		user->role = (enum role)change->role;
	if (change->disabled >= 0)
		user->disabled = change->disabled == 1;
	if (change->quota_given)
		user->quota = change->quota;
	if (change->phc.len > 0)
		user->password = change->phc;
}

static enum outcome
run_add(struct txn *txn, void *context)
{
	struct user_change *change = context;
	struct user user = { .name = text_from(change->name) };
	enum outcome outcome;

	change_apply(change, &user);
	outcome = user_add(txn, change->store, &user);
	if (outcome == OK && change->quota_given)
		outcome = quota_set_user(txn, user.id, change->quota);
	return outcome;
}

static enum outcome
run_update(struct txn *txn, void *context)
{
	struct user_change *change = context;
	struct user user;
	enum outcome outcome = user_find(txn, text_from(change->name), &user);

	if (outcome != OK)
		return outcome;
	change_apply(change, &user);
	outcome = user_update(txn, &user);
	if (outcome == OK && change->quota_given)
		outcome = quota_set_user(txn, user.id, change->quota);
	return outcome;
}

/* The own cell first, when its files may go too. */
static enum outcome
remove_files(struct txn *txn, struct store *store, user_id id)
{
	char slug[CELL_SLUG_MAX];
	struct cell own;
	size_t len;
	enum outcome outcome = cell_find_own(txn, id, &own);

	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	len = own.slug.len;
	if (len > sizeof(slug))
		return DAMAGED;
	memcpy(slug, own.slug.ptr, len);
	return cell_remove(txn, store, (struct text){ slug, len });
}

static enum outcome
run_remove(struct txn *txn, void *context)
{
	struct user_change *change = context;
	struct user user;
	enum outcome outcome = user_find(txn, text_from(change->name), &user);

	if (outcome == OK && change->with_files)
		outcome = remove_files(txn, change->store, user.id);
	if (outcome == OK)
		outcome = user_remove(txn, change->store,
		    text_from(change->name));
	return outcome;
}

static int
role_take(struct invocation *invocation, int *ret_role)
{
	const char *role = invocation_option(invocation, "role");

	if (role == NULL)
		return EXIT_DONE;
	if (strcmp(role, "user") == 0)
		*ret_role = ROLE_USER;
	else if (strcmp(role, "admin") == 0)
		*ret_role = ROLE_ADMIN;
	else
		return command_usage("is user or admin", "--role");
	return EXIT_DONE;
}

static int
password_take(struct invocation *invocation, struct text *ret_phc)
{
	const char *file = invocation_option(invocation, "password-file");
	struct secret password;
	int status;

	if (file == NULL)
		return EXIT_DONE;
	status = tool_password(invocation, file, &password);
	if (status == EXIT_DONE)
		status = tool_hash(invocation, password, ret_phc);
	return status;
}

/* Reads the options, opens the store, runs the change. */
static int
user_run(struct invocation *invocation,
    enum outcome (*run)(struct txn *txn, void *context), int disabled)
{
	struct user_change change = change_of(invocation);
	enum outcome outcome;
	int status = role_take(invocation, &change.role);

	change.disabled = disabled;
	if (status == EXIT_DONE)
		status = tool_size(invocation, "quota", &change.quota);
	if (status == EXIT_DONE)
		status = password_take(invocation, &change.phc);
	if (status == EXIT_DONE)
		status = tool_store(invocation, STORE_USE);
	if (status != EXIT_DONE)
		return status;
	change.store = invocation->store;
	thread_enter_worker();
	outcome = store_change(invocation->store, run, &change);
	if (outcome == OK)
		return EXIT_DONE;
	if (outcome == CONFLICT && run == run_remove)
		return command_fail(
		    "user %s: owns a cell; give it to "
		    "somebody with celldav cell update --owner, or remove it; "
		    "--with-files removes my-files",
		    change.name);
	if (outcome == BAD_INPUT)
		return command_fail(
		    "user %s: the name, mail or display name "
		    "is malformed; a name has up to 64 letters, digits and "
		    ". _ - @ +",
		    change.name);
	return tool_fail(outcome, "user", change.name);
}

static int
add_run(struct invocation *invocation)
{
	return user_run(invocation, run_add, -1);
}

static int
update_run(struct invocation *invocation)
{
	return user_run(invocation, run_update, -1);
}

static int
disable_run(struct invocation *invocation)
{
	return user_run(invocation, run_update, 1);
}

static int
enable_run(struct invocation *invocation)
{
	return user_run(invocation, run_update, 0);
}

static int
remove_run(struct invocation *invocation)
{
	return user_run(invocation, run_remove, -1);
}

/* ---- Showing -------------------------------------------------------------- */

static const struct show_column columns[] = {
	{ "name", SHOW_TEXT },
	{ "role", SHOW_TEXT },
	{ "disabled", SHOW_TEXT },
	{ "display", SHOW_TEXT },
	{ "email", SHOW_TEXT },
	{ "quota", SHOW_SIZE },
	{ "used", SHOW_SIZE },
	{ "last_used", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

static const struct show_column details[] = {
	{ "name", SHOW_TEXT },
	{ "id", SHOW_TEXT },
	{ "role", SHOW_TEXT },
	{ "disabled", SHOW_TEXT },
	{ "display", SHOW_TEXT },
	{ "email", SHOW_TEXT },
	{ "quota", SHOW_SIZE },
	{ "used", SHOW_SIZE },
	{ "created", SHOW_TEXT },
	{ "last_used", SHOW_TEXT },
	{ "has_password", SHOW_TEXT },
	{ "app_passwords", SHOW_NUMBER },
	{ "groups", SHOW_TEXT },
	{ "cells", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

struct listing {
	struct txn *txn;
	json_t *rows;
};

static json_t *
user_json(struct txn *txn, const struct user *user)
{
	struct quota quota = { 0 };
	json_t *row = json_object();

	if (quota_of_user(txn, user->id, &quota) != OK)
		quota.used = 0;
	json_object_set_new(row, "name", show_text(user->name));
	json_object_set_new(row, "id", show_id(user->id));
	json_object_set_new(row, "role",
	    json_string(user->role == ROLE_ADMIN ? "admin" : "user"));
	json_object_set_new(row, "disabled", json_boolean(user->disabled));
	json_object_set_new(row, "display", show_text(user->display));
	json_object_set_new(row, "email", show_text(user->email));
	json_object_set_new(row, "quota",
	    user->quota > 0 ? show_count(user->quota) : json_null());
	json_object_set_new(row, "used", show_count(quota.used));
	json_object_set_new(row, "created", show_time(user->created_ns));
	json_object_set_new(row, "last_used", show_time(user->used_ns));
	json_object_set_new(row, "has_password",
	    json_boolean(user->password.len > 0));
	return row;
}

static bool
list_user(const struct user *user, void *context)
{
	struct listing *listing = context;

	json_array_append_new(listing->rows, user_json(listing->txn, user));
	return true;
}

static int
list_run(struct invocation *invocation)
{
	struct listing listing;
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &listing.txn);
	if (status != EXIT_DONE)
		return status;
	listing.rows = json_array();
	outcome = user_each(listing.txn, list_user, &listing);
	txn_abort(listing.txn);
	if (outcome == OK)
		return show_rows(invocation, listing.rows, columns);
	json_decref(listing.rows);
	return tool_fail(outcome, "list of", "users");
}

struct cell_list {
	user_id owner;
	json_t *cells;
};

static bool
list_cell(const struct cell *cell, void *context)
{
	struct cell_list *list = context;

	if (cell->owner == list->owner)
		json_array_append_new(list->cells, show_text(cell->slug));
	return true;
}

static bool
count_app(const struct app_password *app, void *context)
{
	size_t *count = context;

	(void)app; /* only their number is shown */
	(*count)++;
	return true;
}

static enum outcome
add_details(struct txn *txn, struct arena *arena, const struct user *user,
    json_t *row)
{
	struct cell_list list = { user->id, json_array() };
	struct principal principal;
	struct group group;
	json_t *groups = json_array();
	size_t apps = 0;
	enum outcome outcome = principal_load(txn, arena, user, &principal);

	json_object_set_new(row, "groups", groups);
	json_object_set_new(row, "cells", list.cells);
	if (outcome == OK)
		outcome = cell_each(txn, list_cell, &list);
	if (outcome == OK)
		outcome = app_password_each(txn, user->id, count_app, &apps);
	for (size_t i = 0; outcome == OK && i < principal.group_count; i++) {
		outcome = group_find_id(txn, principal.group[i], &group);
		if (outcome == OK)
			json_array_append_new(groups, show_text(group.name));
	}
	json_object_set_new(row, "app_passwords", show_count(apps));
	return outcome;
}

static int
show_run(struct invocation *invocation)
{
	const char *name = invocation->argument[0];
	struct txn *txn;
	struct user user;
	json_t *row = NULL;
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &txn);
	if (status != EXIT_DONE)
		return status;
	outcome = user_find(txn, text_from(name), &user);
	if (outcome == OK) {
		row = user_json(txn, &user);
		outcome = add_details(txn, invocation->arena, &user, row);
	}
	txn_abort(txn);
	if (outcome == OK)
		return show_object(invocation, row, details);
	json_decref(row);
	return tool_fail(outcome, "user", name);
}

/* ---- Rows ----------------------------------------------------------------- */

static const struct option_row add_options[] = {
	{ .name = "password-file",
	    .kind = OPTION_VALUE,
	    .value = "FILE",
	    .required = true,
	    .help = "the first line of FILE is the password; - is standard "
		    "input" },
	{ .name = "email",
	    .kind = OPTION_VALUE,
	    .value = "ADDRESS",
	    .help = "mail address" },
	{ .name = "display",
	    .kind = OPTION_VALUE,
	    .value = "NAME",
	    .help = "the name that people see" },
	{ .name = "role",
	    .kind = OPTION_VALUE,
	    .value = "user|admin",
	    .help = "admin: may administer; gives no right to contents" },
	{ .name = "quota",
	    .kind = OPTION_VALUE,
	    .value = "SIZE",
	    .help = "most bytes of all that the user owns; 0: no limit" },
	{ .name = NULL },
};

static const struct option_row passwd_options[] = {
	{ .name = "password-file",
	    .kind = OPTION_VALUE,
	    .value = "FILE",
	    .required = true,
	    .help = "the first line of FILE is the password; - is standard "
		    "input" },
	{ .name = NULL },
};

static const struct option_row remove_options[] = {
	{ .name = "with-files",
	    .kind = OPTION_FLAG,
	    .help = "also what is in the user's my-files" },
	{ .name = NULL },
};

const struct command command_user_add = {
	.name = "user",
	.verb = "add",
	.arguments = "NAME",
	.summary = "make an account",
	.options = add_options,
	.run = add_run,
};

/* All but the password, which has a verb of its own. */
const struct command command_user_update = {
	.name = "user",
	.verb = "update",
	.arguments = "NAME",
	.summary = "change mail, display name, role or quota",
	.options = add_options + 1,
	.run = update_run,
};

const struct command command_user_passwd = {
	.name = "user",
	.verb = "passwd",
	.arguments = "NAME",
	.summary = "set another password; the old one is dead at once",
	.options = passwd_options,
	.run = update_run,
};

const struct command command_user_show = {
	.name = "user",
	.verb = "show",
	.arguments = "NAME",
	.summary = "print one account",
	.run = show_run,
};

const struct command command_user_list = {
	.name = "user",
	.verb = "list",
	.arguments = "",
	.summary = "print all accounts",
	.run = list_run,
};

const struct command command_user_disable = {
	.name = "user",
	.verb = "disable",
	.arguments = "NAME",
	.summary = "let an account no longer in; what it gave holds no more",
	.run = disable_run,
};

const struct command command_user_enable = {
	.name = "user",
	.verb = "enable",
	.arguments = "NAME",
	.summary = "let a disabled account in again",
	.run = enable_run,
};

const struct command command_user_remove = {
	.name = "user",
	.verb = "remove",
	.arguments = "NAME",
	.summary = "remove an account with its app passwords and grants",
	.options = remove_options,
	.run = remove_run,
};
