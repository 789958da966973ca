#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/grove.h"

/* Contents, versions and trash count; a refusal writes nothing. */
static uint64_t
used_by(struct grove *grove, user_id user)
{
	struct quota quota;

	assert_ok(quota_of_user(grove->txn, user, &quota));
	return quota.used;
}

static void
limit(struct grove *grove, uint64_t bytes)
{
	assert_ok(quota_set_user(grove->txn, grove->actor.user, bytes));
}

static void
test_all_that_is_kept_counts(void **state)
{
	struct grove grove;
	size_t items;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "f", "12345"));
	assert_int_equal(used_by(&grove, grove.actor.user), 5);
	assert_ok(grove_put(&grove, "f", "123"));
	assert_int_equal(used_by(&grove, grove.actor.user), 8);
	assert_ok(grove_copy(&grove, "f", "g"));
	assert_int_equal(used_by(&grove, grove.actor.user), 11);
	assert_ok(grove_delete(&grove, "f"));
	assert_int_equal(used_by(&grove, grove.actor.user), 11);
	assert_ok(trash_empty(grove.txn, grove.store, grove.root, UINT64_MAX,
	    &items));
	assert_int_equal(used_by(&grove, grove.actor.user), 3);
	grove_end(&grove);
}

static void
test_limit_of_a_user(void **state)
{
	struct grove grove;
	struct quota quota;
	uint64_t writes;

	grove_begin(&grove, *state);
	limit(&grove, 10);
	assert_ok(grove_put(&grove, "f", "1234567890"));
	writes = grove.txn->writes;
	assert_int_equal(grove_put(&grove, "g", "1"), NO_SPACE);
	assert_int_equal(grove_put(&grove, "f", "1"), NO_SPACE);
	assert_int_equal(grove.txn->writes, writes);
	assert_ok(grove_put(&grove, "g", ""));
	assert_int_equal(grove_copy(&grove, "f", "h"), NO_SPACE);
	assert_ok(quota_of_user(grove.txn, grove.actor.user, &quota));
	assert_int_equal(quota.available, 0);
	/* The limit may come below what is used: no wrap, deletes work. */
	limit(&grove, 5);
	assert_ok(quota_of_user(grove.txn, grove.actor.user, &quota));
	assert_int_equal(quota.available, 0);
	assert_ok(grove_delete(&grove, "f"));
	limit(&grove, 0);
	assert_ok(quota_of_user(grove.txn, grove.actor.user, &quota));
	assert_int_equal(quota.available, UINT64_MAX);
	assert_ok(grove_put(&grove, "g", "1"));
	grove_reclaim(&grove);
	grove_end(&grove);
}

static void
test_dropped_versions_make_room(void **state)
{
	struct grove grove;

	grove_begin(&grove, *state);
	grove.state.conf->store.versions = 1;
	limit(&grove, 10);
	for (int i = 0; i < 4; i++)
		assert_ok(grove_put(&grove, "f", "12345"));
	assert_int_equal(grove_put(&grove, "f", "123456"), NO_SPACE);
	assert_int_equal(used_by(&grove, grove.actor.user), 10);
	grove_end(&grove);
}

static struct cell
make_cell(struct grove *grove, const char *slug, node_id root, uint64_t bytes)
{
	struct cell cell = { .slug = text_from(slug),
		.root = root,
		.owner = grove->actor.user,
		.quota = bytes };

	assert_ok(cell_create(grove->txn, grove->store, &cell));
	assert_ok(cell_find(grove->txn, text_from(slug), &cell));
	return cell;
}

