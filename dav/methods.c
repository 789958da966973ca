/* The one list of methods. Allow, OPTIONS, 405 and metrics follow from it. */
#include "dav/methods.h"

#include "server/base/buffer.h"

const struct method *const methods[] = {
	&method_options,
	&method_get,
	&method_head,
	&method_put,
	&method_delete,
	&method_mkcol,
	&method_copy,
	&method_move,
	&method_propfind,
	&method_proppatch,
	&method_lock,
	&method_unlock,
	&method_report,
};

const size_t method_count = sizeof(methods) / sizeof(methods[0]);

const struct method *
method_find(struct text name)
{
	for (size_t i = 0; i < method_count; i++)
		if (text_equal(name, text_from(methods[i]->name)))
			return methods[i];
	return NULL;
}

struct text
method_allow(struct arena *arena)
{
	struct buffer out = { 0 };
	struct text allow;

	for (size_t i = 0; i < method_count; i++) {
		if (i > 0)
			buffer_append(&out, TEXT(", "));
		buffer_append(&out, text_from(methods[i]->name));
	}
	allow = arena_copy(arena, buffer_text(&out));
	buffer_done(&out);
	return allow;
}
