#include "auth/authorise.h"

#include "auth/rights.h"

/*
 * The evaluation of grants along a trail. Three rules make it:
 *
 * - From the tree's root down, grants add up; a no-access that is valid now
 *   drops what stands above it and whatever else its node gives.
 * - The owner of a cell on the way holds everything from there down, and no
 *   grant takes that away.
 * - A grant gives at most what its granter holds at that node now. Asking that
 *   is the same evaluation for somebody else, so it is bounded in depth and
 *   in number, and who is being asked about already gives nothing: a circle
 *   of grants cannot carry itself.
 */
enum { CHAIN_MAX = 16, STEPS_MAX = 512 };

/* Rules that narrow one atom each. */
static const struct {
	uint32_t rule;
	atom_set atom;
} narrowing[] = {
	{ RULE_RENAME_OWN, ATOM(RENAME) },
	{ RULE_DELETE_TEMP, ATOM(DELETE_OWN) },
};

enum { NARROWING_COUNT = sizeof(narrowing) / sizeof(narrowing[0]) };

/* The later of two ends, where 0 is never. */
static bool
ends_later(uint64_t a, uint64_t b)
{
	return a == 0 ? b != 0 : b != 0 && a > b;
}

/* Atoms held by `a` without a narrowing rule, for comparison. */
static bool
rights_cover(const struct rights *a, const struct rights *b)
{
	if ((b->atoms & ~a->atoms) != 0)
		return false;
	for (size_t i = 0; i < NARROWING_COUNT; i++) {
		if ((b->atoms & narrowing[i].atom) != 0 &&
		    (b->rules & narrowing[i].rule) == 0 &&
		    (a->rules & narrowing[i].rule) != 0)
			return false;
	}
	return true;
}

struct rights
rights_union(const struct rights *a, const struct rights *b)
{
	struct rights all = { .atoms = a->atoms | b->atoms };

	for (size_t i = 0; i < NARROWING_COUNT; i++) {
		uint32_t rule = narrowing[i].rule;
		atom_set atom = narrowing[i].atom;
		bool free = ((a->atoms & atom) != 0 &&
				(a->rules & rule) == 0) ||
		    ((b->atoms & atom) != 0 && (b->rules & rule) == 0);

		if ((all.atoms & atom) != 0 && !free)
			all.rules |= rule;
	}
	/* What covers the other alone decides how long both are good for. */
	if (rights_cover(a, b) &&
	    (!rights_cover(b, a) || ends_later(a->until_ns, b->until_ns)))
		all.until_ns = a->until_ns;
	else if (rights_cover(b, a))
		all.until_ns = b->until_ns;
	else
		all.until_ns = ends_later(a->until_ns, b->until_ns) ?
		    b->until_ns :
		    a->until_ns;
	return all;
}

struct rights
rights_cut(const struct rights *given, const struct rights *granter)
{
	struct rights cut = { .atoms = given->atoms & granter->atoms };

	for (size_t i = 0; i < NARROWING_COUNT; i++) {
		if ((cut.atoms & narrowing[i].atom) != 0) {
			cut.rules |= (given->rules | granter->rules) &
			    narrowing[i].rule;
		}
	}
	cut.until_ns = ends_later(given->until_ns, granter->until_ns) ?
	    granter->until_ns :
	    given->until_ns;
	return cut;
}

/* A trail, and perhaps one member below it. */
struct way {
	const struct trail *trail;
	const struct node *member; /* NULL: none */
	size_t count;
};

static const struct node *
way_node(const struct way *way, size_t index)
{
	return index < way->trail->count ? &way->trail->node[index] :
					   way->member;
}

struct evaluation {
	struct txn *txn;
	struct way way;
	uint64_t now_ns;
	user_id chain[CHAIN_MAX]; /* whose rights are being asked now */
	size_t depth;
	size_t steps;
	bool timed;          /* another time might have another answer */
	struct arena *arena; /* made when a granter must be loaded */
};

static enum outcome
evaluate(struct evaluation *evaluation, const struct principal *principal,
    size_t count, struct rights *ret_rights);

/* What the granter holds on node `index` now; nothing when it is no more. */
static enum outcome
granter_rights(struct evaluation *evaluation, user_id granter, size_t index,
    struct rights *ret_rights)
{
	struct principal principal;
	struct user user;
	enum outcome outcome;

	*ret_rights = (struct rights){ 0 };
	if (evaluation->depth == CHAIN_MAX || evaluation->steps == STEPS_MAX)
		return OK;
	for (size_t i = 0; i < evaluation->depth; i++) {
		if (evaluation->chain[i] == granter)
			return OK;
	}
	evaluation->steps++;
	outcome = user_find_id(evaluation->txn, granter, &user);
	if (outcome != OK)
		return outcome == NOT_FOUND ? OK : outcome;
	if (user.disabled)
		return OK;
	if (evaluation->arena == NULL)
		evaluation->arena = arena_new();
	outcome = principal_load(evaluation->txn, evaluation->arena, &user,
	    &principal);
	if (outcome != OK)
		return outcome;
	return evaluate(evaluation, &principal, index + 1, ret_rights);
}

static bool
grant_names(const struct grant *grant, const struct principal *principal)
{
	if (!grant->subject_is_group)
		return grant->subject == principal->id;
	for (size_t i = 0; i < principal->group_count; i++) {
		if (grant->subject == principal->group[i])
			return true;
	}
	return false;
}

