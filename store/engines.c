#include "store/engine.h"

/*
 * The table of engines. A new one is a file with a `const struct engine_row`
 * and a line here; the conformance suite then runs it too.
 */
extern const struct engine_row engine_lmdb;
extern const struct engine_row engine_memory;

const struct engine_row *const engine_rows[] = {
	&engine_lmdb,
	&engine_memory,
};

const size_t engine_row_count = sizeof(engine_rows) / sizeof(engine_rows[0]);

const struct engine_row *
engine_row_find(const char *name)
{
	for (size_t i = 0; i < engine_row_count; i++)
		if (text_equal(text_from(engine_rows[i]->name),
			text_from(name)))
			return engine_rows[i];
	return NULL;
}
