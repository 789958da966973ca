#include "auth_world.h"

#include "auth/record.h"
#include "store/log_entry.h"

/* Grants as records: set, replaced, revoked, and the flags they keep. */
struct kept {
	struct grant grant;
	size_t count;
};

static bool
keep_last(const struct grant *grant, void *context)
{
	struct kept *kept = context;

	kept->grant = *grant;
	kept->count++;
	return true;
}

static struct kept
grants_of(struct world *world, const struct trail *trail)
{
	struct kept kept = { .count = 0 };

	assert_int_equal(grant_each(world->txn, trail_last(trail)->id,
			     keep_last, &kept),
	    OK);
	return kept;
}

static void
stored_closed_and_replaced(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	struct cell cell = world_cell(world, "a", alice);
	struct trail docs = world_folder(world, &cell, "/docs");
	struct kept kept;

	(void)world_grant(world, &docs, bob, "atoms:get-original", 0);
	kept = grants_of(world, &docs);
	assert_int_equal(kept.count, 1);
	assert_int_equal(kept.grant.atoms,
	    ATOM(GET_ORIGINAL) | ATOM(GET_PDF) | ATOM(PRINT) | ATOM(VIEW) |
		ATOM(STAT));
	docs = world_folder(world, &cell, "/docs");
	(void)world_grant(world, &docs, bob, "view", alice);
	kept = grants_of(world, &docs);
	assert_int_equal(kept.count, 1);
	assert_true(text_equal(kept.grant.preset, TEXT("view")));
	assert_int_equal(kept.grant.granter, alice);
}

static void
flags_follow_the_grants(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	user_id eve = world_user(world, "eve");
	struct cell cell = world_cell(world, "a", alice);
	struct trail docs = world_folder(world, &cell, "/docs");

	(void)world_grant(world, &docs, bob, "view", 0);
	docs = world_folder(world, &cell, "/docs");
	assert_true((trail_last(&docs)->flags & NODE_HAS_GRANTS) != 0);
	assert_int_equal(docs.node[0].tree_grants, 1);
	(void)world_grant(world, &docs, eve, "view", 0);
	docs = world_folder(world, &cell, "/docs");
	assert_int_equal(docs.node[0].tree_grants, 1);
	assert_int_equal(grant_revoke(world->txn, &docs, bob), OK);
	docs = world_folder(world, &cell, "/docs");
	assert_int_equal(docs.node[0].tree_grants, 1);
	assert_int_equal(grant_revoke(world->txn, &docs, bob), NOT_FOUND);
	assert_int_equal(grant_revoke(world->txn, &docs, eve), OK);
	docs = world_folder(world, &cell, "/docs");
	assert_int_equal(docs.node[0].tree_grants, 0);
	assert_int_equal(trail_last(&docs)->flags & NODE_HAS_GRANTS, 0);
}

static void
nonsense_is_refused(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	struct cell cell = world_cell(world, "a", alice);
	struct trail docs = world_folder(world, &cell, "/docs");
	struct grant grant = { .subject = bob,
		.atoms = ATOM(STAT),
		.from_ns = 20,
		.until_ns = 20 };

	assert_int_equal(grant_set(world->txn, world->store, &docs, &grant),
	    BAD_INPUT);
	grant.until_ns = 21;
	grant.subject = bob + 999;
	assert_int_equal(grant_set(world->txn, world->store, &docs, &grant),
	    NOT_FOUND);
	grant.subject = bob;
	grant.subject_is_group = true;
	assert_int_equal(grant_set(world->txn, world->store, &docs, &grant),
	    NOT_FOUND);
	grant.subject_is_group = false;
	grant.granter = bob + 999;
	assert_int_equal(grant_set(world->txn, world->store, &docs, &grant),
	    NOT_FOUND);
	docs.missing = 1;
	grant.granter = 0;
	assert_int_equal(grant_set(world->txn, world->store, &docs, &grant),
	    NOT_FOUND);
	assert_int_equal(grants_of(world, &docs).count, 0);
}

static void
no_access_holds_no_atom(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	struct cell cell = world_cell(world, "a", alice);
	struct trail docs = world_folder(world, &cell, "/docs");
	struct grant grant = {
		.subject = bob, .atoms = ATOMS_ALL, .rules = RULE_NO_ACCESS
	};

	assert_int_equal(grant_set(world->txn, world->store, &docs, &grant),
	    OK);
	assert_int_equal(grants_of(world, &docs).grant.atoms, ATOMS_NONE);
}