static void
test_limit_of_a_cell_on_a_folder(void **state)
{
	struct grove grove;
	struct trail trail;
	struct quota quota;
	size_t items;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	(void)make_cell(&grove, "inner", grove_node(&grove, "a").id, 10);
	assert_ok(grove_put(&grove, "outside", "1234567890123"));
	assert_ok(grove_put(&grove, "a/f", "12345"));
	assert_ok(grove_put(&grove, "a/f", "123"));
	trail = grove_trail(&grove, "a");
	assert_ok(quota_of(grove.txn, grove.store, &trail, &quota));
	assert_int_equal(quota.used, 8);
	assert_int_equal(quota.available, 2);
	assert_int_equal(grove_put(&grove, "a/g", "123"), NO_SPACE);
	assert_int_equal(grove_move(&grove, "outside", "a/x"), NO_SPACE);
	assert_int_equal(grove_copy(&grove, "outside", "a/x"), NO_SPACE);
	assert_ok(grove_delete(&grove, "a/f"));
	assert_int_equal(grove_put(&grove, "a/g", "123"), NO_SPACE);
	assert_ok(trash_empty(grove.txn, grove.store, grove.root, UINT64_MAX,
	    &items));
	assert_ok(grove_put(&grove, "a/g", "1234567890"));
	/* What moves inside was counted already. */
	assert_ok(grove_mkcol(&grove, "a/sub"));
	assert_ok(grove_move(&grove, "a/g", "a/sub/g"));
	assert_ok(grove_move(&grove, "a/sub/g", "g"));
	assert_ok(quota_of(grove.txn, grove.store, &trail, &quota));
	assert_int_equal(quota.used, 0);
	grove_reclaim(&grove);
	grove_end(&grove);
}

static void
test_disk_less_reserve(void **state)
{
	struct grove grove;
	struct trail trail;
	struct quota quota;

	grove_begin(&grove, *state);
	trail = grove_trail(&grove, "");
	grove.state.conf->store.reserve = 0;
	assert_ok(quota_of(grove.txn, grove.store, &trail, &quota));
	assert_in_range(quota.available, 1, UINT64_MAX - 1);
	assert_ok(quota_check(grove.txn, grove.store, &trail, 1));
	assert_int_equal(quota_check(grove.txn, grove.store, &trail,
			     UINT64_MAX),
	    NO_SPACE);
	grove.state.conf->store.reserve = UINT64_MAX;
	assert_ok(quota_of(grove.txn, grove.store, &trail, &quota));
	assert_int_equal(quota.available, 0);
	assert_int_equal(quota_check(grove.txn, grove.store, &trail, 1),
	    NO_SPACE);
	assert_ok(quota_check(grove.txn, grove.store, &trail, 0));
	grove_end(&grove);
}

static void
test_move_between_owners(void **state)
{
	struct grove grove;
	struct trail source, target;
	struct node root;
	uint64_t writes;

	grove_begin(&grove, *state);
	assert_ok(tree_create(grove.txn, grove.store, 88, &root));
	node_hold(grove.arena, &root);
	assert_ok(quota_set_user(grove.txn, 88, 7));
	assert_ok(grove_put(&grove, "f", "12345"));
	assert_ok(grove_put(&grove, "f", "123"));
	source = grove_trail(&grove, "f");
	target = grove_trail_in(&grove, root.id, "");
	writes = grove.txn->writes;
	assert_int_equal(tree_move(grove.txn, grove.store, &source, &target,
			     TEXT("f"), TREE_MOVE_PLACE, &grove.actor),
	    NO_SPACE);
	assert_int_equal(grove.txn->writes, writes);
	assert_ok(quota_set_user(grove.txn, 88, 8));
	assert_ok(tree_move(grove.txn, grove.store, &source, &target, TEXT("f"),
	    TREE_MOVE_PLACE, &grove.actor));
	assert_int_equal(used_by(&grove, 88), 8);
	assert_int_equal(used_by(&grove, grove.actor.user), 8);
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GROVE_TEST(test_all_that_is_kept_counts),
		GROVE_TEST(test_limit_of_a_user),
		GROVE_TEST(test_dropped_versions_make_room),
		GROVE_TEST(test_limit_of_a_cell_on_a_folder),
		GROVE_TEST(test_disk_less_reserve),
		GROVE_TEST(test_move_between_owners)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
