/*
 * Lists of entity-tags. A strong match is a weak match; the tag itself matches
 * in front of any list and behind one that is well formed; what matches holds
 * the tag's bytes or is "*".
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/conditional.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct validator validator = { .exists = true,
	.etag = { "\"t\"", 3 } };
static const struct validator missing = { .exists = false };

static void
need(bool truth)
{
	if (!truth)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text list = { (const char *)data, size };
	bool strong = etag_list_matches(list, &validator, false);
	bool weak = etag_list_matches(list, &validator, true);
	char *longer = malloc(size + 4);

	need(longer != NULL);
	memcpy(longer, "\"t\",", 4);
	if (size > 0)
		memcpy(longer + 4, data, size);
	need(!strong || weak);
	need(!weak || text_equal(text_trim(list), TEXT("*")) ||
	    text_find_text(list, validator.etag) < list.len);
	need(!etag_list_matches(list, &missing, true));
	need(etag_list_matches((struct text){ longer, size + 4 }, &validator,
	    false));
	free(longer);
	return 0;
}
