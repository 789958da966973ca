#include "auth_world.h"

#include <stdio.h>
#include <string.h>

#include "auth/accounts.h"
#include "auth/guess.h"
#include "auth/known.h"
#include "server/base/clock.h"

/*
 * A field that signed in is known until something that its sign-in stood on
 * has changed, whatever that is.
 */
static const char field_text[] = "Basic YWxpY2U6c2VjcmV0";

struct visitor {
	struct world *world;
	struct known *known;
	struct known_ask ask;
	struct principal principal;
};

static struct visitor
visitor_make(struct world *world)
{
	struct visitor visitor = { .world = world, .known = known_new() };

	(void)world_user(world, "alice");
	(void)world_group(world, "editors", "alice");
	visitor.principal = world_principal(world, "alice");
	visitor.ask = (struct known_ask){ .field = text_from(field_text),
		.address = "192.0.2.7",
		.txn = world->txn,
		.calm = 1,
		.now_ns = 1000 };
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	return visitor;
}

static bool
is_known(const struct visitor *visitor, const struct known_ask *ask)
{
	struct principal principal;

	if (!known_find(visitor->known, ask, visitor->world->arena, &principal))
		return false;
	assert_int_equal(principal.kind, PRINCIPAL_USER);
	assert_int_equal(principal.id, visitor->principal.id);
	assert_true(text_equal(principal.name, visitor->principal.name));
	assert_true(text_equal(principal.display, visitor->principal.display));
	assert_int_equal(principal.group_count, visitor->principal.group_count);
	assert_memory_equal(principal.group, visitor->principal.group,
	    principal.group_count * sizeof(*principal.group));
	return true;
}

static void
the_same_field_is_the_same_principal(void **state)
{
	struct visitor visitor = visitor_make(*state);

	assert_int_equal(visitor.principal.group_count, 1);
	assert_true(is_known(&visitor, &visitor.ask));
	assert_true(is_known(&visitor, &visitor.ask));
	known_free(visitor.known);
}

static void
anything_else_is_not_known(void **state)
{
	struct visitor visitor = visitor_make(*state);
	struct known_ask ask = visitor.ask;

	ask.field = text_from("Basic YWxpY2U6c2VjcmV1");
	assert_false(is_known(&visitor, &ask));
	ask.field = text_slice(visitor.ask.field, 0, 10);
	assert_false(is_known(&visitor, &ask));
	ask = visitor.ask;
	ask.address = "192.0.2.70";
	assert_false(is_known(&visitor, &ask));
	ask = visitor.ask;
	ask.field = TEXT_NONE;
	assert_false(is_known(&visitor, &ask));
	known_free(visitor.known);
}

static void
wrong_passwords_and_time_end_it(void **state)
{
	struct visitor visitor = visitor_make(*state);
	struct known_ask ask = visitor.ask;

	ask.calm = 2;
	assert_false(is_known(&visitor, &ask));
	ask = visitor.ask;
	ask.now_ns = 1000 + KNOWN_SECONDS * NS_PER_SECOND;
	assert_false(is_known(&visitor, &ask));
	ask.now_ns--;
	assert_true(is_known(&visitor, &ask));
	known_add(visitor.known, &visitor.ask, 2000, &visitor.principal);
	ask.now_ns = 1999;
	assert_true(is_known(&visitor, &ask));
	ask.now_ns = 2000;
	assert_false(is_known(&visitor, &ask));
	known_free(visitor.known);
}

static void
user_change(struct world *world, void (*change)(struct user *user))
{
	struct user user;

	assert_int_equal(user_find(world->txn, TEXT("alice"), &user), OK);
	change(&user);
	assert_int_equal(user_update(world->txn, &user), OK);
}

static void
disable(struct user *user)
{
	user->disabled = true;
}

static void
password_set(struct user *user)
{
	user->password = TEXT("another");
}