/* The sum over the grants of one node. */
struct tally {
	struct evaluation *evaluation;
	const struct principal *principal;
	size_t index;
	struct rights rights;  /* from above and so far */
	bool refused;          /* a no-access is valid here */
	uint64_t refused_from; /* the first one to come, 0: none */
	enum outcome outcome;
};

static void
note_refusal(struct tally *tally, const struct grant *grant)
{
	uint64_t now_ns = tally->evaluation->now_ns;

	if (grant->from_ns <= now_ns) {
		tally->refused = true;
	} else if (tally->refused_from == 0 ||
	    grant->from_ns < tally->refused_from) {
		tally->refused_from = grant->from_ns;
	}
}

static bool
add_grant(const struct grant *grant, void *context)
{
	struct tally *tally = context;
	struct rights given = { .atoms = grant->atoms,
		.rules = grant->rules,
		.until_ns = grant->until_ns };
	struct rights granter;
	uint64_t now_ns = tally->evaluation->now_ns;

	if (!grant_names(grant, tally->principal))
		return true;
	if (grant->until_ns != 0 || grant->from_ns > now_ns)
		tally->evaluation->timed = true;
	if (grant->until_ns != 0 && now_ns >= grant->until_ns)
		return true;
	if ((grant->rules & RULE_NO_ACCESS) != 0) {
		note_refusal(tally, grant);
		return true;
	}
	if (now_ns < grant->from_ns)
		return true;
	if (grant->granter != 0) {
		tally->outcome = granter_rights(tally->evaluation,
		    grant->granter, tally->index, &granter);
		if (tally->outcome != OK)
			return false;
		given = rights_cut(&given, &granter);
	}
	if (given.atoms != ATOMS_NONE)
		tally->rights = rights_union(&tally->rights, &given);
	return true;
}

/* What node `index` makes of the rights that come from above it. */
static enum outcome
evaluate_node(struct evaluation *evaluation, const struct principal *principal,
    size_t index, struct rights *rights)
{
	struct tally tally = { .evaluation = evaluation,
		.principal = principal,
		.index = index,
		.rights = *rights };
	enum outcome outcome;

	outcome = grant_each(evaluation->txn,
	    way_node(&evaluation->way, index)->id, add_grant, &tally);
	if (outcome == OK)
		outcome = tally.outcome;
	if (outcome != OK)
		return outcome;
	if (tally.refused)
		tally.rights = (struct rights){ 0 };
	else if (tally.refused_from != 0 && tally.rights.atoms != ATOMS_NONE &&
	    ends_later(tally.rights.until_ns, tally.refused_from))
		tally.rights.until_ns = tally.refused_from;
	*rights = tally.rights;
	return OK;
}

static enum outcome
owns_cell(struct evaluation *evaluation, const struct principal *principal,
    const struct node *node, bool *ret_owner)
{
	struct cell cell;
	enum outcome outcome;

	*ret_owner = false;
	if ((node->flags & NODE_IS_CELL_ROOT) == 0)
		return OK;
	outcome = cell_find_root(evaluation->txn, node->id, &cell);
	if (outcome == OK)
		*ret_owner = cell.owner == principal->id;
	return outcome == NOT_FOUND ? OK : outcome;
}

static enum outcome
evaluate(struct evaluation *evaluation, const struct principal *principal,
    size_t count, struct rights *ret_rights)
{
	struct rights rights = { 0 };
	enum outcome outcome = OK;

	evaluation->chain[evaluation->depth++] = principal->id;
	for (size_t i = 0; outcome == OK && i < count; i++) {
		const struct node *node = way_node(&evaluation->way, i);
		bool owner;

		outcome = owns_cell(evaluation, principal, node, &owner);
		if (outcome == OK && owner) {
			rights = (struct rights){ .atoms = ATOMS_ALL };
			break;
		}
		if (outcome == OK && (node->flags & NODE_HAS_GRANTS) != 0) {
			outcome = evaluate_node(evaluation, principal, i,
			    &rights);
		}
	}
	evaluation->depth--;
	if (outcome == OK)
		*ret_rights = rights;
	return outcome;
}

static enum outcome
evaluate_way(struct txn *txn, const struct principal *principal,
    const struct way *way, uint64_t now_ns, struct rights *ret_rights)
{
	struct evaluation evaluation = {
		.txn = txn, .way = *way, .now_ns = now_ns
	};
	struct rights rights = { 0 };
	enum outcome outcome = OK;

	if (principal->kind == PRINCIPAL_USER) {
		outcome = evaluate(&evaluation, principal, way->count, &rights);
	}
	arena_free(evaluation.arena);
	rights.timed = evaluation.timed;
	if (outcome == OK)
		*ret_rights = rights;
	return outcome;
}

enum outcome
rights_of(struct txn *txn, const struct principal *principal,
    const struct trail *trail, uint64_t now_ns, struct rights *ret_rights)
{
	struct way way = { trail, NULL, trail->count };

	return evaluate_way(txn, principal, &way, now_ns, ret_rights);
}

enum outcome
rights_of_member(struct txn *txn, const struct principal *principal,
    const struct rights *collection, const struct trail *trail,
    const struct node *member, uint64_t now_ns, struct rights *ret_rights)
{
	struct way way = { trail, member, trail->count + 1 };

	if ((member->flags & (NODE_HAS_GRANTS | NODE_IS_CELL_ROOT)) == 0) {
		*ret_rights = *collection;
		return OK;
	}
	return evaluate_way(txn, principal, &way, now_ns, ret_rights);
}
