#include "server/base/codec.h"
#include "store/cell.h"
#include "store/lock_record.h"
#include "store/maintain_verify.h"
#include "store/property.h"
#include "store/quota.h"

/*
 * Reads every key and value: kinds that are known, values that decode, and
 * names that lead to something. Records of accounts and grants belong to
 * auth/, which is above; here they must be there and carry a version.
 */
typedef enum outcome (*check_fn)(struct verify *verify,
    const struct cursor *cursor);

static bool
has_key(struct verify *verify, struct text key)
{
	struct text value;

	return txn_get(verify->txn, key, &value) == OK;
}

static bool
has_node(struct verify *verify, node_id id)
{
	struct key key;

	return has_key(verify, key_id(&key, KEY_PLACE, id));
}

static void
complain(struct verify *verify, const struct cursor *cursor, const char *what)
{
	maintain_finding(verify->maintain, "key %c of %016llx: %s",
	    cursor->key.ptr[0], HEX(key_id_of(cursor->key, 0)), what);
}

static enum outcome
check_nothing(struct verify *verify, const struct cursor *cursor)
{
	(void)verify;
	(void)cursor;
	return OK;
}

static enum outcome
check_version_byte(struct verify *verify, const struct cursor *cursor)
{
	if (cursor->value.len == 0 || cursor->value.ptr[0] == 0)
		complain(verify, cursor, "its value is no record");
	return OK;
}

/* The walk has seen all parents; whoever is below another is lost. */
static enum outcome
check_parent(struct verify *verify, const struct cursor *cursor)
{
	node_id parent = key_id_of(cursor->key, 0);

	if (!id_list_has(&verify->parents, parent))
		maintain_finding(verify->maintain,
		    "a node (%.*s) hangs below "
		    "%016llx, which no tree leads to",
		    TEXT_ARGS(key_rest_of(cursor->key, 1)), HEX(parent));
	return OK;
}

static enum outcome
check_place(struct verify *verify, const struct cursor *cursor)
{
	struct node node;
	enum outcome outcome = node_find_id(verify->txn,
	    key_id_of(cursor->key, 0), &node);

	if (outcome == NOT_FOUND || outcome == DAMAGED) {
		complain(verify, cursor, "this place leads to no such node");
		return OK;
	}
	return outcome;
}

static enum outcome
check_of_node(struct verify *verify, const struct cursor *cursor)
{
	if (!has_node(verify, key_id_of(cursor->key, 0)))
		complain(verify, cursor, "it is of a node that is gone");
	return check_version_byte(verify, cursor);
}

static enum outcome
check_property(struct verify *verify, const struct cursor *cursor)
{
	SCOPED(arena) struct arena *arena = arena_new();
	node_id id = key_id_of(cursor->key, 0);
	struct dead_properties properties;
	struct node node;
	enum outcome outcome = node_find_id(verify->txn, id, &node);

	if (outcome == OK && (node.flags & NODE_HAS_PROPERTIES) == 0)
		complain(verify, cursor, "its node's flag denies it");
	if (outcome != OK)
		complain(verify, cursor, "it is of a node that is gone");
	outcome = property_read(verify->txn, arena, id, &properties);
	if (outcome == DAMAGED) {
		complain(verify, cursor, "the properties cannot be read");
		return OK;
	}
	return outcome;
}

static enum outcome
check_lock(struct verify *verify, const struct cursor *cursor)
{
	struct text token = key_rest_of(cursor->key, 1);
	node_id id = key_id_of(cursor->key, 0);
	struct lock lock;
	struct node node;

	if (token.len != LOCK_TOKEN_BYTES ||
	    lock_record_find(verify->txn, (const unsigned char *)token.ptr,
		&lock) != OK ||
	    lock.node != id) {
		complain(verify, cursor, "its token does not lead to it");
		return OK;
	}
	pair_list_add(&verify->locks, lock.principal, 1);
	if (node_find_id(verify->txn, id, &node) != OK)
		complain(verify, cursor, "a lock of a node that is gone");
	else if ((node.flags & NODE_HAS_LOCKS) == 0)
		complain(verify, cursor, "its node's flag denies it");
	return OK;
}

