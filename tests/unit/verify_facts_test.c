/*
 * Each fact that verify compares with another, wrong alone: it is found, and
 * named. The store is one with something of every kind; what is broken in it
 * is never committed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/maintain_verify.h"
#include "tests/unit/grove_care.h"

struct scene {
	struct grove grove;
	struct buffer lines; /* the findings */
	struct maintain maintain;
};

static void
keep_line(void *context, const char *line)
{
	buffer_format(context, "%s\n", line);
}

static enum outcome
scene_verify(struct scene *scene, uint64_t ids_end) ON_WORKER;

static enum outcome
scene_verify(struct scene *scene, uint64_t ids_end)
{
	struct verify verify = { .store = scene->grove.store,
		.txn = scene->grove.txn,
		.maintain = &scene->maintain,
		.ids_end = ids_end,
		.keys_all = 1 };

	buffer_clear(&scene->lines);
	scene->maintain.findings = 0;
	return verify_run(&verify);
}

/* ---- Tools ------------------------------------------------------------------ */

static void
put_raw(struct grove *grove, struct text key, const char *bytes, size_t len)
{
	assert_ok(txn_put(grove->txn, key, (struct text){ bytes, len }));
}

static void
node_write(struct grove *grove, const struct node *node)
{
	SCOPED(buffer) struct buffer value = { .max = 4096 };
	struct key key;

	node_encode(node, &value);
	assert_ok(txn_put(grove->txn,
	    key_name(&key, KEY_NODE, node->parent, node->key),
	    buffer_text(&value)));
}

static struct tree
tree_read(struct grove *grove)
{
	struct tree tree;

	assert_ok(tree_get(grove->txn, grove->root, &tree));
	return tree;
}

/* The first record of a kind goes to another id, its value as it was. */
static void
rekey(struct grove *grove, enum key_kind kind, uint64_t id)
{
	char first = (char)kind, bytes[1024];
	struct cursor *cursor;
	struct key key;
	size_t len;

	assert_ok(cursor_open(grove->txn, &cursor));
	assert_ok(cursor_seek(cursor, (struct text){ &first, 1 }));
	assert_int_equal(cursor->key.ptr[0], first);
	(void)key_id(&key, kind, id);
	memcpy(key.bytes + key.len, cursor->key.ptr + key.len,
	    cursor->key.len - key.len);
	key.len = cursor->key.len;
	len = cursor->value.len;
	assert_in_range(len, 1, sizeof(bytes));
	memcpy(bytes, cursor->value.ptr, len);
	cursor_close(cursor);
	put_raw(grove, (struct text){ (char *)key.bytes, key.len }, bytes, len);
}

static void
flag_flip(struct grove *grove, const char *path, enum node_flag flag)
{
	struct node node = grove_node(grove, path);

	node.flags ^= (uint32_t)flag;
	node_write(grove, &node);
}

static const char *
blob_place(struct grove *grove, blob_id id)
{
	static char path[512];
	char name[BLOB_NAME_SIZE];

	blob_name(id, name);
	snprintf(path, sizeof(path), "%s/%s",
	    state_path(&grove->state, "state/blobs"), name);
	path[strlen(path) - (BLOB_NAME_SIZE - 1 - 2)] = '\0';
	assert_int_equal(mkdir(path, 0700), 0);
	path[strlen(path)] = '/';
	return path;
}

/* ---- What is wrong ------------------------------------------------------------ */

static void
of_other_tree(struct grove *grove)
{
	struct node node = grove_node(grove, "docs/sub/deep");

	node.tree = 999;
	node_write(grove, &node);
}

static void
too_few_levels(struct grove *grove)
{
	struct node node = grove_node(grove, "docs");

	node.tree_levels = 0;
	node_write(grove, &node);
}

static void
count_of_nodes(struct grove *grove)
{
	struct node node = grove_node(grove, "docs");

	node.tree_count++;
	node_write(grove, &node);
}

static void
count_of_locks(struct grove *grove)
{
	struct node node = grove_node(grove, "docs");

	node.tree_locks++;
	node_write(grove, &node);
}

static void
count_of_grants(struct grove *grove)
{
	struct node node = grove_node(grove, "docs");

	node.tree_grants++;
	node_write(grove, &node);
}

static void
grant_not_counted(struct grove *grove)
{
	flag_flip(grove, "docs/sub/deep", NODE_HAS_GRANTS);
}

static void
versions_of_a_file(struct grove *grove)
{
	struct node node = grove_node(grove, "docs/plan");

	node.tree_versions++;
	node_write(grove, &node);
}

static void
versions_denied(struct grove *grove)
{
	flag_flip(grove, "docs/plan", NODE_HAS_VERSIONS);
}

