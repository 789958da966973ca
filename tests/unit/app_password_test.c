#include "auth_world.h"

#include <string.h>

#include "auth/app_password.h"
#include "auth/record.h"

/* App passwords: their shape, their look-up, their end. */
static struct secret
add_app(struct world *world, user_id user, const char *label)
{
	struct secret password;

	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, user, text_from(label), &password),
	    OK);
	return password;
}

static void
shape_is_groups_of_four_letters(void **state)
{
	struct world *world = *state;
	user_id bob = world_user(world, "bob");
	struct secret one = add_app(world, bob, "one");
	struct secret two = add_app(world, bob, "two");

	assert_int_equal(one.bytes.len, 39);
	for (size_t i = 0; i < one.bytes.len; i++) {
		char byte = one.bytes.ptr[i];

		if (i % 5 == 4)
			assert_int_equal(byte, '-');
		else
			assert_non_null(memchr(
			    "abcdefghijklmnopqrstuvwxyz234567", byte, 32));
	}
	assert_false(text_equal(one.bytes, two.bytes));
}

static void
found_however_it_is_typed(void **state)
{
	struct world *world = *state;
	user_id bob = world_user(world, "bob");
	struct secret password = add_app(world, bob, "phone");
	unsigned char hash[APP_HASH_BYTES];
	struct app_password app;
	char typed[64];
	size_t len = 0;

	for (size_t i = 0; i < password.bytes.len; i++) {
		char byte = password.bytes.ptr[i];

		if (byte == '-')
			continue;
		typed[len++] = byte >= 'a' ? (char)(byte - 'a' + 'A') : byte;
	}
	assert_true(app_password_hash((struct secret){ { typed, len } }, hash));
	assert_int_equal(app_password_find(world->txn, hash, &app), OK);
	assert_int_equal(app.user, bob);
	assert_true(text_equal(app.label, TEXT("phone")));
	typed[0] = typed[0] == 'A' ? 'B' : 'A';
	assert_true(app_password_hash((struct secret){ { typed, len } }, hash));
	assert_int_equal(app_password_find(world->txn, hash, &app), NOT_FOUND);
}

static void
other_passwords_have_another_shape(void **state)
{
	static const char *const other[] = { "", "secret",
		"aaaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhh",
		"aaaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhhhh",
		"aaaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhh1",
		"aaaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhh\xc3\xa9" };
	unsigned char hash[APP_HASH_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		assert_false(app_password_hash(
		    (struct secret){ text_from(other[i]) }, hash));
	}
	assert_false(app_password_hash((struct secret){ { "aaaa\0aaaaaaaaaaaa"
							  "aaaaaaaaaaaaaaa",
					   32 } },
	    hash));
}

static void
revoked_is_gone(void **state)
{
	struct world *world = *state;
	user_id bob = world_user(world, "bob");
	user_id eve = world_user(world, "eve");
	struct secret password = add_app(world, bob, "phone");
	unsigned char hash[APP_HASH_BYTES];
	struct app_password app;
	uint64_t id;

	assert_true(app_password_hash(password, hash));
	assert_int_equal(app_password_find(world->txn, hash, &app), OK);
	id = app.id;
	assert_int_equal(app_password_revoke(world->txn, eve, id), NOT_FOUND);
	assert_int_equal(app_password_revoke(world->txn, bob, id), OK);
	assert_int_equal(app_password_find(world->txn, hash, &app), NOT_FOUND);
	assert_int_equal(app_password_used(world->txn, bob, id, 9), NOT_FOUND);
}

static bool
check_used(const struct app_password *app, void *context)
{
	assert_int_equal(app->used_ns, *(uint64_t *)context);
	return true;
}

static void
use_is_noted(void **state)
{
	struct world *world = *state;
	user_id bob = world_user(world, "bob");
	struct secret password = add_app(world, bob, "phone");
	unsigned char hash[APP_HASH_BYTES];
	struct app_password app;
	uint64_t when = 1234567;

	assert_true(app_password_hash(password, hash));
	assert_int_equal(app_password_find(world->txn, hash, &app), OK);
	assert_int_equal(app_password_used(world->txn, bob, app.id, when), OK);
	assert_int_equal(app_password_each(world->txn, bob, check_used, &when),
	    OK);
	assert_int_equal(app_password_find(world->txn, hash, &app), OK);
	assert_int_equal(app.used_ns, when);
}

static void
labels_and_users_are_checked(void **state)
{
	struct world *world = *state;
	user_id bob = world_user(world, "bob");
	struct secret password;

	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, bob, TEXT("a\tb"), &password),
	    BAD_INPUT);
	assert_int_equal(app_password_add(world->txn, world->store,
			     world->arena, bob + 999, TEXT("x"), &password),
	    NOT_FOUND);
}

static void
damaged_records_are_named(void **state)
{
	struct app_password app = { .user = 3,
		.id = 4,
		.label = TEXT("phone") },
			    out;
	struct buffer bytes = { .max = RECORD_MAX };
	struct key key;
	struct text at = key_pair(&key, KEY_APP, 3, 4), all;

	(void)state;
	app_password_encode(&app, &bytes);
	all = buffer_text(&bytes);
	assert_int_equal(app_password_decode(at, all, &out), OK);
	assert_int_equal(out.user, 3);
	assert_int_equal(out.id, 4);
	for (size_t len = 0; len < all.len; len++) {
		assert_int_equal(app_password_decode(at,
				     text_slice(all, 0, len), &out),
		    DAMAGED);
	}
	assert_int_equal(app_password_decode(text_slice(at, 0, 9), all, &out),
	    DAMAGED);
	buffer_done(&bytes);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(shape_is_groups_of_four_letters),
		CASE(found_however_it_is_typed),
		cmocka_unit_test(other_passwords_have_another_shape),
		CASE(revoked_is_gone),
		CASE(use_is_noted),
		CASE(labels_and_users_are_checked),
		cmocka_unit_test(damaged_records_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