static enum outcome
check_token(struct verify *verify, const struct cursor *cursor)
{
	struct text token = key_rest_of(cursor->key, 0);
	struct lock lock;

	if (token.len != LOCK_TOKEN_BYTES ||
	    lock_record_find(verify->txn, (const unsigned char *)token.ptr,
		&lock) != OK)
		complain(verify, cursor, "this token leads to no lock");
	return OK;
}

static enum outcome
check_cell(struct verify *verify, const struct cursor *cursor)
{
	struct text slug = key_rest_of(cursor->key, 0);
	struct cell cell, by_root;
	struct node root;

	if (cell_find(verify->txn, slug, &cell) != OK)
		maintain_finding(verify->maintain,
		    "the record of cell %.*s "
		    "cannot be read",
		    TEXT_ARGS(slug));
	else if (cell_find_root(verify->txn, cell.root, &by_root) != OK ||
	    !text_equal(by_root.slug, slug))
		maintain_finding(verify->maintain,
		    "cell %.*s: its root does "
		    "not lead back to it",
		    TEXT_ARGS(slug));
	else if (node_find_id(verify->txn, cell.root, &root) != OK ||
	    (root.flags & NODE_IS_CELL_ROOT) == 0)
		maintain_finding(verify->maintain,
		    "cell %.*s: its root is "
		    "missing or does not know",
		    TEXT_ARGS(slug));
	return OK;
}

static enum outcome
check_cell_root(struct verify *verify, const struct cursor *cursor)
{
	struct cell cell;

	if (cell_find_root(verify->txn, key_id_of(cursor->key, 0), &cell) != OK)
		complain(verify, cursor, "it leads to no cell");
	return OK;
}

static enum outcome
check_grant(struct verify *verify, const struct cursor *cursor)
{
	struct key key;

	if (!has_key(verify,
		key_id(&key, KEY_GRANT_NODE, key_id_of(cursor->key, 1))))
		complain(verify, cursor, "this grant has no entry of its own");
	return check_of_node(verify, cursor);
}

static enum outcome
check_data(struct verify *verify, const struct cursor *cursor)
{
	struct blob_record record;

	if (blob_get(verify->txn, key_id_of(cursor->key, 0), &record) != OK ||
	    !record.in_engine)
		complain(verify, cursor, "bytes of a content without record");
	return OK;
}

static enum outcome
check_released(struct verify *verify, const struct cursor *cursor)
{
	struct key key;

	if (has_key(verify, key_id(&key, KEY_BLOB, key_id_of(cursor->key, 0))))
		complain(verify, cursor, "a released content has a record");
	return OK;
}

static enum outcome
check_of_tree(struct verify *verify, const struct cursor *cursor)
{
	struct key key;

	if (!has_key(verify, key_id(&key, KEY_TREE, key_id_of(cursor->key, 0))))
		complain(verify, cursor, "it is of a tree that is gone");
	return check_version_byte(verify, cursor);
}

static const struct {
	enum key_kind kind;
	check_fn check;
} checks[] = {
	{ KEY_META, check_version_byte },
	{ KEY_NODE, check_parent },
	{ KEY_PLACE, check_place },
	{ KEY_PROPERTY, check_property },
	{ KEY_BLOB, check_nothing }, /* verify_blobs */
	{ KEY_DATA, check_data },
	{ KEY_RELEASED, check_released },
	{ KEY_VERSION, check_of_node },
	{ KEY_TRASH, check_of_tree },
	{ KEY_LOG, check_of_tree },
	{ KEY_TREE, check_version_byte },
	{ KEY_LOCK, check_lock },
	{ KEY_TOKEN, check_token },
	{ KEY_LOCK_COUNT, check_version_byte },
	{ KEY_CELL, check_cell },
	{ KEY_CELL_ROOT, check_cell_root },
	{ KEY_USER, check_version_byte },
	{ KEY_USER_NAME, check_version_byte },
	{ KEY_GROUP, check_version_byte },
	{ KEY_GROUP_NAME, check_version_byte },
	{ KEY_MEMBER, check_nothing },
	{ KEY_APP, check_version_byte },
	{ KEY_APP_HASH, check_version_byte },
	{ KEY_GRANT, check_grant },
	{ KEY_GRANT_NODE, check_version_byte },
	{ KEY_GRANT_SUBJECT, check_version_byte },
	{ KEY_RECLAIM, check_version_byte },
	{ KEY_GUESS, check_version_byte },
	{ KEY_USAGE, check_version_byte },
	{ KEY_UNTYPED, check_version_byte },
};

