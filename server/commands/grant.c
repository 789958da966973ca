/*
 * celldav grant: who may do what, where. A grant by somebody (--as) is taken
 * only when that user may share there now and holds what is given; it falls
 * with that right, whatever is changed later (auth/rights.c).
 */
#include <string.h>

#include "auth/authorise.h"
#include "server/base/clock.h"
#include "server/commands/place.h"
#include "server/commands/rows.h"
#include "server/commands/show.h"

struct grant_change {
	struct store *store;
	struct arena *arena;
	const char *place, *subject, *granter;
	struct grant grant;
	const char *failed, *kind; /* the word that was not found */
	bool not_held;             /* the granter lacks something */
};

/* "user:NAME" or "group:NAME". */
static enum outcome
find_subject(struct txn *txn, struct grant_change *change)
{
	struct text word = text_from(change->subject);
	struct text name = word;
	struct user user;
	struct group group;
	enum outcome outcome = BAD_INPUT;

	change->kind = "subject";
	change->failed = change->subject;
	(void)text_split(&name, ':');
	if (text_starts(word, TEXT("user:"))) {
		outcome = user_find(txn, name, &user);
		if (outcome == OK)
			change->grant.subject = user.id;
	} else if (text_starts(word, TEXT("group:"))) {
		outcome = group_find(txn, name, &group);
		change->grant.subject_is_group = true;
		if (outcome == OK)
			change->grant.subject = group.id;
	}
	return outcome;
}

/* May this user give that here? The same answer as for everybody else. */
static enum outcome
check_granter(struct txn *txn, struct grant_change *change,
    const struct trail *trail)
{
	struct principal principal;
	struct rights rights;
	struct user user;
	enum outcome outcome;

	if (change->granter == NULL)
		return OK;
	change->kind = "user";
	change->failed = change->granter;
	outcome = user_find(txn, text_from(change->granter), &user);
	if (outcome != OK)
		return outcome;
	change->grant.granter = user.id;
	change->not_held = true;
	if (user.disabled)
		return FORBIDDEN;
	outcome = principal_load(txn, change->arena, &user, &principal);
	if (outcome == OK)
		outcome = rights_of(txn, &principal, trail, clock_ends_ns(),
		    &rights);
	if (outcome != OK)
		return outcome;
	if (!rights_hold(&rights, ATOM(SHARE)) &&
	    !rights_hold(&rights, ATOM(MANAGE)))
		return FORBIDDEN;
	/* To shut somebody out is to manage (rights.md 1). */
	if ((change->grant.rules & RULE_NO_ACCESS) != 0)
		return rights_hold(&rights, ATOM(MANAGE)) ? OK : FORBIDDEN;
	return rights_hold(&rights, atoms_close(change->grant.atoms)) ?
	    OK :
	    FORBIDDEN;
}

static enum outcome
run_set(struct txn *txn, void *context)
{
	struct grant_change *change = context;
	struct place place;
	enum outcome outcome;

	change->not_held = false;
	change->kind = "place";
	change->failed = change->place;
	outcome = place_get(txn, change->arena, change->place, &place);
	if (outcome == OK)
		outcome = find_subject(txn, change);
	if (outcome == OK)
		outcome = check_granter(txn, change, &place.trail);
	if (outcome != OK)
		return outcome;
	change->kind = "place";
	change->failed = change->place;
	return grant_set(txn, change->store, &place.trail, &change->grant);
}

static enum outcome
run_revoke(struct txn *txn, void *context)
{
	struct grant_change *change = context;
	struct place place;
	enum outcome outcome;

	change->kind = "place";
	change->failed = change->place;
	outcome = place_get(txn, change->arena, change->place, &place);
	if (outcome == OK)
		outcome = find_subject(txn, change);
	if (outcome != OK)
		return outcome;
	change->kind = "grant of";
	return grant_revoke(txn, &place.trail, change->grant.subject);
}

static int
grant_run(struct invocation *invocation, struct grant_change *change,
    enum outcome (*run)(struct txn *txn, void *context))
{
	enum outcome outcome;
	int status = tool_store(invocation, STORE_USE);