static void
properties_promised(struct grove *grove)
{
	flag_flip(grove, "docs/sub/deep", NODE_HAS_PROPERTIES);
}

static void
properties_denied(struct grove *grove)
{
	flag_flip(grove, "docs/plan", NODE_HAS_PROPERTIES);
}

static void
lock_denied(struct grove *grove)
{
	flag_flip(grove, "docs/plan", NODE_HAS_LOCKS);
}

static void
cell_denied(struct grove *grove)
{
	flag_flip(grove, "docs/sub", NODE_IS_CELL_ROOT);
}

static void
no_entry_in_the_log(struct grove *grove)
{
	struct node node = grove_node(grove, "docs/sub/deep");

	node.sequence += 1000;
	node_write(grove, &node);
}

static void
log_past_its_tree(struct grove *grove)
{
	struct tree tree = tree_read(grove);

	tree.sequence = 1;
	assert_ok(tree_store(grove->txn, &tree));
}

static void
versions_of_a_tree(struct grove *grove)
{
	struct tree tree = tree_read(grove);

	tree.version_bytes++;
	assert_ok(tree_store(grove->txn, &tree));
}

static void
bytes_in_the_trash(struct grove *grove)
{
	struct tree tree = tree_read(grove);

	tree.trash_bytes++;
	assert_ok(tree_store(grove->txn, &tree));
}

static void
no_root(struct grove *grove)
{
	struct node root = grove_node(grove, "");
	struct key key;

	assert_ok(txn_remove(grove->txn,
	    key_name(&key, KEY_NODE, root.parent, root.key)));
}

static void
within_itself(struct grove *grove)
{
	struct node node = grove_node(grove, "docs");

	node.parent = node.id;
	node_write(grove, &node);
}

static void
item_without_node(struct grove *grove)
{
	struct node node;

	assert_ok(node_find_id(grove->txn, grove_trash(grove).node, &node));
	node.parent = grove_node(grove, "docs").id;
	node_write(grove, &node);
	put_raw(grove, key_id(&(struct key){ 0 }, KEY_PLACE, node.id), "\1", 1);
}

static void
node_without_item(struct grove *grove)
{
	struct trash_item item = grove_trash(grove);
	struct key key;

	assert_ok(txn_remove(grove->txn,
	    key_pair(&key, KEY_TRASH, grove->root, item.sequence)));
}

static void
bytes_without_record(struct grove *grove)
{
	rekey(grove, KEY_DATA, 0x5555);
}

static void
released_and_there(struct grove *grove)
{
	struct key key;

	put_raw(grove,
	    key_id(&key, KEY_RELEASED, grove_node(grove, "docs/plan").blob),
	    "\1\0\0\0\0\0\0\0\0", 9);
}

static void
version_of_nobody(struct grove *grove)
{
	rekey(grove, KEY_VERSION, 0x5555);
}

static void
item_of_no_tree(struct grove *grove)
{
	rekey(grove, KEY_TRASH, 0x5555);
}

static void
entry_of_no_tree(struct grove *grove)
{
	rekey(grove, KEY_LOG, 0x5555);
}

static void
locks_of_a_user(struct grove *grove)
{
	struct key key;

	assert_ok(txn_remove(grove->txn,
	    key_id(&key, KEY_LOCK_COUNT, grove->actor.user)));
}

static void
use_of_a_user(struct grove *grove)
{
	assert_ok(txn_remove(grove->txn,
	    key_id(&(struct key){ 0 }, KEY_USAGE, grove->actor.user)));
}

static void
use_that_cannot_be_read(struct grove *grove)
{
	put_raw(grove, key_id(&(struct key){ 0 }, KEY_USAGE, grove->actor.user),
	    "\1", 1);
}

static void
grant_without_entry(struct grove *grove)
{
	struct key key;

	put_raw(grove,
	    key_pair(&key, KEY_GRANT, grove_node(grove, "docs").id, 0x5555),
	    "\1", 1);
}

static void
cell_without_way_back(struct grove *grove)
{
	struct key key;

	assert_ok(txn_remove(grove->txn,
	    key_id(&key, KEY_CELL_ROOT, grove_node(grove, "docs/sub").id)));
}

static void
root_of_no_cell(struct grove *grove)
{
	struct key key;

	put_raw(grove, key_id(&key, KEY_CELL_ROOT, 0x5555), "\1none", 5);
}

static void
user_without_version(struct grove *grove)
{
	struct key key;

	put_raw(grove, key_text(&key, KEY_USER, TEXT("amy")), "\0", 1);
}