static enum outcome
check_key(struct verify *verify, const struct cursor *cursor)
{
	unsigned char kind = (unsigned char)cursor->key.ptr[0];

	verify->kinds[kind]++;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if ((unsigned char)checks[i].kind == kind)
			return checks[i].check(verify, cursor);
	maintain_finding(verify->maintain, "a key of unknown kind 0x%02x",
	    kind);
	return OK;
}

/* Numbers that are kept beside what they count. */
static enum outcome
check_use(struct verify *verify)
{
	pair_list_sum(&verify->used);
	for (size_t i = 0; i < verify->used.count; i++) {
		const struct id_number *sum = &verify->used.pair[i];
		struct quota quota;

		if (sum->id == 0)
			continue; /* a tree of nobody */
		if (quota_of_user(verify->txn, sum->id, &quota) != OK)
			maintain_finding(verify->maintain,
			    "the use of user "
			    "%016llx cannot be read",
			    HEX(sum->id));
		else if (quota.used != sum->number)
			maintain_finding(verify->maintain,
			    "user %016llx: use "
			    "is %llu, but there are %llu",
			    HEX(sum->id), HEX(quota.used), HEX(sum->number));
	}
	return OK;
}

static enum outcome
check_lock_counts(struct verify *verify)
{
	pair_list_sum(&verify->locks);
	for (size_t i = 0; i < verify->locks.count; i++) {
		const struct id_number *sum = &verify->locks.pair[i];
		uint64_t count;

		if (lock_count_get(verify->txn, sum->id, &count) != OK ||
		    count != sum->number)
			maintain_finding(verify->maintain,
			    "principal "
			    "%016llx: the count of locks is wrong",
			    HEX(sum->id));
	}
	return OK;
}

static void
compare_kinds(struct verify *verify)
{
	const uint64_t *kinds = verify->kinds;

	if (kinds[KEY_NODE] != verify->nodes ||
	    kinds[KEY_PLACE] != verify->nodes)
		maintain_finding(verify->maintain,
		    "there are %llu nodes and "
		    "%llu places, but trees lead to %llu",
		    HEX(kinds[KEY_NODE]), HEX(kinds[KEY_PLACE]),
		    HEX(verify->nodes));
	if (kinds[KEY_VERSION] != verify->versions)
		maintain_finding(verify->maintain,
		    "there are %llu versions, "
		    "but files lead to %llu",
		    HEX(kinds[KEY_VERSION]), HEX(verify->versions));
	if (kinds[KEY_LOCK] != kinds[KEY_TOKEN])
		maintain_finding(verify->maintain,
		    "there are %llu locks and "
		    "%llu tokens",
		    HEX(kinds[KEY_LOCK]), HEX(kinds[KEY_TOKEN]));
}

enum outcome
verify_keys(struct verify *verify)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	enum outcome outcome = cursor_open(verify->txn, &cursor);

	if (outcome == OK)
		outcome = cursor_seek(cursor, TEXT_NONE);
	while (outcome == OK) {
		outcome = check_key(verify, cursor);
		if (++verify->keys % 4096 == 0)
			maintain_progress(verify->maintain, verify->keys,
			    verify->keys_all);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	if (outcome != NOT_FOUND)
		return outcome;
	compare_kinds(verify);
	outcome = check_use(verify);
	return outcome == OK ? check_lock_counts(verify) : outcome;
}
