#include "server/base/outcome.h"

static const char *const names[] = {
	[OK] = "ok",
	[NOT_FOUND] = "not_found",
	[EXISTS] = "exists",
	[CONFLICT] = "conflict",
	[FORBIDDEN] = "forbidden",
	[UNAUTHENTICATED] = "unauthenticated",
	[LOCKED] = "locked",
	[PRECONDITION] = "precondition",
	[NOT_MODIFIED] = "not_modified",
	[TOO_LARGE] = "too_large",
	[NO_SPACE] = "no_space",
	[BUSY] = "busy",
	[PENDING] = "pending",
	[CANCELLED] = "cancelled",
	[BAD_INPUT] = "bad_input",
	[UNSUPPORTED] = "unsupported",
	[RANGE] = "range",
	[IO] = "io",
	[DAMAGED] = "damaged",
	[BUG] = "bug",
};

_Static_assert(sizeof(names) / sizeof(names[0]) == OUTCOME_COUNT,
    "every outcome has a name");

const char *
outcome_name(enum outcome outcome)
{
	if ((unsigned)outcome >= OUTCOME_COUNT)
		return "unknown";
	return names[outcome];
}
