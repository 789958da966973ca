#include "conf/conf.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "conf/directive.h"
#include "server/base/memory.h"
#include "server/base/text.h"

struct conf *
conf_defaults(void)
{
	struct conf *conf = memory_alloc(sizeof(*conf));

	atomic_init(&conf->users, 1);
	for (size_t i = 0; i < directive_count; i++)
		directive_set_initial(&directives[i], conf);
	return conf;
}

struct conf *
conf_ref(struct conf *conf)
{
	atomic_fetch_add_explicit(&conf->users, 1, memory_order_relaxed);
	return conf;
}

struct conf *
conf_unref(struct conf *conf)
{
	/* The last user must see what the others did before they let go. */
	if (conf == NULL ||
	    atomic_fetch_sub_explicit(&conf->users, 1, memory_order_acq_rel) !=
		1)
		return NULL;
	for (size_t i = 0; i < directive_count; i++)
		directive_release(&directives[i], conf);
	free((void *)(uintptr_t)conf->file);
	free(conf);
	return NULL;
}

/* No key holds a secret itself: those that need one name its file. */
void
conf_print(const struct conf *conf, struct buffer *out)
{
	const char *section = NULL;

	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];

		if (!text_equal(text_from(section), text_from(row->section))) {
			if (section != NULL)
				buffer_append(out, TEXT("}\n"));
			buffer_format(out, "\n%s {\n", row->section);
			section = row->section;
		}
		if (section != NULL)
			buffer_append_byte(out, '\t');
		directive_print(row, conf, out);
		buffer_append_byte(out, '\n');
	}
	if (section != NULL)
		buffer_append(out, TEXT("}\n"));
}
