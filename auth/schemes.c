#include "auth/scheme.h"

const struct scheme *const schemes[] = {
	&scheme_basic,
};

const size_t scheme_count = sizeof(schemes) / sizeof(schemes[0]);

enum outcome
authorization_parse(struct arena *arena, struct text value,
    struct claim *ret_claim)
{
	struct text rest = value;
	struct text name = text_split(&rest, ' ');

	for (size_t i = 0; i < scheme_count; i++) {
		if (text_equal_nocase(name, schemes[i]->name)) {
			return schemes[i]->parse(arena, text_trim(rest),
			    ret_claim);
		}
	}
	return UNSUPPORTED;
}
