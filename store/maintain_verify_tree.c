#include "server/base/codec.h"
#include "store/maintain_verify.h"

/*
 * Walks every tree from its root, its trash, and the reclaim queue, and
 * recomputes what the records say about all below: bytes, nodes, versions,
 * grants, locks. What is being freed is walked too, so that its contents
 * count as named, but its counters no longer mean anything.
 */
struct sums {
	uint64_t size, count, versions, grants, locks, levels;
};

struct place { /* what is walked, and how strictly */
	node_id parent, tree;
	size_t levels;
	bool freed;
};

static enum outcome
walk(struct verify *verify, const struct place *place, struct sums *sums);

static void
differs(struct verify *verify, const struct node *node, const char *what,
    const uint64_t numbers[2])
{
	maintain_finding(verify->maintain,
	    "collection %016llx (%.*s): %s is "
	    "%llu, but below it there are %llu",
	    HEX(node->id), TEXT_ARGS(node->name), what, HEX(numbers[0]),
	    HEX(numbers[1]));
}

static void
compare_sums(struct verify *verify, const struct node *node,
    const struct sums *below)
{
	const struct {
		const char *what;
		uint64_t numbers[2];
	} rows[] = {
		{ "tree size", { node->tree_size, below->size } },
		{ "tree count", { node->tree_count, below->count } },
		{ "bytes of versions",
		    { node->tree_versions, below->versions } },
		{ "count of grants", { node->tree_grants, below->grants } },
		{ "count of locks", { node->tree_locks, below->locks } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].numbers[0] != rows[i].numbers[1])
			differs(verify, node, rows[i].what, rows[i].numbers);
	/* Levels are a bound: they do not shrink when something goes. */
	if (node->tree_levels < below->levels)
		maintain_finding(verify->maintain,
		    "collection %016llx: "
		    "levels say %llu of %llu",
		    HEX(node->id), HEX(node->tree_levels), HEX(below->levels));
}

struct version_sum {
	struct verify *verify;
	uint64_t bytes, count;
};

static bool
add_version(const struct version *version, void *context)
{
	struct version_sum *sum = context;

	sum->bytes += version->size;
	sum->count++;
	if (version->blob != 0)
		id_list_add(&sum->verify->references, version->blob);
	return true;
}

static enum outcome
check_versions(struct verify *verify, const struct node *node, bool freed)
{
	struct version_sum sum = { .verify = verify };
	enum outcome outcome = version_each(verify->txn, node->id, add_version,
	    &sum);

	if (outcome == DAMAGED) {
		maintain_finding(verify->maintain,
		    "versions of node %016llx "
		    "cannot be read",
		    HEX(node->id));
		return OK;
	}
	verify->versions += sum.count;
	if (outcome == OK && !freed && sum.bytes != node->tree_versions)
		maintain_finding(verify->maintain,
		    "file %016llx (%.*s): "
		    "bytes of versions are %llu, but there are %llu",
		    HEX(node->id), TEXT_ARGS(node->name),
		    HEX(node->tree_versions), HEX(sum.bytes));
	if (outcome == OK &&
	    (sum.count > 0) != ((node->flags & NODE_HAS_VERSIONS) != 0))
		maintain_finding(verify->maintain,
		    "file %016llx: its flag "
		    "about versions is wrong",
		    HEX(node->id));
	return outcome;
}

static enum outcome
check_flags(struct verify *verify, const struct node *node)
{
	struct text value;
	struct key key;
	enum outcome outcome;

	if ((node->flags & NODE_HAS_PROPERTIES) == 0)
		return OK;
	outcome = txn_get(verify->txn, key_id(&key, KEY_PROPERTY, node->id),
	    &value);
	if (outcome == NOT_FOUND)
		maintain_finding(verify->maintain,
		    "node %016llx (%.*s): its properties are gone",
		    HEX(node->id), TEXT_ARGS(node->name));
	return outcome == NOT_FOUND ? OK : outcome;
}

