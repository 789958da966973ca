#include "dav/content.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "server/base/memory.h"

/*
 * On the heap: an errand that is away outlives the request. Only the loop
 * looks at `away` and `closed`; `verdict` is the worker's while it is away.
 */
struct blob_hold {
	struct body_hold hold; /* first */
	struct errand errand;
	struct request *request; /* borrowed until closed */
	struct store *store;     /* borrowed from the server */
	struct blob_file *file;  /* counted */
	struct blob_record record;
	enum outcome verdict;
	bool away, closed;
};

static void
hold_free(struct blob_hold *hold)
{
	blob_file_close(hold->store, hold->file);
	free(hold);
}

static struct blob_hold *
hold_of(struct errand *errand)
{
	return (struct blob_hold *)((char *)errand -
	    offsetof(struct blob_hold, errand));
}

static void
verify_run(struct errand *errand)
{
	struct blob_hold *hold = hold_of(errand);

	thread_enter_worker();
	hold->verdict = hold->file->trusted ?
	    OK :
	    blob_file_verify(hold->file, &hold->record);
}

static void
verify_home(struct errand *errand)
{
	struct blob_hold *hold = hold_of(errand);

	thread_enter_loop();
	hold->away = false;
	if (hold->closed)
		hold_free(hold);
	else if (hold->hold.ready != NULL)
		response_wake(hold->request);
}

static enum outcome
hold_ready(struct body_hold *base)
{
	struct blob_hold *hold = (struct blob_hold *)base;

	if (hold->file->trusted)
		return OK;
	return hold->away ? PENDING : hold->verdict;
}

static void
hold_close(struct body_hold *base)
{
	struct blob_hold *hold = (struct blob_hold *)base;

	hold->closed = true;
	if (!hold->away)
		hold_free(hold);
}

static enum outcome
whole_check(struct exchange *exchange, struct blob_hold *hold)
{
	hold->hold.ready = hold_ready;
	hold->away = true;
	return exchange->lanes->post(exchange, &hold->errand);
}

/*
 * A part waits for no check, so one check for all parts is enough: each of
 * them asking for its own reads the whole file as often. Workers that are too
 * busy for it are no reason to refuse the part.
 */
static void
part_check(struct exchange *exchange, struct blob_hold *hold)
{
	if (atomic_exchange(&hold->file->asked, true))
		return;
	hold->away = exchange->lanes->post(exchange, &hold->errand) == OK;
	if (!hold->away)
		atomic_store(&hold->file->asked, false);
}

enum outcome
blob_hold_new(struct exchange *exchange, struct blob_file *file,
    const struct blob_record *record, bool whole, struct body_hold **ret_hold)
{
	struct blob_hold *hold = memory_alloc(sizeof(*hold));
	enum outcome outcome = OK;

	*hold = (struct blob_hold){
		.hold = { .close = hold_close },
		.errand = { .run = verify_run, .home = verify_home },
		.request = exchange->request,
		.store = exchange->store,
		.file = file,
		.record = *record,
	};
	if (whole && !file->trusted)
		outcome = whole_check(exchange, hold);
	else if (!file->trusted)
		part_check(exchange, hold);
	if (outcome != OK) {
		hold_free(hold);
		return outcome;
	}
	*ret_hold = &hold->hold;
	return OK;
}
