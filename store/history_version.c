#include "server/base/codec.h"
#include "store/keys.h"
#include "store/tree_change.h"

/*
 * Versions of a file, keyed by (node, order). The order is a count of the
 * file's own, not the etag: ids grow within a process only, and the command
 * line writes beside a server.
 */
enum { VERSION_RECORD = 1 };

static enum outcome
version_decode(struct text key, struct text value, struct version *ret_version)
{
	struct reader reader = reader_from(value);
	struct version version = { .order = key_id_of(key, 1) };
	uint8_t format = reader_u8(&reader);

	version.id = reader_u64(&reader);
	version.blob = reader_u64(&reader);
	version.size = reader_u64(&reader);
	version.modified_ns = reader_u64(&reader);
	version.replaced_ns = reader_u64(&reader);
	version.author = reader_u64(&reader);
	version.media = reader_text16(&reader);
	if (!reader_done(&reader) || format != VERSION_RECORD ||
	    version.blob == 0)
		return DAMAGED;
	*ret_version = version;
	return OK;
}

static enum outcome
version_store(struct txn *txn, node_id node, const struct version *version)
{
	struct buffer value = { 0 };
	struct key key;
	enum outcome outcome;

	writer_u8(&value, VERSION_RECORD);
	writer_u64(&value, version->id);
	writer_u64(&value, version->blob);
	writer_u64(&value, version->size);
	writer_u64(&value, version->modified_ns);
	writer_u64(&value, version->replaced_ns);
	writer_u64(&value, version->author);
	writer_text16(&value, version->media);
	outcome = txn_put(txn,
	    key_pair(&key, KEY_VERSION, node, version->order),
	    buffer_text(&value));
	buffer_done(&value);
	return outcome;
}

/* The version under a cursor, NOT_FOUND when it is of another node. */
static enum outcome
cursor_version(const struct cursor *cursor, node_id node,
    struct version *ret_version)
{
	struct key key;

	if (!text_starts(cursor->key, key_id(&key, KEY_VERSION, node)))
		return NOT_FOUND;
	return version_decode(cursor->key, cursor->value, ret_version);
}

/* The oldest version with an order of at least `from`. */
static enum outcome
version_from(struct txn *txn, node_id node, uint64_t from,
    struct version *ret_version)
{
	struct cursor *cursor;
	struct key key;
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	outcome = cursor_seek(cursor, key_pair(&key, KEY_VERSION, node, from));
	if (outcome == OK)
		outcome = cursor_version(cursor, node, ret_version);
	cursor_close(cursor);
	return outcome;
}

enum outcome
version_each(struct txn *txn, node_id node, version_each_fn visit,
    void *context)
{
	struct cursor *cursor;
	struct version version = { .order = UINT64_MAX };
	enum outcome outcome = cursor_open(txn, &cursor);

	if (outcome != OK)
		return outcome;
	for (;;) {
		struct key key;

		outcome = cursor_before(cursor,
		    key_pair(&key, KEY_VERSION, node, version.order));
		if (outcome == OK)
			outcome = cursor_version(cursor, node, &version);
		if (outcome != OK || !visit(&version, context))
			break;
	}
	cursor_close(cursor);
	return outcome == NOT_FOUND ? OK : outcome;
}

/* Newest first: those beyond the first `keep` are the ones that go. */
struct version_survey {
	size_t keep, count;
	uint64_t dropped_bytes;
};

static bool
survey_version(const struct version *version, void *context)
{
	struct version_survey *survey = context;

	if (survey->count++ >= survey->keep)
		survey->dropped_bytes += version->size;
	return true;
}

enum outcome
version_plan(struct txn *txn, const struct store *store,
    const struct node *node, struct version_plan *ret_plan)
{
	uint64_t limit = store->conf->store.versions;
	struct version_plan plan = { .keep = node->size > 0 && limit > 0 };
	struct version_survey survey = {
		.keep = limit > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)limit
	};
	enum outcome outcome = OK;

	if (plan.keep)
		survey.keep--;
	if ((node->flags & NODE_HAS_VERSIONS) != 0)
		outcome = version_each(txn, node->id, survey_version, &survey);
	if (outcome != OK)
		return outcome;
	if (survey.count > survey.keep)
		plan.drop = survey.count - survey.keep;
	plan.delta = (plan.keep ? (int64_t)node->size : 0) -
	    (int64_t)survey.dropped_bytes;
	*ret_plan = plan;
	return OK;
}

static enum outcome
version_drop(struct txn *txn, struct store *store, node_id node,
    const struct version *version)
{
	struct key key;
	blob_id blob = version->blob;
	enum outcome outcome = txn_remove(txn,
	    key_pair(&key, KEY_VERSION, node, version->order));

	return outcome == OK ? blob_release(txn, store, blob) : outcome;
}

