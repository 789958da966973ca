/* celldav group: groups of accounts, as subjects of grants. */
#include "auth/principal.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"
#include "server/commands/tool.h"

struct group_change {
	struct store *store;
	struct text group, user;
};

static enum outcome
run_add(struct txn *txn, void *context)
{
	struct group_change *change = context;

	return group_add(txn, change->store, change->group);
}

static enum outcome
run_remove(struct txn *txn, void *context)
{
	struct group_change *change = context;

	return group_remove(txn, change->store, change->group);
}

static enum outcome
run_join(struct txn *txn, void *context)
{
	struct group_change *change = context;

	return group_join(txn, change->group, change->user);
}

static enum outcome
run_leave(struct txn *txn, void *context)
{
	struct group_change *change = context;

	return group_leave(txn, change->group, change->user);
}

static int
group_run(struct invocation *invocation,
    enum outcome (*run)(struct txn *txn, void *context))
{
	const char *name = invocation->argument[0];
	struct group_change change = { .group = text_from(name) };
	enum outcome outcome;
	int status = tool_store(invocation, STORE_USE);

	if (status != EXIT_DONE)
		return status;
	change.store = invocation->store;
	if (invocation->argument_count > 1)
		change.user = text_from(invocation->argument[1]);
	thread_enter_worker();
	outcome = store_change(invocation->store, run, &change);
	if (outcome == OK)
		return EXIT_DONE;
	if (invocation->argument_count < 2)
		return tool_fail(outcome, "group", name);
	if (outcome == EXISTS)
		return command_fail("%s: is in %s already",
		    invocation->argument[1], name);
	if (outcome == NOT_FOUND)
		return command_fail("%s in %s: there is no such group, user or "
				    "membership; see celldav group list",
		    invocation->argument[1], name);
	return tool_fail(outcome, "group", name);
}

static int
add_run(struct invocation *invocation)
{
	return group_run(invocation, run_add);
}

static int
remove_run(struct invocation *invocation)
{
	return group_run(invocation, run_remove);
}

static int
join_run(struct invocation *invocation)
{
	return group_run(invocation, run_join);
}

static int
leave_run(struct invocation *invocation)
{
	return group_run(invocation, run_leave);
}

/* ---- Showing -------------------------------------------------------------- */

static const struct show_column columns[] = {
	{ "name", SHOW_TEXT },
	{ "members", SHOW_TEXT },
	{ "created", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

struct listing {
	struct txn *txn;
	json_t *rows, *members;
	enum outcome outcome;
};

static bool
list_member(const struct user *user, void *context)
{
	struct listing *listing = context;

	json_array_append_new(listing->members, show_text(user->name));
	return true;
}

static bool
list_group(const struct group *group, void *context)
{
	struct listing *listing = context;
	json_t *row = json_object();

	listing->members = json_array();
	json_object_set_new(row, "name", show_text(group->name));
	json_object_set_new(row, "id", show_id(group->id));
	json_object_set_new(row, "members", listing->members);
	json_object_set_new(row, "created", show_time(group->created_ns));
	json_array_append_new(listing->rows, row);
	listing->outcome = group_members(listing->txn, group->id, list_member,
	    listing);
	return listing->outcome == OK;
}

static int
list_run(struct invocation *invocation)
{
	struct listing listing = { .outcome = OK };
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &listing.txn);
	if (status != EXIT_DONE)
		return status;
	listing.rows = json_array();
	outcome = group_each(listing.txn, list_group, &listing);
	if (outcome == OK)
		outcome = listing.outcome;
	txn_abort(listing.txn);
	if (outcome == OK)
		return show_rows(invocation, listing.rows, columns);
	json_decref(listing.rows);
	return tool_fail(outcome, "list of", "groups");
}

/* ---- Rows ----------------------------------------------------------------- */

const struct command command_group_add = {
	.name = "group",
	.verb = "add",
	.arguments = "NAME",
	.summary = "make a group",
	.run = add_run,
};

const struct command command_group_remove = {
	.name = "group",
	.verb = "remove",
	.arguments = "NAME",
	.summary = "remove a group with its grants",
	.run = remove_run,
};

const struct command command_group_list = {
	.name = "group",
	.verb = "list",
	.arguments = "",
	.summary = "print all groups and who is in them",
	.run = list_run,
};

const struct command command_group_join = {
	.name = "group",
	.verb = "join",
	.arguments = "GROUP USER",
	.summary = "put a user into a group",
	.run = join_run,
};

const struct command command_group_leave = {
	.name = "group",
	.verb = "leave",
	.arguments = "GROUP USER",
	.summary = "take a user out of a group",
	.run = leave_run,
};
