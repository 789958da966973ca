#include "server/http/header.h"

#include <string.h>

size_t
header_search(const struct header_list *list, struct text name,
    struct text *ret_value)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct header_field *field = &list->field[i];

		if (field->name.len != name.len ||
		    !text_equal_nocase(field->name, name))
			continue;
		if (count++ == 0)
			*ret_value = field->value;
	}
	return count;
}

/* Bytes of all values of a name with ", " between them. */
static size_t
join_length(const struct header_list *list, struct text wanted)
{
	size_t len = 0;

	for (size_t i = 0; i < list->count; i++)
		if (text_equal_nocase(list->field[i].name, wanted))
			len += list->field[i].value.len + 2;
	return len;
}

struct text
header_join(struct arena *arena, const struct header_list *list,
    const char *name)
{
	struct text wanted = text_from(name);
	struct text only = TEXT_NONE;
	char *joined;
	size_t at = 0;

	if (header_find(list, wanted, &only) < 2)
		return only;
	joined = ARENA_ARRAY(arena, join_length(list, wanted), char);
	for (size_t i = 0; i < list->count; i++) {
		struct text value = list->field[i].value;

		if (!text_equal_nocase(list->field[i].name, wanted))
			continue;
		if (at > 0) {
			joined[at++] = ',';
			joined[at++] = ' ';
		}
		if (value.len > 0)
			memcpy(joined + at, value.ptr, value.len);
		at += value.len;
	}
	return (struct text){ joined, at };
}

bool
header_has_token(struct text value, struct text token)
{
	while (value.ptr != NULL)
		if (text_equal_nocase(text_trim(text_split(&value, ',')),
			token))
			return true;
	return false;
}
