/* The one list of methods. Allow, OPTIONS, 405 and metrics follow from it. */
#include "dav/methods.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

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

enum { ALLOW_MAX = 256 };

static pthread_once_t allow_once = PTHREAD_ONCE_INIT;
static char allow_bytes[ALLOW_MAX]; /* written once */
static size_t allow_len;

static void
allow_make(void)
{
	struct buffer out = { .max = ALLOW_MAX };

	for (size_t i = 0; i < method_count; i++) {
		if (i > 0)
			buffer_append(&out, TEXT(", "));
		buffer_append(&out, text_from(methods[i]->name));
	}
	assert(!out.overflow);
	memcpy(allow_bytes, out.ptr, out.len);
	allow_len = out.len;
	buffer_done(&out);
}

struct text
method_allow(void)
{
	(void)pthread_once(&allow_once, allow_make);
	return (struct text){ allow_bytes, allow_len };
}
