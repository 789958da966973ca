#include "dav/principals.h"

#include "dav/properties.h"
#include "dav/xml.h"

bool
principal_path(const struct request *request)
{
	return request->path.count > 0 &&
	    text_equal(request->path.key[0], TEXT("principals"));
}

enum outcome
principal_respond(struct exchange *exchange, const struct property_query *query)
{
	const struct path *path = &exchange->request->path;
	struct rights rights = { .atoms = ATOM(STAT) };
	struct property_target target = { .exchange = exchange,
		.rights = &rights,
		.is_principal = true,
		.href = path_format(exchange->arena, path, true) };
	struct buffer out = { 0 };
	enum outcome outcome;

	if (path->count != 2 ||
	    !text_equal(path->key[1], exchange->principal.name))
		return NOT_FOUND;
	xml_multistatus_begin(&out);
	outcome = property_respond(&target, query, &out);
	xml_multistatus_end(&out);
	if (outcome != OK) {
		buffer_done(&out);
		return outcome;
	}
	return xml_respond(exchange, 207, &out);
}
