/*
 * What a row means: how its text becomes a value of its field and back. The
 * reader of files, the defaults and the printer all pass through here.
 */
#include "conf/directive.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "server/base/memory.h"

static const char size_units[] = "KMGT";

bool
size_parse(struct text text, uint64_t *ret_size)
{
	uint64_t size;
	size_t unit = 0;

	if (text.len > 0) {
		const char *found = memchr(size_units, text.ptr[text.len - 1],
		    sizeof(size_units) - 1);

		if (found != NULL)
			unit = (size_t)(found - size_units) + 1;
	}
	if (!text_parse_u64(text_slice(text, 0, text.len - (unit > 0)), 10,
		&size))
		return false;
	for (; unit > 0; unit--)
		if (__builtin_mul_overflow(size, 1024, &size))
			return false;
	*ret_size = size;
	return true;
}

void
size_format(struct buffer *out, uint64_t size)
{
	size_t unit = 0;

	while (unit < sizeof(size_units) - 1 && size > 0 && size % 1024 == 0) {
		size /= 1024;
		unit++;
	}
	buffer_append_u64(out, size);
	if (unit > 0)
		buffer_append_byte(out, size_units[unit - 1]);
}

const struct directive *
directive_find(const char *section, const char *name)
{
	for (size_t i = 0; i < directive_count; i++) {
		const struct directive *row = &directives[i];

		if (text_equal(text_from(row->section), text_from(section)) &&
		    text_equal(text_from(row->name), text_from(name)))
			return row;
	}
	return NULL;
}

static const char **
field_string(const struct directive *row, struct conf *conf)
{
	return (const char **)(void *)((char *)conf + row->offset);
}

static uint64_t *
field_number(const struct directive *row, struct conf *conf)
{
	return (uint64_t *)(void *)((char *)conf + row->offset);
}

static struct conf_list *
field_list(const struct directive *row, struct conf *conf)
{
	return (struct conf_list *)(void *)((char *)conf + row->offset);
}

/* The index of `value` in words, or the index of the NULL at their end. */
static size_t
word_index(const char *const *words, struct text value)
{
	size_t i = 0;

	while (words[i] != NULL && !text_equal(value, text_from(words[i])))
		i++;
	return i;
}

static bool
set_number(const struct directive *row, struct conf *conf, struct text value)
{
	uint64_t number;
	bool parsed = row->kind == DIRECTIVE_SIZE ?
	    size_parse(value, &number) :
	    text_parse_u64(value, 10, &number);

	if (!parsed || number < row->min || number > row->max)
		return false;
	*field_number(row, conf) = number;
	return true;
}

static bool
set_word(const struct directive *row, struct conf *conf, struct text value)
{
	size_t index = word_index(row->words, value);

	if (row->words[index] == NULL)
		return false;
	*field_number(row, conf) = index;
	return true;
}

static void
replace_string(const struct directive *row, struct conf *conf, char *string)
{
	const char **field = field_string(row, conf);

	free((void *)(uintptr_t)*field);
	*field = string;
}

static bool
set_text(const struct directive *row, struct conf *conf, struct text value)
{
	if (row->valid != NULL && !row->valid(value))
		return false;
	replace_string(row, conf, memory_string(value));
	return true;
}

static bool
path_is_word(const struct directive *row, struct text value)
{
	return row->words != NULL &&
	    row->words[word_index(row->words, value)] != NULL;
}

static bool
set_path(const struct directive *row, struct conf *conf, struct text value,
    const char *folder)
{
	struct buffer path = { .max = 0 };

	if (folder != NULL && value.len > 0 && value.ptr[0] != '/' &&
	    !path_is_word(row, value)) {
		buffer_append(&path, text_from(folder));
		if (!text_ends(buffer_text(&path), TEXT("/")))
			buffer_append_byte(&path, '/');
	}
	buffer_append(&path, value);
	replace_string(row, conf, memory_string(buffer_text(&path)));
	buffer_done(&path);
	return true;
}

static bool
add_item(const struct directive *row, struct conf *conf, struct text value)
{
	struct conf_list *list = field_list(row, conf);

	if (row->valid != NULL && !row->valid(value))
		return false;
	list->item = memory_resize(list->item,
	    (list->count + 1) * sizeof(*list->item));
	list->item[list->count++] = memory_string(value);
	return true;
}

bool
directive_set(const struct directive *row, struct conf *conf, struct text value,
    const char *folder)
{
	switch (row->kind) {
	case DIRECTIVE_SIZE:
	case DIRECTIVE_NUMBER:
		return set_number(row, conf, value);
	case DIRECTIVE_WORD:
		return set_word(row, conf, value);
	case DIRECTIVE_TEXT:
		return set_text(row, conf, value);
	case DIRECTIVE_PATH:
		return set_path(row, conf, value, folder);
	case DIRECTIVE_LIST:
		return add_item(row, conf, value);
	}
	return false;
}

