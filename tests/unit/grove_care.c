#include "tests/unit/grove_care.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
lock_and_property(struct grove *grove)
{
	struct dead_property one = { TEXT("urn:t"), TEXT("p"), TEXT(">v") };
	struct dead_properties all = { &one, 1 };
	struct trail trail = grove_trail(grove, "docs/plan");
	struct lock lock = { .principal = grove->actor.user,
		.token = "0123456789abcde",
		.exclusive = true,
		.timeout_seconds = 60,
		.owner = TEXT(">who"),
		.root = TEXT("/dav/a/docs/plan") };

	assert_ok(property_write(grove->txn, grove->state.conf,
	    trail_last(&trail)->id, &all));
	assert_ok(tree_set_flag(grove->txn, &trail, NODE_HAS_PROPERTIES, true));
	trail = grove_trail(grove, "docs/plan");
	assert_ok(lock_add(grove->txn, grove->state.conf, &trail, &lock,
	    grove->actor.now_ns));
}

/* What a copy has made that nobody will see. */
static void
copy_given_up(struct grove *grove)
{
	struct trail docs = grove_trail(grove, "docs");
	struct tree_copy copy = { .source = trail_last(&docs),
		.arena = grove->arena,
		.actor = grove->actor,
		.slice = 2 };

	assert_ok(tree_copy_slice(grove->txn, grove->store, &copy));
	assert_ok(tree_copy_discard(grove->txn, grove->store, &copy));
}

static void
cells(struct grove *grove)
{
	struct trail sub = grove_trail(grove, "docs/sub");
	struct cell inner = { .slug = TEXT("inner"),
		.owner = grove->actor.user,
		.title = TEXT("Inner"),
		.root = trail_last(&sub)->id };
	struct cell gone = { .slug = TEXT("gone"),
		.owner = grove->actor.user,
		.title = TEXT("Gone") };

	assert_ok(cell_create(grove->txn, grove->store, &inner));
	assert_ok(cell_create(grove->txn, grove->store, &gone));
	assert_ok(cell_find(grove->txn, TEXT("gone"), &gone));
	assert_ok(grove_put_in(grove, gone.root, "left", "left behind"));
	assert_ok(cell_remove(grove->txn, grove->store, TEXT("gone")));
}

void
grove_furnish(struct grove *grove)
{
	size_t items;

	assert_ok(grove_mkcol(grove, "docs"));
	assert_ok(grove_mkcol(grove, "docs/sub"));
	assert_ok(grove_put(grove, "docs/plan", "one"));
	grove->actor.now_ns += NS_PER_SECOND * 3600;
	assert_ok(grove_put(grove, "docs/plan", "two"));
	assert_ok(grove_put(grove, "docs/sub/deep", "deep"));
	assert_ok(grove_copy(grove, "docs/sub", "docs/freed"));
	assert_ok(grove_delete(grove, "docs/freed"));
	assert_ok(trash_empty(grove->txn, grove->store, grove->root, UINT64_MAX,
	    &items));
	assert_ok(grove_put(grove, "docs/thrown", "thrown"));
	assert_ok(grove_put(grove, "docs/thrown", "again"));
	assert_ok(grove_delete(grove, "docs/thrown"));
	lock_and_property(grove);
	copy_given_up(grove);
	cells(grove);
}