static void
each_change_of_an_account_ends_it(void **state)
{
	struct world *world = *state;
	struct visitor visitor = visitor_make(world);
	struct secret secret;

	user_change(world, disable);
	assert_false(is_known(&visitor, &visitor.ask));
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	assert_true(is_known(&visitor, &visitor.ask));
	user_change(world, password_set);
	assert_false(is_known(&visitor, &visitor.ask));
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	assert_int_equal(group_leave(world->txn, TEXT("editors"),
			     TEXT("alice")),
	    OK);
	assert_false(is_known(&visitor, &visitor.ask));
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	assert_int_equal(group_join(world->txn, TEXT("editors"), TEXT("alice")),
	    OK);
	assert_false(is_known(&visitor, &visitor.ask));
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	assert_int_equal(group_remove(world->txn, world->store,
			     TEXT("editors")),
	    OK);
	assert_false(is_known(&visitor, &visitor.ask));
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, visitor.principal.id, TEXT("laptop"),
			     &secret),
	    OK);
	assert_false(is_known(&visitor, &visitor.ask));
	known_free(visitor.known);
}

static bool
app_id_take(const struct app_password *app, void *context)
{
	*(uint64_t *)context = app->id;
	return true;
}

static void
a_removed_app_password_or_account_ends_it(void **state)
{
	struct world *world = *state;
	struct visitor visitor = visitor_make(world);
	user_id user = visitor.principal.id;
	struct secret secret;
	uint64_t id = 0;

	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, user, TEXT("laptop"), &secret),
	    OK);
	assert_int_equal(app_password_each(world->txn, user, app_id_take, &id),
	    OK);
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	assert_int_equal(app_password_revoke(world->txn, user, id), OK);
	assert_false(is_known(&visitor, &visitor.ask));
	known_add(visitor.known, &visitor.ask, UINT64_MAX, &visitor.principal);
	assert_int_equal(user_remove(world->txn, world->store, TEXT("alice")),
	    OK);
	assert_false(is_known(&visitor, &visitor.ask));
	known_free(visitor.known);
}

static void
many_fields_push_others_out(void **state)
{
	struct visitor visitor = visitor_make(*state);
	struct known_ask ask = visitor.ask;
	char field[32];
	size_t found = 0;

	for (int i = 0; i < 20000; i++) {
		int len = snprintf(field, sizeof(field), "Basic %d", i);

		ask.field = (struct text){ field, (size_t)len };
		known_add(visitor.known, &ask, UINT64_MAX, &visitor.principal);
		assert_true(is_known(&visitor, &ask));
	}
	for (int i = 0; i < 20000; i++) {
		int len = snprintf(field, sizeof(field), "Basic %d", i);

		ask.field = (struct text){ field, (size_t)len };
		found += is_known(&visitor, &ask);
	}
	assert_in_range(found, 100, 1000);
	known_free(visitor.known);
}

/* The number moves with what is wrong, and with nothing else. */
static void
calm_lasts_until_somebody_guesses(void **state)
{
	struct guesses *guesses = guesses_new();
	const struct guess_rule rule = { .free = 1, .longest_seconds = 10 };
	struct text alice = TEXT("alice"), bob = TEXT("bob");
	const char *address = "192.0.2.7";
	uint64_t calm = guess_calm(guesses, alice, address);

	(void)state;
	assert_int_not_equal(calm, 0);
	assert_int_equal(guess_begin(guesses, alice, address, &rule, 1), 0);
	guess_drop(guesses, alice, address);
	assert_int_equal(guess_calm_now(guesses), calm);
	assert_int_equal(guess_begin(guesses, bob, address, &rule, 1), 0);
	guess_wrong(guesses, bob, address, &rule, 1);
	assert_int_not_equal(guess_calm_now(guesses), calm);
	assert_int_equal(guess_calm(guesses, bob, address), 0);
	calm = guess_calm(guesses, alice, address);
	assert_int_equal(calm, guess_calm_now(guesses));
	guess_wrong(guesses, bob, address, &rule, 2);
	calm = guess_calm_now(guesses);
	assert_int_not_equal(guess_begin(guesses, bob, address, &rule, 3), 0);
	assert_int_not_equal(guess_calm_now(guesses), calm);
	guess_right(guesses, bob, address);
	assert_int_not_equal(guess_calm(guesses, bob, address), 0);
	guesses_free(guesses);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_same_field_is_the_same_principal),
		CASE(anything_else_is_not_known),
		CASE(wrong_passwords_and_time_end_it),
		CASE(each_change_of_an_account_ends_it),
		CASE(a_removed_app_password_or_account_ends_it),
		CASE(many_fields_push_others_out),
		cmocka_unit_test(calm_lasts_until_somebody_guesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
