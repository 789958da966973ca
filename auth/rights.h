#pragma once

#include "auth/authorise.h"

/*
 * Arithmetic of rights, apart from the store. A narrowing rule counts for its
 * atom: a union loses it when one side holds the atom without it, a cut has it
 * when one side has it. `until_ns` is never later than the true end.
 */
struct rights
rights_union(const struct rights *a, const struct rights *b);

/* What a granter who holds `granter` can give of `given`. */
struct rights
rights_cut(const struct rights *given, const struct rights *granter);
