#include "dav/block.h"

#include "server/base/clock.h"

enum outcome
block_visit(struct exchange *exchange, block_fn fill, void *stream,
    struct buffer *out, bool *ret_end)
{
	struct arena *arena = exchange->arena;
	enum outcome outcome = txn_begin_read(exchange->store->engine,
	    &exchange->txn);

	if (outcome != OK)
		return outcome;
	exchange->arena = arena_new();
	exchange->now_ns = clock_ends_ns();
	outcome = principal_check(exchange->txn, &exchange->principal);
	if (outcome == OK)
		outcome = fill(stream, out, ret_end);
	txn_abort(exchange->txn);
	exchange->txn = NULL;
	arena_free(exchange->arena);
	exchange->arena = arena;
	return outcome;
}
