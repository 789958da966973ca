#include "store/maintain_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/memory.h"

/* A name may hold anything: what would forge a line becomes a mark. */
static void
make_printable(char *line)
{
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

void
maintain_finding(struct maintain *maintain, const char *format, ...)
{
	char line[1024];
	va_list args;

	maintain->findings++;
	if (maintain->finding == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	make_printable(line);
	maintain->finding(maintain->context, line);
}

void
maintain_progress(struct maintain *maintain, uint64_t done, uint64_t all)
{
	if (maintain->progress != NULL)
		maintain->progress(maintain->context, done, all);
}

void
maintain_count(struct maintain *maintain, const char *name, uint64_t value)
{
	uint64_t shown = value > INT64_MAX ? INT64_MAX : value;

	if (maintain->report == NULL)
		return;
	/* It fails only for want of memory, and the number is for people. */
	(void)json_object_set_new(maintain->report, name,
	    json_integer((json_int_t)shown));
}

void
id_list_add(struct id_list *list, uint64_t id)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 1024 : list->room * 2;
		list->id = memory_resize(list->id,
		    list->room * sizeof(*list->id));
	}
	list->id[list->count++] = id;
}

static int
compare_ids(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

void
id_list_sort(struct id_list *list)
{
	if (list->count > 1)
		qsort(list->id, list->count, sizeof(*list->id), compare_ids);
}

bool
id_list_has(const struct id_list *list, uint64_t id)
{
	return list->count > 0 &&
	    bsearch(&id, list->id, list->count, sizeof(*list->id),
		compare_ids) != NULL;
}

void
id_list_done(struct id_list *list)
{
	free(list->id);
	*list = (struct id_list){ 0 };
}
