/*
 * Places of the command line, found anew in every transaction: a change may
 * run more than once, and a server may work on the same state meanwhile.
 */
#include "server/commands/place.h"

#include "auth/principal.h"
#include "server/base/clock.h"

static enum outcome
cell_of_word(struct txn *txn, struct text word, struct cell *ret_cell)
{
	struct user user;
	enum outcome outcome;

	if (!text_starts(word, TEXT("~")))
		return cell_slug_valid(word) ? cell_find(txn, word, ret_cell) :
					       NOT_FOUND;
	outcome = user_find(txn, text_slice(word, 1, word.len), &user);
	return outcome == OK ? cell_find_own(txn, user.id, ret_cell) : outcome;
}

static void
cell_hold(struct arena *arena, struct cell *cell)
{
	cell->slug = arena_copy(arena, cell->slug);
	cell->title = arena_copy(arena, cell->title);
}

enum outcome
place_find(struct txn *txn, struct arena *arena, const char *word,
    struct place *ret_place)
{
	struct text all = text_from(word);
	size_t slash = text_find(all, '/');
	struct place place;
	enum outcome outcome;

	outcome = path_parse_decoded(arena, text_slice(all, slash, all.len),
	    &place.path);
	if (outcome == OK)
		outcome = cell_of_word(txn, text_slice(all, 0, slash),
		    &place.cell);
	if (outcome != OK)
		return outcome;
	cell_hold(arena, &place.cell);
	outcome = trail_find(txn, arena, place.cell.root, &place.path,
	    &place.trail);
	if (outcome == OK)
		*ret_place = place;
	return outcome;
}

enum outcome
place_get(struct txn *txn, struct arena *arena, const char *word,
    struct place *ret_place)
{
	struct place place;
	enum outcome outcome = place_find(txn, arena, word, &place);

	if (outcome == OK && place.trail.missing > 0)
		outcome = NOT_FOUND;
	if (outcome == OK)
		*ret_place = place;
	return outcome;
}

struct text
place_name(struct txn *txn, struct arena *arena, const struct cell *cell,
    const struct trail *trail)
{
	struct buffer name = { .max = 0 };
	struct user user;
	struct text copy;
	bool below = false;

	if (cell->slug.len > 0 && cell->slug.ptr[0] == '~' &&
	    user_find_id(txn, cell->owner, &user) == OK)
		buffer_format(&name, "~%.*s", TEXT_ARGS(user.name));
	else
		buffer_append(&name, cell->slug);
	for (size_t i = 0; i < trail->count; i++) {
		if (below) {
			buffer_append_byte(&name, '/');
			buffer_append(&name, trail->node[i].name);
		}
		below = below || trail->node[i].id == cell->root;
	}
	copy = arena_copy(arena, buffer_text(&name));
	buffer_done(&name);
	return copy;
}

struct tree_actor
place_actor(const struct place *place)
{
	return (struct tree_actor){ place->cell.owner, clock_wall_ns() };
}

/* The own cell of "~USER" comes into being with its first use. */
static enum outcome
make_own(struct txn *txn, struct store *store, struct text word)
{
	struct text name = text_slice(word, 0, text_find(word, '/'));
	struct user user;
	struct cell cell;
	enum outcome outcome;

	if (!text_starts(name, TEXT("~")))
		return OK;
	outcome = user_find(txn, text_slice(name, 1, name.len), &user);
	if (outcome != OK)
		return outcome;
	outcome = cell_find_own(txn, user.id, &cell);
	return outcome == NOT_FOUND ?
	    cell_make_own(txn, store, user.id, &cell) :
	    outcome;
}

enum outcome
place_make(struct txn *txn, struct store *store, struct arena *arena,
    const char *word, struct place *ret_place)
{
	struct place place;
	struct tree_actor actor;
	struct node made;
	enum outcome outcome = make_own(txn, store, text_from(word));

	while (outcome == OK) {
		outcome = place_find(txn, arena, word, &place);
		if (outcome != OK || place.trail.missing == 0)
			break;
		actor = place_actor(&place);
		if (trail_last(&place.trail)->kind != NODE_COLLECTION)
			return CONFLICT;
		place.trail.missing = 1;
		outcome = tree_mkcol(txn, store, &place.trail,
		    place.path.name[place.trail.count - 1 - place.trail.base],
		    &actor, &made);
	}
	if (outcome == OK)
		*ret_place = place;
	return outcome;
}