static void
content_twice(struct grove *grove)
{
	write_whole(blob_place(grove, grove_node(grove, "docs/plan").blob), "x",
	    1);
}

static void
foreign_file(struct grove *grove)
{
	assert_int_equal(mkdir(state_path(&grove->state, "state/blobs/00"),
			     0700),
	    0);
	write_whole(state_path(&grove->state, "state/blobs/00/notes"), "x", 1);
}

static const struct {
	void (*wreck)(struct grove *grove);
	const char *words;
} rows[] = {
	{ of_other_tree, "says it is of tree" },
	{ too_few_levels, "levels say 0 of 2" },
	{ count_of_nodes, "tree count is" },
	{ count_of_locks, "count of locks is 2" },
	{ count_of_grants, "count of grants is 1" },
	{ grant_not_counted, "count of grants is 0" },
	{ versions_of_a_file, "bytes of versions are 4" },
	{ versions_denied, "its flag about versions is wrong" },
	{ properties_promised, "its properties are gone" },
	{ properties_denied, "its node's flag denies it" },
	{ lock_denied, "its node's flag denies it" },
	{ cell_denied, "its root is missing or does not know" },
	{ no_entry_in_the_log, "has no entry" },
	{ log_past_its_tree, "the change log goes to" },
	{ versions_of_a_tree, "its root says" },
	{ bytes_in_the_trash, "bytes in the trash are" },
	{ no_root, "has no root" },
	{ within_itself, "too deep, or within itself" },
	{ item_without_node, "which is not there" },
	{ node_without_item, "are in the trash, but it has 0 items" },
	{ bytes_without_record, "bytes of a content without record" },
	{ released_and_there, "a released content has a record" },
	{ version_of_nobody, "it is of a node that is gone" },
	{ item_of_no_tree, "it is of a tree that is gone" },
	{ entry_of_no_tree, "it is of a tree that is gone" },
	{ locks_of_a_user, "the count of locks is wrong" },
	{ use_of_a_user, "use is 0, but there are" },
	{ use_that_cannot_be_read, "the use of user" },
	{ grant_without_entry, "this grant has no entry of its own" },
	{ cell_without_way_back, "its root does not lead back to it" },
	{ root_of_no_cell, "it leads to no cell" },
	{ user_without_version, "its value is no record" },
	{ content_twice, "is in the engine and in blobs/" },
	{ foreign_file, "blobs/00/notes is no content of this store" },
};

static void
scene_begin(struct scene *scene)
    THREAD_ATTRIBUTE(assert_capability(role_worker));

static void
scene_begin(struct scene *scene)
{
	*scene = (struct scene){ .maintain = { .finding = keep_line,
				     .report = json_object() } };
	scene->maintain.context = &scene->lines;
	grove_begin(&scene->grove, "memory");
	grove_furnish(&scene->grove);
	grove_commit(&scene->grove);
}

static void
scene_end(struct scene *scene)
{
	txn_abort(scene->grove.txn);
	arena_free(scene->grove.arena);
	state_end(&scene->grove.state);
	json_decref(scene->maintain.report);
	buffer_done(&scene->lines);
}

static void
assert_said(struct scene *scene, const char *words)
{
	buffer_append_byte(&scene->lines, 0);
	if (scene->maintain.findings == 0 ||
	    strstr(scene->lines.ptr, words) == NULL)
		fail_msg("\"%s\" is not said, but: %s", words,
		    scene->lines.ptr);
}

static void
test_each_fact(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	assert_ok(scene_verify(&scene, UINT64_MAX));
	assert_int_equal(scene.maintain.findings, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i].wreck(&scene.grove);
		assert_ok(scene_verify(&scene, UINT64_MAX));
		assert_said(&scene, rows[i].words);
		grove_rollback(&scene.grove);
	}
	scene_end(&scene);
}

static void
test_ids_that_were_never_reserved(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	assert_ok(scene_verify(&scene, grove_node(&scene.grove, "docs").id));
	assert_said(&scene, "has an id that was never reserved");
	scene_end(&scene);
}

/* A crash leaves it, gc takes it: it is counted, and no damage. */
static void
test_an_orphan_is_counted(void **unused)
{
	struct scene scene;

	(void)unused;
	scene_begin(&scene);
	write_whole(blob_place(&scene.grove, 0x5555), "x", 1);
	assert_ok(scene_verify(&scene, UINT64_MAX));
	assert_int_equal(scene.maintain.findings, 0);
	assert_int_equal(json_integer_value(json_object_get(
			     scene.maintain.report, "orphan_files")),
	    1);
	scene_end(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fact),
		cmocka_unit_test(test_ids_that_were_never_reserved),
		cmocka_unit_test(test_an_orphan_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
