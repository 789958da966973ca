#include "server/live.h"

#include "server/base/clock.h"
#include "server/base/log.h"

enum { LOOKS_A_SECOND = 2 };

void
live_enter(struct live *live, struct visit *visit)
{
	if (visit->exchange.standing.node == 0 || visit->live)
		return;
	visit->live = true;
	visit->live_next = live->first;
	visit->live_at = &live->first;
	if (live->first != NULL)
		live->first->live_at = &visit->live_next;
	live->first = visit;
}

void
live_leave(struct live *live, struct visit *visit)
{
	(void)live; /* the links know their list */
	if (!visit->live)
		return;
	visit->live = false;
	*visit->live_at = visit->live_next;
	if (visit->live_next != NULL)
		visit->live_next->live_at = visit->live_at;
}

static void
live_cut(struct visit *visit, enum outcome why) ON_LOOP
{
	char id[24];
	struct log_field field[] = {
		{ "id", TEXT_NONE },
		{ "user", visit->exchange.principal.name },
		{ "why", text_from(outcome_name(why)) },
	};
	int len = snprintf(id, sizeof(id), "%llu",
	    (unsigned long long)visit->exchange.request->id);

	field[0].value = (struct text){ id, (size_t)len };
	log_event(LOG_LEVEL_INFO, "cut", field,
	    sizeof(field) / sizeof(field[0]));
	request_cut(visit->exchange.request);
}

/* A failing store is no reason to cut: the rights are not known to be gone. */
static bool
has_fallen(const struct visit *visit, enum outcome outcome)
{
	/* A body for a file that went meanwhile is the commit's to judge. */
	if (outcome == NOT_FOUND)
		return visit->phase != PHASE_BODY;
	return outcome == UNAUTHENTICATED || outcome == FORBIDDEN;
}

void
live_look(struct live *live, struct store *store)
{
	uint64_t now = clock_monotonic_ns();
	struct visit *visit, *next;
	struct txn *txn;

	if (live->first == NULL ||
	    now - live->looked_ns < NS_PER_SECOND / LOOKS_A_SECOND ||
	    txn_begin_read(store->engine, &txn) != OK)
		return;
	live->looked_ns = now;
	for (visit = live->first; visit != NULL; visit = next) {
		const struct exchange *exchange = &visit->exchange;
		enum outcome outcome = standing_check(txn, &exchange->principal,
		    exchange->standing.node, exchange->standing.needed,
		    clock_ends_ns());

		next = visit->live_next;
		if (!has_fallen(visit, outcome))
			continue;
		live_leave(live, visit);
		live_cut(visit, outcome);
	}
	txn_abort(txn);
}
