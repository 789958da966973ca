#include "auth_world.h"

#include <string.h>

#include "auth/record.h"
#include "server/base/clock.h"

/* Accounts: their names, their records, and what goes with them. */
static void
names_are_folded(void **state)
{
	static const struct {
		const char *sent, *key;
	} good[] = {
		{ "alice", "alice" },
		{ "Alice", "alice" },
		{ "BOB.Smith-2@Example.org", "bob.smith-2@example.org" },
		{ "a+b_c", "a+b_c" },
		{ "_x", "_x" },
		/* e and a combining acute are one letter in NFC. */
		{ "Ren\x65\xcc\x81", "ren\xc3\xa9" },
		{ "REN\xc3\x89", "ren\xc3\xa9" },
	};
	static const char *const bad[] = { "", "-x", ".x", "a b", "a/b", "a\\b",
		"a:b", "a\nb", "~a", "a\x01", "\xff\xfe", "\xed\xa0\x80",
		"a\xe2\x80\xaez", "\xe2\x82\xac" };
	struct world *world = *state;
	struct text key;
	char longest[USER_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(user_name_key(world->arena,
				     text_from(good[i].sent), &key),
		    OK);
		assert_true(text_equal(key, text_from(good[i].key)));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(user_name_key(world->arena, text_from(bad[i]),
				     &key),
		    BAD_INPUT);
	}
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(user_name_key(world->arena,
			     (struct text){ longest, USER_NAME_MAX }, &key),
	    OK);
	assert_int_equal(user_name_key(world->arena,
			     (struct text){ longest, USER_NAME_MAX + 1 }, &key),
	    BAD_INPUT);
}

static void
one_name_is_one_account(void **state)
{
	struct world *world = *state;
	user_id id = world_user(world, "Alice");
	struct user again = { .name = TEXT("aLICE") }, found;

	assert_int_equal(user_add(world->txn, world->store, &again), EXISTS);
	assert_int_equal(user_find(world->txn, TEXT("ALICE"), &found), OK);
	assert_int_equal(found.id, id);
	assert_true(text_equal(found.name, TEXT("alice")));
	assert_int_equal(user_find_id(world->txn, id, &found), OK);
	assert_int_equal(user_find_id(world->txn, id + 1000, &found),
	    NOT_FOUND);
	assert_int_equal(user_find(world->txn, TEXT("a b"), &found), NOT_FOUND);
}

static void
password_version_grows_with_the_password_only(void **state)
{
	struct world *world = *state;
	struct user user;

	(void)world_user(world, "alice");
	assert_int_equal(user_find(world->txn, TEXT("alice"), &user), OK);
	assert_int_equal(user.password_version, 1);
	user.email = TEXT("a@example.org");
	user.password_version = 77; /* not the caller's to say */
	assert_int_equal(user_update(world->txn, &user), OK);
	assert_int_equal(user_find(world->txn, TEXT("alice"), &user), OK);
	assert_int_equal(user.password_version, 1);
	assert_true(text_equal(user.email, TEXT("a@example.org")));
	user.password = TEXT("$argon2id$new");
	assert_int_equal(user_update(world->txn, &user), OK);
	assert_int_equal(user_find(world->txn, TEXT("alice"), &user), OK);
	assert_int_equal(user.password_version, 2);
}

static void
texts_for_people_are_checked(void **state)
{
	struct world *world = *state;
	struct user user = { .name = TEXT("alice"), .display = TEXT("A\nB") };

	assert_int_equal(user_add(world->txn, world->store, &user), BAD_INPUT);
	user.display = TEXT("A\xff");
	assert_int_equal(user_add(world->txn, world->store, &user), BAD_INPUT);
	user.display = TEXT("\xc3\x84 B");
	assert_int_equal(user_add(world->txn, world->store, &user), OK);
}

static bool
count_user(const struct user *user, void *context)
{
	size_t *count = context;

	assert_true(user->id != 0);
	return ++*count < 2;
}

static void
walk_stops_when_told(void **state)
{
	struct world *world = *state;
	size_t count = 0;

	(void)world_user(world, "a");
	(void)world_user(world, "b");
	(void)world_user(world, "c");
	assert_int_equal(user_each(world->txn, count_user, &count), OK);
	assert_int_equal(count, 2);
}

