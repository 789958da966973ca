#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/grove.h"

/* Versions and the trash. */
struct versions {
	struct version version[16];
	size_t count;
};

static bool
take(const struct version *version, void *context)
{
	struct versions *versions = context;

	assert_true(versions->count < 16);
	versions->version[versions->count++] = *version;
	return true;
}

static struct versions
versions_of(struct grove *grove, const char *path)
{
	struct versions versions = { .count = 0 };

	assert_ok(version_each(grove->txn, grove_node(grove, path).id, take,
	    &versions));
	return versions;
}

static void
test_newest_first_and_bounded(void **state)
{
	struct grove grove;
	struct versions versions;

	grove_begin(&grove, *state);
	grove.state.conf->store.versions = 3;
	assert_ok(grove_put(&grove, "f", "1"));
	assert_ok(grove_put(&grove, "f", "22"));
	assert_ok(grove_put(&grove, "f", "333"));
	assert_ok(grove_put(&grove, "f", "4444"));
	assert_ok(grove_put(&grove, "f", "55555"));
	versions = versions_of(&grove, "f");
	assert_int_equal(versions.count, 3);
	assert_int_equal(versions.version[0].size, 4);
	assert_int_equal(versions.version[1].size, 3);
	assert_int_equal(versions.version[2].size, 2);
	assert_int_equal(versions.version[0].author, grove.actor.user);
	assert_true(versions.version[0].id > versions.version[1].id);
	assert_int_equal(grove_node(&grove, "f").tree_versions, 9);
	/* A smaller bound takes hold with the next content. */
	grove.state.conf->store.versions = 0;
	assert_ok(grove_put(&grove, "f", "last"));
	assert_int_equal(versions_of(&grove, "f").count, 0);
	assert_int_equal(grove_node(&grove, "f").flags, 0);
	grove_end(&grove);
}

/* Another process may give larger ids before this one goes on. */
static void
test_order_is_not_that_of_ids(void **state)
{
	struct grove grove;
	struct versions versions;
	uint64_t ids;

	grove_begin(&grove, *state);
	grove.state.conf->store.versions = 2;
	assert_ok(grove_put(&grove, "f", "1"));
	ids = grove.store->next_id;
	grove.store->next_id = ids + 1000;
	assert_ok(grove_put(&grove, "f", "22"));
	grove.store->next_id = ids;
	assert_ok(grove_put(&grove, "f", "333"));
	assert_ok(grove_put(&grove, "f", "4444"));
	versions = versions_of(&grove, "f");
	assert_int_equal(versions.count, 2);
	assert_int_equal(versions.version[0].size, 3);
	assert_int_equal(versions.version[1].size, 2);
	assert_true(versions.version[0].id < versions.version[1].id);
	grove_end(&grove);
}

static void
test_empty_contents_are_not_kept(void **state)
{
	struct grove grove;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "f", ""));
	assert_ok(grove_put(&grove, "f", "written second"));
	assert_int_equal(versions_of(&grove, "f").count, 0);
	assert_ok(grove_put(&grove, "f", ""));
	assert_int_equal(versions_of(&grove, "f").count, 1);
	grove_end(&grove);
}

static enum outcome
restore_version(struct grove *grove, const char *path, uint64_t id)
{
	struct trail trail = grove_trail(grove, path);

	return version_restore(grove->txn, grove->store, &trail, id,
	    &grove->actor);
}

static void
test_restore_refuses_what_is_no_version(void **state)
{
	struct grove grove;
	uint64_t writes;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "f", "first"));
	assert_ok(grove_put(&grove, "f", "the second"));
	writes = grove.txn->writes;
	assert_int_equal(restore_version(&grove, "f", 1), NOT_FOUND);
	assert_int_equal(restore_version(&grove, "", 1), NOT_FOUND);
	assert_int_equal(grove.txn->writes, writes);
	grove_end(&grove);
}

static uint64_t
blob_references(struct grove *grove, blob_id blob)
{
	struct blob_record record;

	assert_ok(blob_get(grove->txn, blob, &record));
	return record.references;
}

static void
test_restore_adds_on_top(void **state)
{
	struct grove grove;
	struct node before, after;
	struct version old;
	struct versions versions;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "f", "first"));
	assert_ok(grove_put(&grove, "f", "the second"));
	before = grove_node(&grove, "f");
	old = versions_of(&grove, "f").version[0];
	assert_int_equal(blob_references(&grove, old.blob), 1);
	assert_ok(restore_version(&grove, "f", old.id));
	grove_expect(&grove, "f", "first");
	after = grove_node(&grove, "f");
	assert_int_equal(after.id, before.id);
	assert_int_equal(after.blob, old.blob);
	assert_int_equal(blob_references(&grove, old.blob), 2);
	assert_true(after.etag != before.etag && after.etag != old.id);
	versions = versions_of(&grove, "f");
	assert_int_equal(versions.count, 2);
	assert_int_equal(versions.version[0].id, before.etag);
	assert_int_equal(versions.version[0].size, 10);
	assert_int_equal(versions.version[1].id, old.id);
	assert_int_equal(after.tree_versions, 15);
	/* Each restore of a content is one version more. */
	assert_ok(restore_version(&grove, "f", old.id));
	assert_int_equal(versions_of(&grove, "f").count, 3);
	assert_int_equal(blob_references(&grove, old.blob), 3);
	grove_end(&grove);
}

