/*
 * Names that are made through WebDAV must be usable by every client, whatever
 * system it runs on: what Windows cannot store is refused when it is made, and
 * not found out when it is read. What is there already (an import) is served
 * under any name.
 */
#include "dav/exchange.h"

static const struct problem name_refused = {
	.status = 403,
	.space = "urn:celldav:",
	.condition = "name-not-allowed",
	.message =
	    "This name cannot be used here. Names hold none of "
	    "\\ : * ? \" < > |, do not end in a dot or a space, and are not "
	    "names of devices (CON, NUL, COM1 ...).",
};

/* [MS-DOS] devices, with any extension. */
static bool
name_is_device(struct text name)
{
	static const char *const devices[] = { "CON", "PRN", "AUX", "NUL" };
	struct text stem = text_slice(name, 0, text_find(name, '.'));

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (text_equal_nocase(stem, text_from(devices[i])))
			return true;
	return stem.len == 4 && stem.ptr[3] >= '1' && stem.ptr[3] <= '9' &&
	    (text_starts_nocase(stem, TEXT("COM")) ||
		text_starts_nocase(stem, TEXT("LPT")));
}

static bool
name_is_portable(struct text name)
{
	const struct text refused = TEXT("\\:*?\"<>|");
	char last;

	if (name.len == 0)
		return true;
	last = name.ptr[name.len - 1];
	if (last == '.' || last == ' ')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (text_find(refused, name.ptr[i]) < refused.len)
			return false;
	return !name_is_device(name);
}

enum outcome
place_name_check(struct exchange *exchange, const struct place *place)
{
	if (!place->hidden && name_is_portable(place->name))
		return OK;
	exchange->problem = name_refused;
	return FORBIDDEN;
}