/* Its place, its entry in the log, its ids. */
static enum outcome
check_node(struct verify *verify, const struct node *node,
    const struct place *place)
{
	struct maintain *maintain = verify->maintain;
	struct node other;
	struct text value;
	struct key key;
	enum outcome outcome = node_find_id(verify->txn, node->id, &other);

	if (outcome == NOT_FOUND || outcome == DAMAGED ||
	    (outcome == OK &&
		(other.parent != node->parent ||
		    !text_equal(other.key, node->key))))
		maintain_finding(maintain,
		    "node %016llx (%.*s) below "
		    "%016llx: its place does not lead to it",
		    HEX(node->id), TEXT_ARGS(node->name), HEX(node->parent));
	else if (outcome != OK)
		return outcome;
	if (node->tree != place->tree && !place->freed)
		maintain_finding(maintain,
		    "node %016llx says it is of tree "
		    "%016llx, but it is of %016llx",
		    HEX(node->id), HEX(node->tree), HEX(place->tree));
	if (node->id >= verify->ids_end)
		maintain_finding(maintain,
		    "node %016llx has an id that was "
		    "never reserved",
		    HEX(node->id));
	if (node->sequence == 0)
		return OK;
	outcome = txn_get(verify->txn,
	    key_pair(&key, KEY_LOG, node->tree, node->sequence), &value);
	if (outcome == NOT_FOUND)
		maintain_finding(maintain,
		    "node %016llx: the change log has "
		    "no entry %llu",
		    HEX(node->id), HEX(node->sequence));
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
visit_file(struct verify *verify, const struct node *node, bool freed,
    struct sums *sums)
{
	if (node->blob != 0)
		id_list_add(&verify->references, node->blob);
	sums->versions += node->tree_versions;
	return check_versions(verify, node, freed);
}

static enum outcome
visit_collection(struct verify *verify, const struct node *node,
    const struct place *place, struct sums *sums)
{
	struct place below = { .parent = node->id,
		.tree = place->tree,
		.levels = place->levels + 1,
		.freed = place->freed };
	struct sums found = { 0 };
	enum outcome outcome = walk(verify, &below, &found);

	if (outcome != OK)
		return outcome;
	if (!place->freed)
		compare_sums(verify, node, &found);
	sums->size += found.size;
	sums->count += found.count;
	sums->versions += found.versions;
	sums->grants += found.grants;
	sums->locks += found.locks;
	if (found.levels + 1 > sums->levels)
		sums->levels = found.levels + 1;
	return OK;
}

static enum outcome
visit(struct verify *verify, const struct node *node, const struct place *place,
    struct sums *sums)
{
	struct place here = *place;
	enum outcome outcome;

	here.freed = place->freed || id_list_has(&verify->freed, node->id);
	verify->nodes++;
	outcome = check_node(verify, node, &here);
	if (outcome == OK && !here.freed)
		outcome = check_flags(verify, node);
	if (outcome != OK)
		return outcome;
	/* In the trash, what is being freed has left the counters. */
	if (here.freed && !place->freed) {
		struct sums gone = { 0 };

		return node->kind == NODE_COLLECTION ?
		    visit_collection(verify, node, &here, &gone) :
		    visit_file(verify, node, true, &gone);
	}
	sums->count++;
	sums->size += node->size;
	if ((node->flags & NODE_HAS_GRANTS) != 0)
		sums->grants++;
	if ((node->flags & NODE_HAS_LOCKS) != 0)
		sums->locks++;
	if (sums->levels == 0)
		sums->levels = 1;
	return node->kind == NODE_COLLECTION ?
	    visit_collection(verify, node, &here, sums) :
	    visit_file(verify, node, here.freed, sums);
}

/* Members of one parent. Trees are as deep as paths may be, and the trash. */
static enum outcome
walk(struct verify *verify, const struct place *place, struct sums *sums)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	struct text prefix = key_id(&key, KEY_NODE, place->parent);
	enum outcome outcome;

	if (place->levels > 2 * PATH_LEVELS_MAX) {
		maintain_finding(verify->maintain,
		    "collection %016llx lies "
		    "too deep, or within itself",
		    HEX(place->parent));
		return OK;
	}
	id_list_add(&verify->parents, place->parent);
	outcome = cursor_open(verify->txn, &cursor);
	if (outcome == OK)
		outcome = cursor_seek(cursor, prefix);
	while (outcome == OK && text_starts(cursor->key, prefix)) {
		struct node node;

		if (node_decode(cursor->key, cursor->value, &node) != OK)
			maintain_finding(verify->maintain,
			    "a node below "
			    "%016llx (%.*s) cannot be read",
			    HEX(place->parent),
			    TEXT_ARGS(key_rest_of(cursor->key, 1)));
		else
			outcome = visit(verify, &node, place, sums);
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

/* What lies in the trash, and the items that tell of it. */
struct trash_check {
	struct verify *verify;
	const struct tree *tree;
	uint64_t nodes, items;
	enum outcome outcome;
};

static bool
count_thrown(const struct node *node, void *context)
{
	struct trash_check *check = context;

	check->nodes += !id_list_has(&check->verify->freed, node->id);
	return true;
}

static bool
check_item(const struct trash_item *item, void *context)
{
	struct trash_check *check = context;
	struct node node;

	check->items++;
	check->outcome = node_find_id(check->verify->txn, item->node, &node);
	if (check->outcome == OK && node.parent == check->tree->trash)
		return true;
	if (check->outcome == OK || check->outcome == NOT_FOUND ||
	    check->outcome == DAMAGED) {
		maintain_finding(check->verify->maintain,
		    "tree %016llx: item %llx of the trash names node %016llx, "
		    "which is not there",
		    HEX(check->tree->root), HEX(item->sequence),
		    HEX(item->node));
		check->outcome = OK;
	}
	return check->outcome == OK;
}

static enum outcome
check_trash(struct verify *verify, const struct tree *tree)
{
	struct trash_check check = { .verify = verify, .tree = tree };
	enum outcome outcome = trash_each(verify->txn, tree->root, check_item,
	    &check);

	if (outcome == DAMAGED) {
		maintain_finding(verify->maintain,
		    "tree %016llx: its trash cannot be read", HEX(tree->root));
		return OK;
	}
	if (outcome == OK)
		outcome = check.outcome;
	if (outcome == OK)
		outcome = node_each(verify->txn, tree->trash, TEXT_NONE,
		    count_thrown, &check);
	if (outcome == OK && check.nodes != check.items)
		maintain_finding(verify->maintain,
		    "tree %016llx: %llu nodes are in the trash, but it has "
		    "%llu items",
		    HEX(tree->root), HEX(check.nodes), HEX(check.items));
	return outcome == DAMAGED ? OK : outcome;
}

struct log_check {
	struct verify *verify;
	const struct tree *tree;
	enum outcome outcome;
};

static bool
check_entry(const struct log_entry *entry, void *context)
{
	struct log_check *check = context;
	struct maintain *maintain = check->verify->maintain;
	struct node node;

	if (entry->sequence > check->tree->sequence)
		maintain_finding(maintain,
		    "tree %016llx: the change log goes "
		    "to %llu, the tree to %llu",
		    HEX(check->tree->root), HEX(entry->sequence),
		    HEX(check->tree->sequence));
	/* These tell of a place and a time; the node may be gone. */
	if (entry->kind == LOG_REMOVED || entry->kind == LOG_RIGHTS)
		return true;
	check->outcome = node_find_id(check->verify->txn, entry->node, &node);
	if (check->outcome == NOT_FOUND || check->outcome == DAMAGED ||
	    (check->outcome == OK && node.sequence != entry->sequence)) {
		maintain_finding(maintain,
		    "tree %016llx: entry %llu of the "
		    "change log names node %016llx, which does not say so",
		    HEX(check->tree->root), HEX(entry->sequence),
		    HEX(entry->node));
		check->outcome = OK;
	}
	return check->outcome == OK;
}

static enum outcome
check_log(struct verify *verify, const struct tree *tree)
{
	struct log_check check = { .verify = verify, .tree = tree };
	enum outcome outcome = log_each_kept(verify->txn, tree->root,
	    check_entry, &check);

	if (outcome != OK && outcome != DAMAGED)
		return outcome;
	if (outcome != OK)
		maintain_finding(verify->maintain,
		    "tree %016llx: its change "
		    "log cannot be read",
		    HEX(tree->root));
	return check.outcome;
}

static void
check_tree_numbers(struct verify *verify, const struct tree *tree,
    const struct node *root, uint64_t trash)
{
	if (tree->version_bytes != root->tree_versions)
		maintain_finding(verify->maintain,
		    "tree %016llx: bytes of "
		    "versions are %llu, its root says %llu",
		    HEX(tree->root), HEX(tree->version_bytes),
		    HEX(root->tree_versions));
	if (tree->trash_bytes != trash)
		maintain_finding(verify->maintain,
		    "tree %016llx: bytes in the "
		    "trash are %llu, but there are %llu",
		    HEX(tree->root), HEX(tree->trash_bytes), HEX(trash));
	pair_list_add(&verify->used, tree->owner, node_weight(root) + trash);
}

/* The root, which hangs below 0 under its own id, then the trash. */
static enum outcome
check_tree(struct verify *verify, const struct tree *tree)
{
	bool freed = id_list_has(&verify->freed, tree->root);
	struct place top = { .tree = tree->root, .freed = freed };
	struct place trash = { .parent = tree->trash,
		.tree = tree->root,
		.levels = 1,
		.freed = freed };
	struct sums all = { 0 }, thrown = { 0 };
	struct node root;
	enum outcome outcome = node_find_id(verify->txn, tree->root, &root);

	if (outcome == OK)
		outcome = visit(verify, &root, &top, &all);
	else if (outcome == NOT_FOUND && freed) { /* its root went first */
		top.parent = tree->root;
		outcome = walk(verify, &top, &all);
	} else if (outcome == NOT_FOUND || outcome == DAMAGED) {
		maintain_finding(verify->maintain, "tree %016llx has no root",
		    HEX(tree->root));
		return OK;
	}
	if (outcome == OK)
		outcome = walk(verify, &trash, &thrown);
	if (outcome != OK || freed)
		return outcome;
	check_tree_numbers(verify, tree, &root, thrown.size + thrown.versions);
	outcome = check_trash(verify, tree);
	return outcome == OK ? check_log(verify, tree) : outcome;
}

static enum outcome
collect_freed(struct verify *verify, struct id_list *below)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = cursor_open(verify->txn, &cursor);

	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_RECLAIM, 0));
	while (outcome == OK && cursor->key.ptr[0] == KEY_RECLAIM) {
		struct reclaim reclaim;
		uint64_t id = key_id_of(cursor->key, 0);

		if (reclaim_find(verify->txn, id, &reclaim) != OK) {
			maintain_finding(verify->maintain,
			    "entry %llu of the "
			    "reclaim queue cannot be read",
			    HEX(id));
		} else {
			id_list_add(&verify->freed, reclaim.id);
			if (reclaim.what == RECLAIM_BELOW)
				id_list_add(below, reclaim.id);
		}
		outcome = cursor_next(cursor);
	}
	id_list_sort(&verify->freed);
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
walk_hidden(struct verify *verify, const struct id_list *below)
{
	enum outcome outcome = OK;

	for (size_t i = 0; outcome == OK && i < below->count; i++) {
		struct place hidden = {
			.parent = below->id[i], .levels = 1, .freed = true
		};
		struct sums sums = { 0 };

		outcome = walk(verify, &hidden, &sums);
	}
	return outcome;
}