	if (status != EXIT_DONE)
		return status;
	change->store = invocation->store;
	change->arena = invocation->arena;
	change->place = invocation->argument[0];
	change->subject = invocation->argument[1];
	thread_enter_worker();
	outcome = store_change(invocation->store, run, change);
	if (outcome == OK)
		return EXIT_DONE;
	if (outcome == BAD_INPUT && change->failed == change->subject)
		return command_fail("%s: is no subject; write user:NAME or "
				    "group:NAME",
		    change->subject);
	if (outcome == FORBIDDEN && change->not_held)
		return command_fail("%s: may not give this on %s; a granter "
				    "needs the right share and what is given",
		    change->granter, change->place);
	if (outcome == NOT_FOUND && change->failed == change->subject)
		return command_fail("%s %s: there is none; see celldav user "
				    "list, group list and grant list",
		    change->kind, change->subject);
	return tool_fail(outcome, change->kind, change->failed);
}

static int
rights_take(struct invocation *invocation, struct grant *grant)
{
	struct text word = text_from(invocation->argument[2]);
	const struct preset *preset = preset_find(word);

	if (preset != NULL) {
		grant->preset = text_from(preset->name);
		grant->atoms = preset->atoms;
		grant->rules = preset->rules;
		return EXIT_DONE;
	}
	if (text_starts(word, TEXT("atoms:")) &&
	    atoms_parse(text_slice(word, 6, word.len), &grant->atoms))
		return EXIT_DONE;
	return command_fail("%s: is neither a preset nor atoms:NAME,...; see "
			    "celldav grant set --help",
	    invocation->argument[2]);
}

static int
set_run(struct invocation *invocation)
{
	struct grant_change change = {
		.granter = invocation_option(invocation, "as"),
	};
	int status = rights_take(invocation, &change.grant);

	if (status == EXIT_DONE)
		status = tool_time(invocation, "from", &change.grant.from_ns);
	if (status == EXIT_DONE)
		status = tool_time(invocation, "until", &change.grant.until_ns);
	if (status != EXIT_DONE)
		return status;
	if (change.grant.until_ns != 0 &&
	    change.grant.until_ns <= change.grant.from_ns)
		return command_fail("--until: is not after --from; the end "
				    "is not part of the period");
	return grant_run(invocation, &change, run_set);
}

static int
revoke_run(struct invocation *invocation)
{
	struct grant_change change = { .granter = NULL };

	return grant_run(invocation, &change, run_revoke);
}

/* ---- Listing -------------------------------------------------------------- */

static const struct show_column columns[] = {
	{ "place", SHOW_TEXT },
	{ "subject", SHOW_TEXT },
	{ "rights", SHOW_TEXT },
	{ "from", SHOW_TEXT },
	{ "until", SHOW_TEXT },
	{ "by", SHOW_TEXT },
	{ NULL, SHOW_TEXT },
};

/* A node that has grants on it or below it, still to be looked at. */
struct pending {
	struct pending *next;
	node_id node;
	bool granted, descend;
	struct text place;
};

struct listing {
	struct txn *txn;
	struct arena *arena;
	json_t *rows;
	struct pending *first, **last;
	struct text place; /* of the node that is being looked at */
	enum outcome outcome;
};

static json_t *
rights_json(const struct grant *grant)
{
	json_t *names;

	if (grant->preset.len > 0)
		return show_text(grant->preset);
	names = json_array();
	for (size_t i = 0; i < ATOM_COUNT; i++) {
		if ((grant->atoms & (atom_set)1 << i) != 0)
			json_array_append_new(names,
			    json_string(atom_rows[i].name));
	}
	return names;
}

