/*
 * UNLOCK (RFC 4918 9.11). One's own lock, or anybody's by who manages the
 * place.
 */
#include <string.h>

#include "dav/methods.h"
#include "dav/precondition.h"
#include "store/lock.h"

/* Some clients leave out the brackets (clients.md 1.14). */
static enum outcome
token_parse(const struct request *request, unsigned char *ret_token,
    bool *ret_known)
{
	struct text value = header_get(&request->headers, "Lock-Token");

	if (header_count(&request->headers, "Lock-Token") != 1)
		return BAD_INPUT;
	value = text_trim(value);
	if (text_starts(value, TEXT("<"))) {
		if (!text_ends(value, TEXT(">")))
			return BAD_INPUT;
		value = text_slice(value, 1, value.len - 1);
	}
	if (value.len == 0)
		return BAD_INPUT;
	*ret_known = lock_token_parse(value, ret_token);
	return OK;
}

static enum outcome
unlock_mismatch(struct exchange *exchange)
{
	exchange->problem = (struct problem){
		.condition = "lock-token-matches-request-uri",
		.message = "No such lock holds this.",
	};
	return CONFLICT;
}

/* The lock covers the place; CONFLICT when it does not, or is no more. */
static enum outcome
lock_here(struct exchange *exchange, const struct place *place,
    const unsigned char *token, struct lock *ret_lock)
{
	struct lock *lock;
	size_t count;
	enum outcome outcome = lock_covering(exchange->txn, exchange->arena,
	    &place->trail, exchange->now_ns, &lock, &count);

	if (outcome != OK)
		return outcome;
	for (size_t i = 0; i < count; i++) {
		if (memcmp(lock[i].token, token, LOCK_TOKEN_BYTES) != 0)
			continue;
		*ret_lock = lock[i];
		return OK;
	}
	return unlock_mismatch(exchange);
}

static enum outcome
unlock_demand(struct exchange *exchange, const struct place *place,
    const struct lock *lock)
{
	if (lock->principal == exchange->principal.id ||
	    rights_hold(&place->rights, ATOM(MANAGE)))
		return OK;
	/* RFC 3744 3.6: this has a privilege of its own. */
	exchange->problem = (struct problem){
		.condition = "need-privileges",
		.href = place_href(exchange, place),
		.privilege_space = "DAV:",
		.privilege = "unlock",
	};
	return FORBIDDEN;
}

static enum outcome
unlock_place(struct exchange *exchange, struct place *place)
{
	enum outcome outcome = place_resolve(exchange, &exchange->request->path,
	    place);

	if (outcome != OK)
		return outcome;
	if (place->scope == SCOPE_ROOT)
		return unlock_mismatch(exchange);
	if (place->node == NULL)
		return NOT_FOUND;
	return place_demand(exchange, place, ATOM(STAT));
}

static enum outcome
unlock_check(struct exchange *exchange, unsigned char *ret_token)
{
	struct place place;
	struct if_header header;
	struct lock lock;
	bool known = false;
	enum outcome outcome = unlock_place(exchange, &place);

	if (outcome == OK)
		outcome = token_parse(exchange->request, ret_token, &known);
	if (outcome == OK && !known)
		outcome = unlock_mismatch(exchange);
	if (outcome == OK)
		outcome = lock_here(exchange, &place, ret_token, &lock);
	if (outcome == OK)
		outcome = unlock_demand(exchange, &place, &lock);
	if (outcome == OK)
		outcome = request_if(exchange, &header);
	return outcome == OK ? condition_check(exchange, &place, &header) :
			       outcome;
}

static enum outcome
unlock_admit(struct exchange *exchange, enum lane *lane)
{
	struct place place;

	/* The rest can wait for `run`: what has a body is refused by then. */
	return place_admit(exchange, unlock_place(exchange, &place), lane);
}

static enum outcome
unlock_run(struct exchange *exchange)
{
	unsigned char token[LOCK_TOKEN_BYTES];
	enum outcome outcome = unlock_check(exchange, token);

	if (outcome == OK)
		outcome = lock_remove(exchange->txn, token);
	if (outcome == OK)
		exchange->request->response.status = 204;
	return outcome;
}

const struct method method_unlock = {
	.name = "UNLOCK",
	.body = METHOD_BODY_NONE,
	.lane = LANE_COMMIT,
	.flags = METHOD_FREES,
	.admit = unlock_admit,
	.run = unlock_run,
};
