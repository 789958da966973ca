#include "dav/sync_known.h"

#include <xxhash.h>

#include "server/base/random.h"

/* Open addressing, at most half full. */
enum { SLOTS_FIRST = 64 };

struct sync_mark {
	node_id node; /* 0: free */
	uint64_t value;
};

struct sync_name {
	uint64_t hash;
	node_id parent; /* 0: free */
	struct text text;
};

static struct sync_mark *
mark_slot(const struct sync_marks *marks, node_id node)
{
	uint64_t at = node * UINT64_C(0x9e3779b97f4a7c15);

	at ^= at >> 32;
	for (;; at++) {
		struct sync_mark *slot =
		    &marks->slot[at & (marks->capacity - 1)];

		if (slot->node == 0 || slot->node == node)
			return slot;
	}
}

static void
marks_grow(struct sync_marks *marks, struct arena *arena)
{
	struct sync_marks old = *marks;

	marks->capacity = old.capacity == 0 ? SLOTS_FIRST : 2 * old.capacity;
	marks->slot = ARENA_ARRAY(arena, marks->capacity, struct sync_mark);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slot[i].node != 0)
			*mark_slot(marks, old.slot[i].node) = old.slot[i];
}

void
sync_marks_set(struct sync_marks *marks, struct arena *arena, node_id node,
    uint64_t value)
{
	struct sync_mark *slot;

	if (2 * marks->count >= marks->capacity)
		marks_grow(marks, arena);
	slot = mark_slot(marks, node);
	marks->count += slot->node == 0;
	*slot = (struct sync_mark){ node, value };
}

uint64_t
sync_marks_get(const struct sync_marks *marks, node_id node)
{
	return marks->count == 0 ? 0 : mark_slot(marks, node)->value;
}

static struct sync_name *
name_slot(const struct sync_names *names, const struct sync_name *name)
{
	for (uint64_t at = name->hash;; at++) {
		struct sync_name *slot =
		    &names->slot[at & (names->capacity - 1)];

		if (slot->parent == 0 ||
		    (slot->hash == name->hash && slot->parent == name->parent &&
			text_equal(slot->text, name->text)))
			return slot;
	}
}

static void
names_grow(struct sync_names *names, struct arena *arena)
{
	struct sync_names old = *names;

	if (old.capacity == 0)
		random_fill(&names->seed, sizeof(names->seed));
	names->capacity = old.capacity == 0 ? SLOTS_FIRST : 2 * old.capacity;
	names->slot = ARENA_ARRAY(arena, names->capacity, struct sync_name);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slot[i].parent != 0)
			*name_slot(names, &old.slot[i]) = old.slot[i];
}

bool
sync_names_add(struct sync_names *names, struct arena *arena, node_id parent,
    struct text text)
{
	struct sync_name name = { .parent = parent, .text = text };
	struct sync_name *slot;

	if (2 * names->count >= names->capacity)
		names_grow(names, arena);
	name.hash = XXH3_64bits_withSeed(text.ptr, text.len,
	    names->seed ^ parent);
	slot = name_slot(names, &name);
	if (slot->parent != 0)
		return false;
	name.text = arena_copy(arena, text);
	*slot = name;
	names->count++;
	return true;
}
