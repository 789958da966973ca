#include "store/store.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/base/memory.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/meta.h"
#include "store/reserve.h"
#include "store/scopes.h"

/*
 * Opening and closing of a store, from the ground up: the folder, the engine
 * in it, what the engine says about itself, the blob files, the committer.
 */
static char *
path_in(const char *folder, const char *name)
{
	SCOPED(buffer) struct buffer path = { 0 };

	buffer_format(&path, "%s/%s", folder, name);
	return memory_string(buffer_text(&path));
}

static enum outcome
prepare_folder(const char *path, enum store_open how, struct buffer *message)
{
	enum outcome outcome = layout_act_as_owner(path, message);

	if (outcome != OK)
		return outcome;
	if (how == STORE_CREATE)
		return layout_create(path, message);
	if (layout_exists(path))
		return OK;
	buffer_format(message,
	    "%s holds no store: make one with \"celldav "
	    "init\"",
	    path);
	return NOT_FOUND;
}

static enum outcome
open_engine(struct store *store, enum store_open how, struct buffer *message)
{
	const struct conf_store *conf = &store->conf->store;
	const struct engine_row *row = engine_row_find(conf->engine);
	struct engine_options options = { .map_size = conf->map_size,
		.relaxed = conf->sync == CONF_SYNC_RELAXED,
		.read_only = how == STORE_READ_ONLY };
	char *path;
	enum outcome outcome;

	if (row == NULL) {
		buffer_format(message,
		    "there is no engine \"%s\": set "
		    "store.engine to \"lmdb\"",
		    conf->engine);
		return UNSUPPORTED;
	}
	path = path_in(store->path, "engine");
	options.path = path;
	outcome = how == STORE_CREATE ? OK :
					layout_probe(row, &options, message);
	if (outcome == OK)
		outcome = row->open(&options, message, &store->engine);
	free(path);
	return outcome;
}

static enum outcome
open_committer(struct store *store, struct buffer *message)
{
	char *path = path_in(store->path, "reserve");
	bool durable = store->engine->row->durable;
	enum outcome outcome = OK;

	if (durable)
		outcome = reserve_resize(path, store->conf->store.reserve);
	if (outcome == OK)
		outcome = committer_start(store->engine,
		    (size_t)store->conf->limits.queue_commit,
		    durable ? path : NULL, &store->committer);
	if (outcome != OK)
		buffer_format(message, "%s cannot be made: %s", path,
		    outcome_name(outcome));
	free(path);
	return outcome;
}

/*
 * Opening writes a little. Who opens a store on a full disk wants to make
 * room, so the reserve is lent for it; the committer takes it again.
 */
static enum outcome
open_meta(struct store *store, enum store_open how, struct buffer *message,
    struct meta *ret_meta)
{
	enum outcome outcome = meta_open(store->engine, how, store->path,
	    message, ret_meta);
	struct reserve reserve;
	bool room;
	char *path;

	if (outcome != NO_SPACE || how != STORE_USE)
		return outcome;
	path = path_in(store->path, "reserve");
	reserve_open(&reserve, path);
	room = reserve_give(&reserve);
	/* The disk or the map may be full. */
	room = engine_make_room(store->engine) == OK || room;
	if (room) {
		buffer_clear(message);
		outcome = meta_open(store->engine, how, store->path, message,
		    ret_meta);
	}
	reserve_done(&reserve);
	free(path);
	return outcome;
}

static enum outcome
open_parts(struct store *store, enum store_open how, struct buffer *message)
{
	struct meta meta;
	enum outcome outcome = prepare_folder(store->path, how, message);

	if (outcome == OK)
		outcome = open_engine(store, how, message);
	if (outcome == OK)
		outcome = open_meta(store, how, message, &meta);
	if (outcome != OK)
		return outcome;
	store->identity = meta.identity;
	atomic_init(&store->next_id, meta.ids + 1);
	outcome = blob_store_open(store, store->path, how == STORE_USE,
	    message);
	if (outcome == OK && how != STORE_READ_ONLY)
		outcome = open_committer(store, message);
	return outcome;
}

enum outcome
store_open(struct conf *conf, enum store_open how, struct buffer *message,
    struct store **ret_store)
{
	struct store *store = memory_alloc(sizeof(*store));
	enum outcome outcome;

	store->conf = conf_ref(conf);
	store->path = memory_string(text_from(conf->store.path));
	outcome = open_parts(store, how, message);
	if (outcome != OK) {
		store_close(store);
		return outcome;
	}
	*ret_store = store;
	return OK;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	committer_stop(store->committer);
	blob_store_close(store->blobs);
	if (store->engine != NULL)
		store->engine->row->close(store->engine);
	/* The count is in the struct that is shown as const here. */
	(void)conf_unref((struct conf *)(uintptr_t)store->conf);
	free(store->path);
	free(store);
}

uint64_t
store_next_id(struct store *store)
{
	const uint64_t in_block = (UINT64_C(1) << META_ID_BITS) - 1;
	uint64_t id = atomic_fetch_add(&store->next_id, 1);

	/* 2^40 ids last longer than a process; past them begin others'. */
	assert((id & in_block) != 0);
	return id;
}

struct store_change {
	struct change change;
	enum outcome (*run)(struct txn *txn, void *context);
	void *context;
};

static enum outcome
run_function(struct txn *txn, struct change *change)
{
	struct store_change *call = (struct store_change *)change;

	return call->run(txn, call->context);
}

/*
 * Small changes of the command line, and the background care that gives space
 * back: both must work on a full disk, so they may use the reserve.
 */
enum outcome
store_change(struct store *store,
    enum outcome (*run)(struct txn *txn, void *context), void *context)
{
	struct store_change call = { .change = { .run = run_function,
					 .frees = true },
		.run = run,
		.context = context };

	return change_run(store->committer, &call.change);
}
