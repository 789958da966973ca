/*
 * The same for everybody and for every path, with or without a login, so that
 * clients find out what this is before they ask who they are, and nobody finds
 * out anything else (rights.md 5, clients.md 1.9).
 */
#include "dav/methods.h"

static enum outcome
options_run(struct exchange *exchange)
{
	struct response *response = &exchange->request->response;

	response->status = 200;
	response_header_kept(response, "DAV", TEXT("1, 2, 3, extended-mkcol"));
	response_header_kept(response, "MS-Author-Via", TEXT("DAV"));
	response_header_kept(response, "Allow", method_allow());
	return OK;
}

const struct method method_options = {
	.name = "OPTIONS",
	.body = METHOD_BODY_NONE,
	.lane = LANE_INLINE,
	.flags = METHOD_SAFE | METHOD_ANONYMOUS,
	.run = options_run,
};