/* The owner, a name, or the id of somebody who was removed. */
static enum outcome
granter_json(struct txn *txn, user_id granter, json_t **ret_name)
{
	struct user user;
	enum outcome outcome;

	if (granter == 0) {
		*ret_name = json_string("owner");
		return OK;
	}
	outcome = user_find_id(txn, granter, &user);
	if (outcome == OK)
		*ret_name = show_text(user.name);
	else if (outcome == NOT_FOUND)
		*ret_name = json_string("removed");
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
subject_json(struct txn *txn, const struct grant *grant, json_t **ret_name)
{
	struct user user;
	struct group group;
	struct text name;
	enum outcome outcome;

	if (grant->subject_is_group) {
		outcome = group_find_id(txn, grant->subject, &group);
		name = group.name;
	} else {
		outcome = user_find_id(txn, grant->subject, &user);
		name = user.name;
	}
	if (outcome == OK)
		*ret_name = json_sprintf("%s:%.*s",
		    grant->subject_is_group ? "group" : "user",
		    TEXT_ARGS(name));
	return outcome;
}

static bool
list_grant(const struct grant *grant, void *context)
{
	struct listing *listing = context;
	json_t *row, *subject, *by;

	listing->outcome = subject_json(listing->txn, grant, &subject);
	if (listing->outcome != OK)
		return false;
	row = json_object();
	json_array_append_new(listing->rows, row);
	json_object_set_new(row, "subject", subject);
	json_object_set_new(row, "id", show_id(grant->id));
	json_object_set_new(row, "place", show_text(listing->place));
	json_object_set_new(row, "rights", rights_json(grant));
	json_object_set_new(row, "from", show_time(grant->from_ns));
	json_object_set_new(row, "until", show_time(grant->until_ns));
	json_object_set_new(row, "created", show_time(grant->created_ns));
	listing->outcome = granter_json(listing->txn, grant->granter, &by);
	if (listing->outcome == OK)
		json_object_set_new(row, "by", by);
	return listing->outcome == OK;
}

static void
pending_add(struct listing *listing, const struct node *node, struct text place)
{
	struct pending *pending;
	bool granted = (node->flags & NODE_HAS_GRANTS) != 0;
	bool descend = node->kind == NODE_COLLECTION && node->tree_grants > 0;

	if (!granted && !descend)
		return;
	pending = ARENA_NEW(listing->arena, struct pending);
	*pending = (struct pending){ NULL, node->id, granted, descend, place };
	*listing->last = pending;
	listing->last = &pending->next;
}

static bool
look_below(const struct node *node, void *context)
{
	struct listing *listing = context;

	pending_add(listing, node,
	    arena_format(listing->arena, "%.*s/%.*s", TEXT_ARGS(listing->place),
		TEXT_ARGS(node->name)));
	return true;
}

static enum outcome
list_all(struct listing *listing)
{
	enum outcome outcome = OK;

	for (; outcome == OK && listing->first != NULL;
	    listing->first = listing->first->next) {
		const struct pending *pending = listing->first;

		listing->place = pending->place;
		if (pending->granted)
			outcome = grant_each(listing->txn, pending->node,
			    list_grant, listing);
		if (outcome == OK)
			outcome = listing->outcome;
		if (outcome == OK && pending->descend)
			outcome = node_each(listing->txn, pending->node,
			    TEXT_NONE, look_below, listing);
	}
	return outcome;
}

static int
list_run(struct invocation *invocation)
{
	struct listing listing = { .arena = invocation->arena, .outcome = OK };
	struct place place;
	enum outcome outcome;
	int status = tool_store(invocation, STORE_READ_ONLY);

	if (status == EXIT_DONE)
		status = tool_read(invocation, &listing.txn);
	if (status != EXIT_DONE)
		return status;
	listing.rows = json_array();
	listing.last = &listing.first;
	outcome = place_get(listing.txn, invocation->arena,
	    invocation->argument[0], &place);
	if (outcome == OK) {
		pending_add(&listing, trail_last(&place.trail),
		    place_name(listing.txn, invocation->arena, &place.cell,
			&place.trail));
		outcome = list_all(&listing);
	}
	txn_abort(listing.txn);
	if (outcome == OK)
		return show_rows(invocation, listing.rows, columns);
	json_decref(listing.rows);
	return tool_fail(outcome, "place", invocation->argument[0]);
}

/* ---- Rows ----------------------------------------------------------------- */

static const struct option_row set_options[] = {
	{ .name = "from",
	    .kind = OPTION_VALUE,
	    .value = "TIME",
	    .help = "holds from this time on; else from now" },
	{ .name = "until",
	    .kind = OPTION_VALUE,
	    .value = "TIME",
	    .help = "holds until just before this time; else for good" },
	{ .name = "as",
	    .kind = OPTION_VALUE,
	    .value = "USER",
	    .help = "who gives it, and must hold it; else the cell's owner" },
	{ .name = NULL },
};

const struct command command_grant_set = {
	.name = "grant",
	.verb = "set",
	.arguments = "CELL[/PATH] SUBJECT PRESET|atoms:ATOM,...",
	.summary =
	    "give rights to user:NAME or group:NAME; PRESET is "
	    "no-access, view, print, pdf, original, contributor, upload-only, "
	    "portal, portal-ro or co-owner",
	.options = set_options,
	.run = set_run,
};

const struct command command_grant_list = {
	.name = "grant",
	.verb = "list",
	.arguments = "CELL[/PATH]",
	.summary = "print the grants on a place and below it",
	.run = list_run,
};

const struct command command_grant_revoke = {
	.name = "grant",
	.verb = "revoke",
	.arguments = "CELL[/PATH] SUBJECT",
	.summary = "take a grant back at once",
	.run = revoke_run,
};