/* The bound drops the very version that is restored: its content stays. */
static void
test_restore_of_the_oldest_that_may_stay(void **state)
{
	struct grove grove;
	struct versions versions;

	grove_begin(&grove, *state);
	grove.state.conf->store.versions = 2;
	assert_ok(grove_put(&grove, "f", "1"));
	assert_ok(grove_put(&grove, "f", "22"));
	assert_ok(grove_put(&grove, "f", "333"));
	versions = versions_of(&grove, "f");
	assert_int_equal(versions.version[1].size, 1);
	assert_ok(restore_version(&grove, "f", versions.version[1].id));
	grove_expect(&grove, "f", "1");
	versions = versions_of(&grove, "f");
	assert_int_equal(versions.count, 2);
	assert_int_equal(versions.version[0].size, 3);
	assert_int_equal(versions.version[1].size, 2);
	assert_int_equal(blob_references(&grove, grove_node(&grove, "f").blob),
	    1);
	grove_end(&grove);
}

static void
test_restore_counts_again(void **state)
{
	struct grove grove;
	struct quota quota;
	uint64_t old, writes;
	user_id user;

	grove_begin(&grove, *state);
	user = grove.actor.user;
	assert_ok(grove_put(&grove, "f", "12345"));
	assert_ok(grove_put(&grove, "f", "123"));
	old = versions_of(&grove, "f").version[0].id;
	assert_ok(quota_set_user(grove.txn, user, 12));
	writes = grove.txn->writes;
	assert_int_equal(restore_version(&grove, "f", old), NO_SPACE);
	assert_int_equal(grove.txn->writes, writes);
	assert_ok(quota_set_user(grove.txn, user, 13));
	assert_ok(restore_version(&grove, "f", old));
	assert_ok(quota_of_user(grove.txn, user, &quota));
	assert_int_equal(quota.used, 13);
	grove_end(&grove);
}

static void
test_trash_item_tells_where_it_was(void **state)
{
	struct grove grove;
	struct trash_item item;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_mkcol(&grove, "a/b c"));
	assert_ok(grove_put(&grove, "a/b c/file", "12345"));
	assert_ok(grove_put(&grove, "a/b c/file", "1234567"));
	assert_ok(grove_delete(&grove, "a/b c/file"));
	item = grove_trash(&grove);
	assert_true(text_equal(item.path, TEXT("/a/b c")));
	assert_true(text_equal(item.name, TEXT("file")));
	assert_int_equal(item.size, 7);
	assert_int_equal(item.count, 1);
	assert_int_equal(item.by, grove.actor.user);
	assert_int_equal(item.deleted_ns, grove.actor.now_ns);
	assert_false(item.moved_out);
	assert_ok(grove_delete(&grove, "a"));
	item = grove_trash(&grove);
	assert_true(text_equal(item.path, TEXT("/")));
	assert_int_equal(item.count, 2);
	grove_end(&grove);
}

static enum outcome
restore(struct grove *grove, uint64_t sequence, const char *name)
{
	return trash_restore(grove->txn, grove->store, grove->root, sequence,
	    text_from(name), &grove->actor);
}

static void
test_restore_refusals(void **state)
{
	struct grove grove;
	uint64_t file, folder, writes;

	grove_begin(&grove, *state);
	assert_ok(grove_mkcol(&grove, "a"));
	assert_ok(grove_put(&grove, "a/file", "old"));
	assert_ok(grove_delete(&grove, "a/file"));
	file = grove_trash(&grove).sequence;
	assert_ok(grove_put(&grove, "a/file", "new"));
	writes = grove.txn->writes;
	assert_int_equal(restore(&grove, file, ""), EXISTS);
	assert_int_equal(restore(&grove, file, "file"), EXISTS);
	assert_int_equal(restore(&grove, file, "a/b"), BAD_INPUT);
	assert_int_equal(restore(&grove, 12345, ""), NOT_FOUND);
	assert_int_equal(grove.txn->writes, writes);
	assert_ok(grove_delete(&grove, "a"));
	folder = grove_trash(&grove).sequence;
	writes = grove.txn->writes;
	assert_int_equal(restore(&grove, file, ""), CONFLICT);
	assert_int_equal(grove.txn->writes, writes);
	assert_ok(restore(&grove, folder, ""));
	assert_ok(restore(&grove, file, "other"));
	grove_expect(&grove, "a/other", "old");
	grove_expect(&grove, "a/file", "new");
	grove_end(&grove);
}

static void
test_empty_by_age(void **state)
{
	struct grove grove;
	struct tree tree;
	uint64_t between;
	size_t items;

	grove_begin(&grove, *state);
	assert_ok(grove_put(&grove, "one", "1"));
	assert_ok(grove_put(&grove, "two", "22"));
	assert_ok(grove_delete(&grove, "one"));
	grove.actor.now_ns += 10;
	between = grove.actor.now_ns;
	assert_ok(grove_delete(&grove, "two"));
	assert_ok(trash_empty(grove.txn, grove.store, grove.root, between,
	    &items));
	assert_int_equal(items, 1);
	assert_ok(tree_get(grove.txn, grove.root, &tree));
	assert_int_equal(tree.trash_bytes, 2);
	assert_true(text_equal(grove_trash(&grove).name, TEXT("two")));
	grove_check(&grove);
	grove_reclaim(&grove);
	assert_ok(restore(&grove, grove_trash(&grove).sequence, ""));
	grove_expect(&grove, "two", "22");
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		GROVE_TEST(test_newest_first_and_bounded),
		GROVE_TEST(test_order_is_not_that_of_ids),
		GROVE_TEST(test_empty_contents_are_not_kept),
		GROVE_TEST(test_restore_refuses_what_is_no_version),
		GROVE_TEST(test_restore_adds_on_top),
		GROVE_TEST(test_restore_of_the_oldest_that_may_stay),
		GROVE_TEST(test_restore_counts_again),
		GROVE_TEST(test_trash_item_tells_where_it_was),
		GROVE_TEST(test_restore_refusals), GROVE_TEST(test_empty_by_age)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
