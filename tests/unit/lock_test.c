#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/grove.h"

/* RFC 4918 6 and 7, as far as the store knows them. */
enum { ALICE = 1, BOB = 2 };

#define AT(seconds) ((uint64_t)(seconds) * NS_PER_SECOND)

static struct lock
lock_of(unsigned char mark, bool exclusive, bool infinite)
{
	struct lock lock = { .principal = ALICE,
		.exclusive = exclusive,
		.infinite = infinite,
		.timeout_seconds = 60,
		.owner = TEXT("<x/>"),
		.root = TEXT("/dav/a") };

	memset(lock.token, mark, sizeof(lock.token));
	return lock;
}

static enum outcome
add(struct grove *grove, const char *path, const struct lock *lock)
{
	struct trail trail = grove_trail(grove, path);

	return lock_add(grove->txn, grove->state.conf, &trail, lock, AT(1));
}

static size_t
covering(struct grove *grove, const char *path, uint64_t now_ns)
{
	struct trail trail = grove_trail(grove, path);
	struct lock *lock;
	size_t count;

	assert_ok(lock_covering(grove->txn, grove->arena, &trail, now_ns, &lock,
	    &count));
	return count;
}

static void
begin(struct grove *grove, void **state)
{
	grove_begin(grove, *state);
	assert_ok(grove_mkcol(grove, "a"));
	assert_ok(grove_mkcol(grove, "a/b"));
	assert_ok(grove_put(grove, "a/b/file", "x"));
	assert_ok(grove_put(grove, "a/other", "y"));
}

static void
test_token_text(void **state)
{
	struct arena *arena = arena_new();
	unsigned char token[LOCK_TOKEN_BYTES], back[LOCK_TOKEN_BYTES];
	struct text text;

	(void)state;
	for (size_t i = 0; i < sizeof(token); i++)
		token[i] = (unsigned char)(i * 17);
	text = lock_token_format(arena, token);
	assert_true(text_equal(text,
	    TEXT("urn:uuid:00112233-4455-6677-8899-aabbccddeeff")));
	assert_true(lock_token_parse(text, back));
	assert_memory_equal(token, back, sizeof(token));
	assert_true(lock_token_parse(
	    TEXT("URN:UUID:00112233-4455-6677-8899-AABBCCDDEEFF"), back));
	assert_memory_equal(token, back, sizeof(token));
	assert_false(lock_token_parse(
	    TEXT("urn:uuid:00112233-4455-6677-8899-aabbccddeef"), back));
	assert_false(lock_token_parse(
	    TEXT("urn:uuid:00112233-4455-6677-8899-aabbccddeefg"), back));
	assert_false(lock_token_parse(
	    TEXT("urn:uuid:0011223-34455-6677-8899-aabbccddeeff"), back));
	assert_false(lock_token_parse(TEXT(""), back));
	arena_free(arena);
}

static void
test_compatibility(void **state)
{
	struct grove grove;
	struct lock lock;
	uint64_t writes;

	begin(&grove, state);
	lock = lock_of(1, false, false);
	assert_ok(add(&grove, "a/b/file", &lock));
	lock = lock_of(2, false, false);
	assert_ok(add(&grove, "a/b/file", &lock));
	lock = lock_of(3, true, false);
	writes = grove.txn->writes;
	assert_int_equal(add(&grove, "a/b/file", &lock), LOCKED);
	lock = lock_of(3, true, true);
	assert_int_equal(add(&grove, "a", &lock), LOCKED);
	assert_int_equal(grove.txn->writes, writes);
	lock = lock_of(3, false, true);
	assert_ok(add(&grove, "a", &lock));
	lock = lock_of(4, true, false);
	assert_int_equal(add(&grove, "a/other", &lock), LOCKED);
	lock = lock_of(4, true, false);
	assert_ok(add(&grove, "", &lock));
	grove_end(&grove);
}

static void
test_depth_and_missing(void **state)
{
	struct grove grove;
	struct lock lock = lock_of(1, true, true);
	struct lock flat = lock_of(2, true, false);

	begin(&grove, state);
	assert_ok(add(&grove, "a/b", &lock));
	assert_ok(add(&grove, "a", &flat));
	assert_int_equal(covering(&grove, "a/b", AT(1)), 1);
	assert_int_equal(covering(&grove, "a/b/file", AT(1)), 1);
	assert_int_equal(covering(&grove, "a/b/new", AT(1)), 1);
	assert_int_equal(covering(&grove, "a/b/new/er", AT(1)), 1);
	assert_int_equal(covering(&grove, "a", AT(1)), 1);
	assert_int_equal(covering(&grove, "a/new", AT(1)), 0);
	assert_int_equal(covering(&grove, "a/other", AT(1)), 0);
	assert_int_equal(add(&grove, "a/new", &lock), CONFLICT);
	grove_end(&grove);
}

