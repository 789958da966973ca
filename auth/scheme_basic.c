#include "auth/scheme.h"
#include "server/base/encode.h"

/*
 * Basic (RFC 7617): base64 of user ":" password, in UTF-8. Windows may put
 * DOMAIN\ before the user (clients.md); no name of ours has a backslash.
 */
static enum outcome
parse_basic(struct arena *arena, struct text credentials,
    struct claim *ret_claim)
{
	struct text plain, user;
	size_t colon, backslash;

	if (!base64_decode(arena, credentials, &plain))
		return BAD_INPUT;
	colon = text_find(plain, ':');
	if (colon == plain.len)
		return BAD_INPUT;
	user = text_slice(plain, 0, colon);
	backslash = text_find(user, '\\');
	if (backslash < user.len)
		user = text_slice(user, backslash + 1, user.len);
	ret_claim->user = user;
	ret_claim->password.bytes = text_slice(plain, colon + 1, plain.len);
	return OK;
}

const struct scheme scheme_basic = {
	.name = { "Basic", 5 },
	.parse = parse_basic,
};