static void
owner_of_a_cell_stays(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");

	(void)world_cell(world, "a", alice);
	assert_int_equal(user_remove(world->txn, world->store, TEXT("alice")),
	    CONFLICT);
	assert_int_equal(cell_remove(world->txn, world->store, TEXT("a")), OK);
	assert_int_equal(user_remove(world->txn, world->store, TEXT("alice")),
	    OK);
	assert_int_equal(user_remove(world->txn, world->store, TEXT("alice")),
	    NOT_FOUND);
}

static void
own_cell_goes_only_when_empty(void **state)
{
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	struct cell own;

	assert_int_equal(cell_make_own(world->txn, world->store, alice, &own),
	    OK);
	assert_int_equal(user_remove(world->txn, world->store, TEXT("alice")),
	    OK);
	assert_int_equal(cell_find_own(world->txn, alice, &own), NOT_FOUND);
	assert_int_equal(cell_make_own(world->txn, world->store, bob, &own),
	    OK);
	(void)world_folder(world, &own, "/kept");
	assert_int_equal(user_remove(world->txn, world->store, TEXT("bob")),
	    CONFLICT);
	assert_int_equal(cell_find_own(world->txn, bob, &own), OK);
}

static size_t
count_prefix(struct world *world, struct text prefix)
{
	struct cursor *cursor;
	enum outcome outcome;
	size_t count = 0;

	assert_int_equal(cursor_open(world->txn, &cursor), OK);
	outcome = cursor_seek(cursor, prefix);
	while (outcome == OK && text_starts(cursor->key, prefix)) {
		count++;
		outcome = cursor_next(cursor);
	}
	cursor_close(cursor);
	return count;
}

static void
nothing_of_a_removed_account_stays(void **state)
{
	static const enum key_kind kinds[] = { KEY_APP, KEY_APP_HASH,
		KEY_MEMBER, KEY_GRANT, KEY_GRANT_NODE, KEY_GRANT_SUBJECT };
	struct world *world = *state;
	user_id alice = world_user(world, "alice");
	user_id bob = world_user(world, "bob");
	struct cell cell = world_cell(world, "a", alice);
	struct trail docs = world_folder(world, &cell, "/docs");
	struct secret password;
	struct key key;

	(void)world_group(world, "staff", "bob");
	(void)world_grant(world, &docs, bob, "view", 0);
	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, bob, TEXT("phone"), &password),
	    OK);
	assert_int_equal(user_remove(world->txn, world->store, TEXT("bob")),
	    OK);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_int_equal(count_prefix(world,
				     key_text(&key, kinds[i], TEXT_NONE)),
		    0);
	}
	docs = world_folder(world, &cell, "/docs");
	assert_int_equal(trail_last(&docs)->flags & NODE_HAS_GRANTS, 0);
	assert_int_equal(docs.node[0].tree_grants, 0);
}

static void
damaged_records_are_named(void **state)
{
	struct user user = { .name = TEXT("alice"),
		.id = 7,
		.display = TEXT("Alice") },
		    out;
	struct buffer bytes = { .max = RECORD_MAX };
	struct text all;

	(void)state;
	user_encode(&user, &bytes);
	all = buffer_text(&bytes);
	assert_int_equal(user_decode(all, &out), OK);
	assert_true(text_equal(out.display, TEXT("Alice")));
	for (size_t len = 0; len < all.len; len++) {
		assert_int_equal(user_decode(text_slice(all, 0, len), &out),
		    DAMAGED);
	}
	buffer_append_byte(&bytes, 0);
	assert_int_equal(user_decode(buffer_text(&bytes), &out), DAMAGED);
	buffer_done(&bytes);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(names_are_folded),
		CASE(one_name_is_one_account),
		CASE(password_version_grows_with_the_password_only),
		CASE(texts_for_people_are_checked),
		CASE(walk_stops_when_told),
		CASE(owner_of_a_cell_stays),
		CASE(own_cell_goes_only_when_empty),
		CASE(nothing_of_a_removed_account_stays),
		cmocka_unit_test(damaged_records_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
