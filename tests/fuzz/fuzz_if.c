/*
 * The If header. What is accepted is whole: every list has conditions, all
 * texts lie inside the value, and written down again it reads the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dav/if_header.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static void
check_inside(struct text value, struct text part)
{
	need(part.len > 0);
	need(part.ptr >= value.ptr &&
	    part.ptr + part.len <= value.ptr + value.len);
}

static void
write_list(struct buffer *out, const struct if_list *list,
    struct text *resource)
{
	if (list->resource.ptr != NULL && list->resource.ptr != resource->ptr)
		buffer_format(out, "<%.*s>", TEXT_ARGS(list->resource));
	*resource = list->resource;
	buffer_append_byte(out, '(');
	for (size_t i = 0; i < list->count; i++) {
		const struct if_condition *c = &list->condition[i];

		buffer_format(out, "%s%s%.*s%s", c->negated ? "Not" : "",
		    c->is_etag ? "[" : "<", TEXT_ARGS(c->value),
		    c->is_etag ? "]" : ">");
	}
	buffer_append_byte(out, ')');
}

static void
check_same(const struct if_header *a, const struct if_header *b)
{
	need(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		need(a->list[i].count == b->list[i].count);
		need(text_equal(a->list[i].resource, b->list[i].resource));
		for (size_t j = 0; j < a->list[i].count; j++) {
			struct if_condition *c = &a->list[i].condition[j];
			struct if_condition *d = &b->list[i].condition[j];

			need(c->negated == d->negated);
			need(c->is_etag == d->is_etag);
			need(text_equal(c->value, d->value));
		}
	}
}

static void
check_header(struct arena *arena, const struct conf *conf, struct text value,
    const struct if_header *header)
{
	struct buffer out = { 0 };
	struct text resource = TEXT_NONE;
	struct if_header again;

	need(header->count > 0);
	for (size_t i = 0; i < header->count; i++) {
		const struct if_list *list = &header->list[i];

		need(list->count > 0);
		need((list->resource.ptr == NULL) ==
		    (header->list[0].resource.ptr == NULL));
		for (size_t j = 0; j < list->count; j++)
			check_inside(value, list->condition[j].value);
		write_list(&out, list, &resource);
	}
	need(if_parse(arena, conf, buffer_text(&out), &again) == OK);
	check_same(header, &again);
	buffer_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *conf;
	static const unsigned char token[16];
	struct arena *arena = arena_new();
	char *copy = malloc(size + 1);
	struct text value = { copy, size };
	struct if_header header;

	if (conf == NULL)
		conf = conf_defaults();
	need(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	if (if_parse(arena, conf, value, &header) == OK) {
		check_header(arena, conf, value, &header);
		(void)if_submits(&header, token);
	}
	arena_free(arena);
	free(copy);
	return 0;
}
