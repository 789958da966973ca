/*
 * Judging If (RFC 4918 10.4.3, 10.4.4). What the principal may not see has no
 * state, and a token of somebody else is as good as an unknown one, so that a
 * condition tells nothing (rights.md 7).
 */
#include "dav/if_header.h"

#include <string.h>

#include "dav/precondition.h"
#include "dav/sync_token.h"
#include "server/http/uri.h"
#include "store/lock.h"

/* The resource of one list; NULL: it has no state. */
static enum outcome
list_place(struct exchange *exchange, const struct if_list *list,
    const struct place *own, struct place *storage,
    const struct place **ret_place)
{
	struct path path;
	enum outcome outcome;

	*ret_place = own;
	if (list->resource.ptr == NULL)
		return OK;
	outcome = uri_local_path(exchange->request, list->resource, &path);
	if (outcome == OK && own != NULL && path_equal(&path, &own->path))
		return OK;
	if (outcome == OK)
		outcome = place_resolve(exchange, &path, storage);
	*ret_place = storage;
	if (outcome == NOT_FOUND || outcome == UNSUPPORTED ||
	    outcome == BAD_INPUT || outcome == TOO_LARGE) {
		*ret_place = NULL;
		return OK;
	}
	return outcome;
}

static bool
etag_holds(struct exchange *exchange, const struct place *place,
    struct text etag)
{
	struct validator validator = place_validator(exchange, place);

	/* Strong comparison: a weak tag never matches (RFC 9110 8.8.3.2). */
	return validator.exists && validator.etag.len > 0 &&
	    text_equal(validator.etag, etag);
}

static enum outcome
lock_holds(struct exchange *exchange, const struct place *place,
    const unsigned char *token, bool *ret_holds)
{
	struct lock *lock;
	size_t count;
	enum outcome outcome;

	if (place->scope == SCOPE_ROOT) {
		*ret_holds = false;
		return OK;
	}
	outcome = lock_covering(exchange->txn, exchange->arena, &place->trail,
	    exchange->now_ns, &lock, &count);
	if (outcome != OK)
		return outcome;
	*ret_holds = false;
	for (size_t i = 0; i < count; i++)
		if (lock[i].principal == exchange->principal.id &&
		    memcmp(lock[i].token, token, LOCK_TOKEN_BYTES) == 0)
			*ret_holds = true;
	return OK;
}

static enum outcome
condition_holds(struct exchange *exchange, const struct if_condition *condition,
    const struct place *place, bool *ret_holds)
{
	unsigned char token[LOCK_TOKEN_BYTES];

	*ret_holds = false;
	if (place == NULL)
		return OK;
	if (condition->is_etag) {
		*ret_holds = etag_holds(exchange, place, condition->value);
		return OK;
	}
	if (lock_token_parse(condition->value, token))
		return lock_holds(exchange, place, token, ret_holds);
	return sync_token_is_current(exchange, place, condition->value,
	    ret_holds);
}

static enum outcome
list_holds(struct exchange *exchange, const struct if_list *list,
    const struct place *own, bool *ret_holds)
{
	struct place storage;
	const struct place *place;
	enum outcome outcome = list_place(exchange, list, own, &storage,
	    &place);
	bool all = true;

	for (size_t i = 0; i < list->count && outcome == OK && all; i++) {
		bool holds = false;

		outcome = condition_holds(exchange, &list->condition[i], place,
		    &holds);
		all = holds != list->condition[i].negated;
	}
	*ret_holds = all;
	return outcome;
}

enum outcome
if_judge(struct exchange *exchange, const struct if_header *header,
    const struct place *own)
{
	if (header->count == 0)
		return OK;
	for (size_t i = 0; i < header->count; i++) {
		bool holds;
		enum outcome outcome = list_holds(exchange, &header->list[i],
		    own, &holds);

		if (outcome != OK)
			return outcome;
		if (holds)
			return OK;
	}
	return PRECONDITION;
}