/* Up to `count` of the oldest. */
static enum outcome
drop_oldest(struct txn *txn, struct store *store, node_id node, size_t count)
{
	enum outcome outcome = OK;

	while (outcome == OK && count-- > 0) {
		struct version version;

		outcome = version_from(txn, node, 0, &version);
		if (outcome == OK)
			outcome = version_drop(txn, store, node, &version);
	}
	return outcome;
}

static bool
take_order(const struct version *version, void *context)
{
	*(uint64_t *)context = version->order;
	return false;
}

static enum outcome
version_add(struct txn *txn, const struct node *node, uint64_t now_ns)
{
	uint64_t newest = 0;
	enum outcome outcome = version_each(txn, node->id, take_order, &newest);
	struct version version = { .order = newest + 1,
		.id = node->etag,
		.blob = node->blob,
		.size = node->size,
		.modified_ns = node->modified_ns,
		.replaced_ns = now_ns,
		.author = node->author,
		.media = node->media };

	return outcome == OK ? version_store(txn, node->id, &version) : outcome;
}

enum outcome
version_apply(struct txn *txn, struct store *store,
    const struct version_plan *plan, struct node *node, uint64_t now_ns)
{
	enum outcome outcome = drop_oldest(txn, store, node->id, plan->drop);

	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (plan->keep)
		outcome = version_add(txn, node, now_ns);
	else if (node->blob != 0)
		outcome = blob_release(txn, store, node->blob);
	if (outcome == OK)
		outcome = counter_add(&node->tree_versions, plan->delta);
	node->blob = 0;
	node->flags &= ~(uint32_t)NODE_HAS_VERSIONS;
	if (node->tree_versions > 0)
		node->flags |= NODE_HAS_VERSIONS;
	return outcome;
}

enum outcome
version_remove_all(struct txn *txn, struct store *store, node_id node)
{
	enum outcome outcome = drop_oldest(txn, store, node, SIZE_MAX);

	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
version_copy(struct txn *txn, node_id from, node_id onto)
{
	struct arena *arena = arena_new();
	struct version version = { 0 };
	enum outcome outcome;

	for (;;) {
		outcome = version_from(txn, from, version.order + 1, &version);
		if (outcome != OK)
			break;
		version.media = arena_copy(arena, version.media);
		outcome = blob_reference(txn, version.blob);
		if (outcome == OK)
			outcome = version_store(txn, onto, &version);
		if (outcome != OK)
			break;
	}
	arena_free(arena);
	return outcome == NOT_FOUND ? OK : outcome;
}

/*
 * An overwrite with an old content: the version stays in the list, shares its
 * blob with the file, and counts as any other content does. Its own reference
 * keeps the blob if it is the oldest one, which the overwrite drops.
 */
static enum outcome
version_restore_in(struct txn *txn, struct store *store, struct arena *arena,
    const struct trail *trail, const struct version *version,
    const struct tree_actor *actor)
{
	struct tree_content content = { .blob = { .id = version->blob,
					    .size = version->size },
		.media = version->media };
	struct node node;
	struct tree_overwrite over = { .trail = trail,
		.node = &node,
		.content = &content,
		.shared = true };
	struct tree_change change;
	enum outcome outcome = node_again(txn, arena, trail_last(trail), &node);

	if (outcome == OK)
		outcome = tree_begin(txn, trail->node[0].id, actor, &change);
	if (outcome == OK)
		outcome = tree_overwrite_plan(txn, store, &over);
	if (outcome == OK)
		outcome = quota_fits(txn, trail, 0, change.tree.owner,
		    tree_overwrite_bytes(&over));
	if (outcome == OK)
		outcome = tree_overwrite(&change, store, &over);
	return outcome == OK ? tree_end(&change) : outcome;
}

struct version_search {
	uint64_t id;
	struct version version;
	bool found;
};

static bool
search_version(const struct version *version, void *context)
{
	struct version_search *search = context;

	if (version->id != search->id)
		return true;
	search->version = *version;
	search->found = true;
	return false;
}

enum outcome
version_restore(struct txn *txn, struct store *store, const struct trail *trail,
    uint64_t id, const struct tree_actor *actor)
{
	const struct node *last = trail_last(trail);
	struct version_search search = { .id = id };
	struct arena *arena;
	enum outcome outcome;

	if (trail->missing > 0 || last->kind != NODE_FILE)
		return NOT_FOUND;
	outcome = version_each(txn, last->id, search_version, &search);
	if (outcome != OK)
		return outcome;
	if (!search.found)
		return NOT_FOUND;
	arena = arena_new();
	search.version.media = arena_copy(arena, search.version.media);
	outcome = version_restore_in(txn, store, arena, trail, &search.version,
	    actor);
	arena_free(arena);
	return outcome;
}