static size_t
below(struct grove *grove, const char *path, size_t max)
{
	struct node node = grove_node(grove, path);
	struct lock *lock;
	size_t count;

	assert_ok(lock_below(grove->txn, grove->arena, &node, AT(1), max, &lock,
	    &count));
	return count;
}

static void
test_below_and_delete(void **state)
{
	struct grove grove;
	struct lock one = lock_of(1, true, false);
	struct lock two = lock_of(2, true, false), found;

	begin(&grove, state);
	assert_ok(add(&grove, "a/b/file", &one));
	assert_ok(add(&grove, "a/other", &two));
	assert_int_equal(grove_node(&grove, "").tree_locks, 2);
	assert_int_equal(below(&grove, "", 10), 2);
	assert_int_equal(below(&grove, "a", 1), 1);
	assert_int_equal(below(&grove, "a/b", 10), 1);
	assert_ok(grove_move(&grove, "a/other", "moved"));
	assert_int_equal(lock_find(grove.txn, two.token, AT(1), &found),
	    NOT_FOUND);
	assert_ok(grove_delete(&grove, "a"));
	assert_int_equal(lock_find(grove.txn, one.token, AT(1), &found),
	    NOT_FOUND);
	assert_int_equal(grove_node(&grove, "").tree_locks, 0);
	grove_end(&grove);
}

static void
test_expiry(void **state)
{
	struct grove grove;
	struct lock lock = lock_of(1, true, false), found;
	bool more = true;

	begin(&grove, state);
	assert_ok(add(&grove, "a/other", &lock));
	assert_ok(lock_find(grove.txn, lock.token, AT(60), &found));
	assert_int_equal(found.expires_ns, AT(61));
	assert_true(text_equal(found.owner, TEXT("<x/>")));
	assert_int_equal(lock_find(grove.txn, lock.token, AT(61), &found),
	    NOT_FOUND);
	assert_int_equal(covering(&grove, "a/other", AT(60)), 1);
	assert_int_equal(covering(&grove, "a/other", AT(61)), 0);
	assert_int_equal(lock_refresh(grove.txn, lock.token, 60, AT(61)),
	    NOT_FOUND);
	assert_ok(lock_refresh(grove.txn, lock.token, 100, AT(60)));
	assert_ok(lock_expire(grove.txn, AT(159), 1, &more));
	assert_false(more);
	assert_int_equal(grove_node(&grove, "").tree_locks, 1);
	assert_ok(lock_expire(grove.txn, AT(160), 1, &more));
	assert_true(more);
	assert_int_equal(grove_node(&grove, "").tree_locks, 0);
	grove_end(&grove);
}

static void
test_ended_lock_makes_room(void **state)
{
	struct grove grove;
	struct lock old = lock_of(1, true, false);
	struct lock fresh = lock_of(2, true, false), found;
	struct trail trail;

	begin(&grove, state);
	assert_ok(add(&grove, "a/other", &old));
	trail = grove_trail(&grove, "a/other");
	assert_ok(lock_add(grove.txn, grove.state.conf, &trail, &fresh,
	    AT(61)));
	assert_int_equal(lock_remove(grove.txn, old.token), NOT_FOUND);
	assert_ok(lock_find(grove.txn, fresh.token, AT(62), &found));
	assert_int_equal(grove_node(&grove, "").tree_locks, 1);
	assert_ok(lock_remove(grove.txn, fresh.token));
	assert_int_equal(grove_node(&grove, "").tree_locks, 0);
	grove_end(&grove);
}

static void
test_limits(void **state)
{
	struct grove grove;
	struct lock lock = lock_of(1, false, false), found;

	begin(&grove, state);
	grove.state.conf->limits.locks_per_principal = 2;
	lock.timeout_seconds = UINT64_MAX;
	assert_ok(add(&grove, "a", &lock));
	assert_ok(lock_find(grove.txn, lock.token, AT(1), &found));
	assert_int_equal(found.timeout_seconds,
	    grove.state.conf->limits.lock_seconds);
	lock = lock_of(2, false, false);
	assert_ok(add(&grove, "a", &lock));
	lock = lock_of(3, false, false);
	assert_int_equal(add(&grove, "a", &lock), TOO_LARGE);
	lock.principal = BOB;
	assert_ok(add(&grove, "a", &lock));
	assert_ok(lock_remove(grove.txn, lock_of(1, false, false).token));
	lock = lock_of(4, false, false);
	assert_ok(add(&grove, "a", &lock));
	assert_ok(lock_refresh(grove.txn, lock.token, UINT64_MAX, AT(1)));
	assert_ok(lock_find(grove.txn, lock.token, UINT64_MAX - 1, &found));
	grove_end(&grove);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_token_text),
		GROVE_TEST(test_compatibility),
		GROVE_TEST(test_depth_and_missing),
		GROVE_TEST(test_below_and_delete), GROVE_TEST(test_expiry),
		GROVE_TEST(test_ended_lock_makes_room),
		GROVE_TEST(test_limits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