void
directive_set_initial(const struct directive *row, struct conf *conf)
{
	struct text rest = text_from(row->initial);

	if (row->kind != DIRECTIVE_LIST) {
		/* A default that its own row refuses is a bug of the table. */
		if (!directive_set(row, conf, rest, NULL))
			abort();
		return;
	}
	while (rest.ptr != NULL) {
		struct text item = text_split(&rest, ' ');

		if (item.len > 0 && !directive_set(row, conf, item, NULL))
			abort();
	}
}

void
directive_release(const struct directive *row, struct conf *conf)
{
	struct conf_list *list;

	switch (row->kind) {
	case DIRECTIVE_SIZE:
	case DIRECTIVE_NUMBER:
	case DIRECTIVE_WORD:
		*field_number(row, conf) = 0;
		break;
	case DIRECTIVE_TEXT:
	case DIRECTIVE_PATH:
		replace_string(row, conf, NULL);
		break;
	case DIRECTIVE_LIST:
		list = field_list(row, conf);
		for (size_t i = 0; i < list->count; i++)
			free((void *)(uintptr_t)list->item[i]);
		free(list->item);
		*list = (struct conf_list){ .item = NULL };
		break;
	}
}

static void
words_list(const char *const *words, struct buffer *out)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			buffer_append(out,
			    words[i + 1] != NULL ? TEXT(", ") : TEXT(" or "));
		buffer_append(out, text_from(words[i]));
	}
}

void
directive_expected(const struct directive *row, struct buffer *out)
{
	switch (row->kind) {
	case DIRECTIVE_SIZE:
		buffer_append(out, TEXT("a size from "));
		size_format(out, row->min);
		buffer_append(out, TEXT(" to "));
		size_format(out, row->max);
		buffer_append(out, TEXT(" (K, M, G, T are powers of 1024)"));
		break;
	case DIRECTIVE_NUMBER:
		buffer_append(out, TEXT("a number from "));
		buffer_append_u64(out, row->min);
		buffer_append(out, TEXT(" to "));
		buffer_append_u64(out, row->max);
		break;
	case DIRECTIVE_WORD:
		words_list(row->words, out);
		break;
	case DIRECTIVE_TEXT:
	case DIRECTIVE_LIST:
		buffer_append(out,
		    text_from(row->form != NULL ? row->form : "text"));
		break;
	case DIRECTIVE_PATH:
		for (size_t i = 0; row->words != NULL && row->words[i] != NULL;
		    i++)
			buffer_format(out, i > 0 ? ", %s" : "%s",
			    row->words[i]);
		buffer_append(out,
		    row->words != NULL ? TEXT(" or a path") : TEXT("a path"));
		break;
	}
}

/* '$' begins the name of an environment variable inside quotes. */
static void
print_quoted(struct buffer *out, const char *string)
{
	buffer_append_byte(out, '"');
	for (; *string != '\0'; string++) {
		if (*string == '"' || *string == '\\' || *string == '$')
			buffer_append_byte(out, '\\');
		if (*string == '\n')
			buffer_append(out, TEXT("\\n"));
		else
			buffer_append_byte(out, *string);
	}
	buffer_append_byte(out, '"');
}

static void
print_list(struct buffer *out, const struct conf_list *list)
{
	buffer_append_byte(out, '{');
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buffer_append(out, TEXT(", "));
		print_quoted(out, list->item[i]);
	}
	buffer_append_byte(out, '}');
}

void
directive_print(const struct directive *row, const struct conf *conf,
    struct buffer *out)
{
	/* The accessors are shared with writers; nothing is written here. */
	struct conf *from = (struct conf *)(uintptr_t)conf;

	buffer_append(out, text_from(row->name));
	buffer_append(out, TEXT(" = "));
	switch (row->kind) {
	case DIRECTIVE_SIZE:
		buffer_append_byte(out, '"');
		size_format(out, *field_number(row, from));
		buffer_append_byte(out, '"');
		break;
	case DIRECTIVE_NUMBER:
		buffer_append_u64(out, *field_number(row, from));
		break;
	case DIRECTIVE_WORD:
		print_quoted(out, row->words[*field_number(row, from)]);
		break;
	case DIRECTIVE_TEXT:
	case DIRECTIVE_PATH:
		print_quoted(out, *field_string(row, from));
		break;
	case DIRECTIVE_LIST:
		print_list(out, field_list(row, from));
		break;
	}
}
