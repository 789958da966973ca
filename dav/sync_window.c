#include "dav/sync_window.h"

#include "store/log_entry.h"

enum {
	LOG_ENTRIES_MAX = 100000,
	CHANGES_MAX = 32 /* of one way, to be compared */
};

struct reading {
	struct sync_window *window;
	const struct principal *principal;
	bool exceeded;
};

bool
sync_names_subject(const struct principal *principal, user_id subject)
{
	if (principal->id == subject)
		return true;
	for (size_t i = 0; i < principal->group_count; i++)
		if (principal->group[i] == subject)
			return true;
	return false;
}

void
sync_window_begin(struct sync_window *window, struct exchange *exchange,
    node_id tree, uint64_t from)
{
	*window = (struct sync_window){ .arena = exchange->arena,
		.tree = tree,
		.from = from,
		.read = from };
}

static void
change_add(struct sync_window *window, const struct log_entry *entry)
{
	struct sync_regrant *old = window->change;

	if (window->change_count == window->change_capacity) {
		window->change_capacity = 2 * window->change_capacity + 16;
		window->change = ARENA_ARRAY(window->arena,
		    window->change_capacity, struct sync_regrant);
		for (size_t i = 0; i < window->change_count; i++)
			window->change[i] = old[i];
	}
	window->change[window->change_count++] = (struct sync_regrant){
		.sequence = entry->sequence,
		.subject = entry->subject,
		.was_refused = entry->was_refused,
		.is_refused = entry->is_refused,
		.older = (size_t)sync_marks_get(&window->granted, entry->node),
	}; /* RIGHTS have a subject, tombstones have none */
	sync_marks_set(&window->granted, window->arena, entry->node,
	    window->change_count);
}

static bool
entry_read(const struct log_entry *entry, void *context)
{
	struct reading *reading = context;
	struct sync_window *window = reading->window;

	reading->exceeded = ++window->entries > LOG_ENTRIES_MAX;
	if (reading->exceeded)
		return false;
	window->read = entry->sequence;
	if (entry->kind == LOG_REMOVED && entry->collection)
		sync_marks_set(&window->left, window->arena, entry->node,
		    entry->sequence);
	if (entry->kind == LOG_RIGHTS ?
		sync_names_subject(reading->principal, entry->subject) :
		entry->kind == LOG_REMOVED &&
		    sync_marks_get(&window->granted, entry->node) != 0)
		change_add(window, entry);
	return true;
}

enum outcome
sync_window_read(struct sync_window *window, struct exchange *exchange)
{
	struct reading reading = { window, &exchange->principal, false };
	enum outcome outcome = log_each(exchange->txn, window->tree,
	    window->read, entry_read, &reading);

	return outcome == OK && reading.exceeded ? CONFLICT : outcome;
}

static const struct sync_regrant *
change_newest(const struct sync_window *window, node_id node)
{
	size_t at = (size_t)sync_marks_get(&window->granted, node);

	return at == 0 ? NULL : &window->change[at - 1];
}

static const struct sync_regrant *
change_older(const struct sync_window *window,
    const struct sync_regrant *change)
{
	return change->older == 0 ? NULL : &window->change[change->older - 1];
}

uint64_t
sync_window_granted(const struct sync_window *window, node_id node)
{
	const struct sync_regrant *change = change_newest(window, node);

	while (change != NULL && change->subject == 0)
		change = change_older(window, change);
	return change == NULL ? 0 : change->sequence;
}

bool
sync_window_names(const struct sync_window *window, node_id node,
    user_id subject)
{
	const struct sync_regrant *change = change_newest(window, node);

	while (change != NULL && change->subject != subject)
		change = change_older(window, change);
	return change != NULL;
}

static bool
is_refused(const struct sync_window *window, node_id node, user_id subject,
    uint64_t at)
{
	const struct sync_regrant *change = change_newest(window, node);
	bool refused = false;

	for (; change != NULL; change = change_older(window, change)) {
		if (change->subject != subject)
			continue;
		if (change->sequence <= at)
			return change->is_refused;
		refused = change->was_refused;
	}
	return refused;
}

/* None of the nodes is refused at that time. */
static bool
is_open(const struct sync_window *window, const node_id *node, size_t count,
    uint64_t at)
{
	for (size_t i = 0; i < count; i++) {
		const struct sync_regrant *change = change_newest(window,
		    node[i]);

		for (; change != NULL; change = change_older(window, change))
			if (is_refused(window, node[i], change->subject, at))
				return false;
	}
	return true;
}

/* Since when the nodes lay so. */
static uint64_t
place_begin(const struct sync_window *window, const node_id *node, size_t count,
    uint64_t before)
{
	const struct sync_regrant *change = change_newest(window,
	    node[count - 1]);
	uint64_t begin = window->from;

	while (change != NULL &&
	    (change->subject != 0 || change->sequence >= before))
		change = change_older(window, change);
	if (change != NULL && change->sequence > begin)
		begin = change->sequence;
	for (size_t i = 0; i + 1 < count; i++) {
		uint64_t left = sync_marks_get(&window->left, node[i]);

		if (left > begin)
			begin = left;
	}
	return begin;
}

/* The last node was there from the newest of these moments on. */
static uint64_t
sure_begin(const struct sync_window *window, node_id node, uint64_t before,
    const uint64_t *time, size_t times)
{
	const struct sync_regrant *change = change_newest(window, node);
	uint64_t begin = time[0];

	for (; change != NULL; change = change_older(window, change))
		if (change->sequence < before)
			before = change->sequence;
	for (size_t i = 0; i < times; i++)
		if (time[i] > begin && time[i] < before)
			begin = time[i];
	return begin;
}

enum sync_sight
sync_window_sight(const struct sync_window *window, const node_id *node,
    size_t count, uint64_t before)
{
	uint64_t time[CHANGES_MAX + 1] = { place_begin(window, node, count,
	    before) };
	size_t times = 1, looked = 0;
	enum sync_sight sight = SYNC_SIGHT_NEVER;
	uint64_t sure;

	for (size_t i = 0; i < count; i++) {
		const struct sync_regrant *change = change_newest(window,
		    node[i]);

		for (; change != NULL; change = change_older(window, change)) {
			if (++looked > CHANGES_MAX)
				return SYNC_SIGHT_PERHAPS;
			if (change->sequence > time[0] &&
			    change->sequence < before)
				time[times++] = change->sequence;
		}
	}
	sure = sure_begin(window, node[count - 1], before, time, times);
	for (size_t i = 0; i < times; i++) {
		if (!is_open(window, node, count, time[i]))
			continue;
		if (time[i] >= sure)
			return SYNC_SIGHT_SURE;
		sight = SYNC_SIGHT_PERHAPS;
	}
	return sight;
}