static enum outcome
walk_trees(struct verify *verify)
{
	SCOPED(cursor) struct cursor *cursor = NULL;
	struct key key;
	enum outcome outcome = cursor_open(verify->txn, &cursor);

	if (outcome == OK)
		outcome = cursor_seek(cursor, key_id(&key, KEY_TREE, 0));
	while (outcome == OK && cursor->key.ptr[0] == KEY_TREE) {
		node_id id = key_id_of(cursor->key, 0);
		struct tree tree;

		if (tree_get(verify->txn, id, &tree) == OK)
			outcome = check_tree(verify, &tree);
		else
			maintain_finding(verify->maintain,
			    "the record of "
			    "tree %016llx cannot be read",
			    HEX(id));
		if (outcome == OK)
			outcome = cursor_next(cursor);
	}
	return outcome == NOT_FOUND ? OK : outcome;
}

enum outcome
verify_trees(struct verify *verify)
{
	struct id_list below = { 0 };
	enum outcome outcome = collect_freed(verify, &below);

	if (outcome == OK)
		outcome = walk_trees(verify);
	if (outcome == OK)
		outcome = walk_hidden(verify, &below);
	id_list_add(&verify->parents, 0);
	id_list_sort(&verify->parents);
	id_list_done(&below);
	return outcome;
}
