#include "tests/unit/faulty.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct engine_row gated;
static const struct engine_row *real;
static enum fault fault;
static size_t left;
static bool met;

/* Counts a call; true: this is the one. */
static bool
strikes(void)
{
	if (left == 0 || --left > 0)
		return false;
	met = true;
	return true;
}

static enum outcome
fault_get(struct txn *txn, struct text key, struct text *ret_value)
{
	bool now = strikes();
	enum outcome outcome;

	if (now && fault == FAULT_IO)
		return IO;
	if (now && fault == FAULT_LOST)
		return NOT_FOUND;
	outcome = real->get(txn, key, ret_value);
	if (now && outcome == OK && ret_value->len > 0)
		ret_value->len--;
	return outcome;
}

static enum outcome
fault_put(struct txn *txn, struct text key, struct text value)
{
	return strikes() && fault == FAULT_IO ? IO : real->put(txn, key, value);
}

static enum outcome
fault_remove(struct txn *txn, struct text key)
{
	bool now = strikes();

	if (now && fault != FAULT_CUT)
		return fault == FAULT_IO ? IO : NOT_FOUND;
	return real->remove(txn, key);
}

static enum outcome
fault_open(struct txn *txn, struct cursor **ret_cursor)
{
	return strikes() && fault == FAULT_IO ?
	    IO :
	    real->cursor_open(txn, ret_cursor);
}

static enum outcome
cursor_end(struct cursor *cursor, bool now, enum outcome outcome)
{
	if (now && fault == FAULT_IO)
		return IO;
	if (now && fault == FAULT_LOST)
		return NOT_FOUND;
	if (now && outcome == OK && cursor->value.len > 0)
		cursor->value.len--;
	return outcome;
}

static enum outcome
fault_seek(struct cursor *cursor, struct text key)
{
	bool now = strikes();

	return cursor_end(cursor, now, real->cursor_seek(cursor, key));
}

static enum outcome
fault_next(struct cursor *cursor)
{
	bool now = strikes();

	return cursor_end(cursor, now, real->cursor_next(cursor));
}

static enum outcome
fault_before(struct cursor *cursor, struct text key)
{
	bool now = strikes();

	return cursor_end(cursor, now, real->cursor_before(cursor, key));
}

void
faulty_begin(struct engine *engine)
{
	assert_null(real);
	real = engine->row;
	gated = *real;
	gated.get = fault_get;
	gated.put = fault_put;
	gated.remove = fault_remove;
	gated.cursor_open = fault_open;
	gated.cursor_seek = fault_seek;
	gated.cursor_next = fault_next;
	gated.cursor_before = fault_before;
	engine->row = &gated;
}

void
faulty_end(struct engine *engine)
{
	engine->row = real;
	real = NULL;
}

void
faulty_arm(enum fault wanted, size_t number)
{
	fault = wanted;
	left = number;
	met = false;
}

bool
faulty_disarm(void)
{
	left = 0;
	return met;
}