static void
whole_trees_lose_theirs(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	struct cell cell = world_cell(world, "a", alice);
	struct trail trail = world_folder(world, &cell, "/docs");

	(void)world_grant(world, &trail, bob, "view", 0);
	(void)world_folder(world, &cell, "/docs/x");
	trail = world_folder(world, &cell, "/docs/x/y");
	(void)world_grant(world, &trail, bob, "view", 0);
	trail = world_folder(world, &cell, "/other");
	(void)world_grant(world, &trail, bob, "view", 0);
	trail = world_folder(world, &cell, "/docs");
	assert_int_equal(trail.node[0].tree_grants, 3);
	assert_int_equal(grant_remove_tree(world->txn, trail_last(&trail)), OK);
	trail = world_folder(world, &cell, "/docs/x/y");
	assert_int_equal(trail.node[0].tree_grants, 1);
	assert_int_equal(trail_last(&trail)->flags & NODE_HAS_GRANTS, 0);
	assert_int_equal(grants_of(world, &trail).count, 0);
	trail = world_folder(world, &cell, "/other");
	assert_int_equal(grants_of(world, &trail).count, 1);
}

struct told {
	struct log_entry entry; /* without its name */
	size_t count;
};

static bool
keep_entry(const struct log_entry *entry, void *context)
{
	struct told *told = context;

	if (entry->kind != LOG_RIGHTS)
		return true;
	assert_true(text_equal(entry->name, TEXT("docs")));
	told->entry = *entry;
	told->count++;
	return true;
}

static struct told
told_after(struct world *world, node_id tree, uint64_t sequence)
{
	struct told told = { .count = 0 };

	assert_int_equal(log_each(world->txn, tree, sequence, keep_entry,
			     &told),
	    OK);
	return told;
}

/* Each change of a grant tells the log whom it is about, a refusal nothing. */
static void
changes_are_in_the_log(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	struct cell cell = world_cell(world, "a", alice);
	struct trail docs = world_folder(world, &cell, "/docs");
	node_id tree = docs.node[0].id;
	struct told told;

	(void)world_grant(world, &docs, bob, "view", 0);
	told = told_after(world, tree, 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.entry.subject, bob);
	assert_int_equal(told.entry.node, trail_last(&docs)->id);
	assert_int_equal(told.entry.parent, trail_last(&docs)->parent);
	assert_true(told.entry.collection);
	(void)world_grant(world, &docs, alice, "no-access", 0);
	told = told_after(world, tree, told.entry.sequence);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.entry.subject, alice);
	assert_int_equal(grant_revoke(world->txn, &docs, bob), OK);
	told = told_after(world, tree, told.entry.sequence);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.entry.subject, bob);
	assert_int_equal(grant_revoke(world->txn, &docs, bob), NOT_FOUND);
	told = told_after(world, tree, told.entry.sequence);
	assert_int_equal(told.count, 0);
}

static void
damaged_records_are_named(void **state)
{
	struct grant grant = { .subject = 5,
		.preset = TEXT("view"),
		.atoms = ATOM(STAT),
		.granter = 9 },
		     out;
	struct buffer bytes = { .max = RECORD_MAX };
	struct key key;
	struct text at = key_pair(&key, KEY_GRANT, 3, 4), all;

	(void)state;
	grant_encode(&grant, &bytes);
	all = buffer_text(&bytes);
	assert_int_equal(grant_decode(at, all, &out), OK);
	assert_int_equal(out.node, 3);
	assert_int_equal(out.id, 4);
	assert_int_equal(out.granter, 9);
	for (size_t len = 0; len < all.len; len++) {
		assert_int_equal(grant_decode(at, text_slice(all, 0, len),
				     &out),
		    DAMAGED);
	}
	buffer_clear(&bytes);
	grant.atoms = ATOMS_ALL + 1;
	grant_encode(&grant, &bytes);
	assert_int_equal(grant_decode(at, buffer_text(&bytes), &out), DAMAGED);
	buffer_done(&bytes);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(stored_closed_and_replaced),
		CASE(flags_follow_the_grants),
		CASE(nonsense_is_refused),
		CASE(no_access_holds_no_atom),
		CASE(whole_trees_lose_theirs),
		CASE(changes_are_in_the_log),
		cmocka_unit_test(damaged_records_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
