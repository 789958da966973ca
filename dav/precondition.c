/*
 * The header fields that many methods share: Depth, Overwrite, Destination,
 * Prefer, and the conditions of a request.
 */
#include "dav/precondition.h"

#include "dav/method.h"
#include "server/http/uri.h"

enum outcome
request_if(struct exchange *exchange, struct if_header *ret_header)
{
	return if_parse(exchange->arena, exchange->conf,
	    header_join(exchange->arena, &exchange->request->headers, "If"),
	    ret_header);
}

/*
 * The validators of a file are known to those who may GET it: to others a
 * condition would be an oracle (rights.md 6).
 */
struct validator
place_validator(struct exchange *exchange, const struct place *place)
{
	struct validator validator = { .exists = place->node != NULL };
	const struct node *node = place->node;

	if (node == NULL || place->slash_on_file) {
		validator.exists = place->scope == SCOPE_ROOT;
		return validator;
	}
	if (node->kind == NODE_COLLECTION ||
	    rights_hold(&place->rights, ATOM(GET_ORIGINAL))) {
		validator.etag = node_etag(exchange->arena, node);
		validator.modified_ns = node->modified_ns;
	}
	return validator;
}

static enum outcome
http_condition_check(struct exchange *exchange, const struct place *place)
{
	struct validator validator = place_validator(exchange, place);
	bool safe = (exchange->method->flags & METHOD_SAFE) != 0;

	return conditional_check(exchange->request, safe, &validator);
}

enum outcome
condition_check(struct exchange *exchange, const struct place *place,
    const struct if_header *header)
{
	enum outcome outcome = http_condition_check(exchange, place);

	return outcome == OK ? if_judge(exchange, header, place) : outcome;
}

/*
 * An If that is false fails the request before the locks are asked (RFC 4918
 * 10.4.1): the client named a state that is not there.
 */

enum outcome
precondition_check(struct exchange *exchange, const struct place *place,
    unsigned reach)
{
	struct if_header header;
	enum outcome outcome = request_if(exchange, &header);

	if (outcome == OK)
		outcome = if_judge(exchange, &header, place);
	if (outcome == OK)
		outcome = lock_demand(exchange, &header, place, reach);
	return outcome == OK ? http_condition_check(exchange, place) : outcome;
}

/* Two fields of a kind are as malformed as a wrong one (V05). */
static enum outcome
header_single(const struct request *request, const char *name,
    struct text *ret_value)
{
	if (header_count(&request->headers, name) > 1)
		return BAD_INPUT;
	*ret_value = header_get(&request->headers, name);
	return OK;
}

enum outcome
depth_parse(const struct request *request, int absent, int *ret_depth)
{
	struct text value;
	enum outcome outcome = header_single(request, "Depth", &value);

	if (outcome != OK)
		return outcome;
	if (value.ptr == NULL)
		*ret_depth = absent;
	else if (text_equal(value, TEXT("0")))
		*ret_depth = 0;
	else if (text_equal(value, TEXT("1")))
		*ret_depth = 1;
	else if (text_equal_nocase(value, TEXT("infinity")))
		*ret_depth = DEPTH_INFINITY;
	else
		return BAD_INPUT;
	return OK;
}

enum outcome
overwrite_parse(const struct request *request, bool *ret_overwrite)
{
	struct text value;
	enum outcome outcome = header_single(request, "Overwrite", &value);

	if (outcome != OK)
		return outcome;
	if (value.ptr == NULL || text_equal_nocase(value, TEXT("T")))
		*ret_overwrite = true;
	else if (text_equal_nocase(value, TEXT("F")))
		*ret_overwrite = false;
	else
		return BAD_INPUT;
	return OK;
}

static enum outcome
destination_elsewhere(struct exchange *exchange)
{
	exchange->problem = (struct problem){
		.status = 502,
		.message = "The destination is not a place on this server.",
	};
	return UNSUPPORTED;
}

enum outcome
destination_resolve(struct exchange *exchange, struct place *ret_place)
{
	struct text value;
	struct path path;
	enum outcome outcome = header_single(exchange->request, "Destination",
	    &value);

	if (outcome != OK)
		return outcome;
	if (value.len == 0)
		return BAD_INPUT;
	outcome = uri_local_path(exchange->request, value, &path);
	if (outcome == UNSUPPORTED)
		return destination_elsewhere(exchange);
	if (outcome == TOO_LARGE)
		exchange->problem.status = 414; /* it is an address */
	if (outcome != OK)
		return outcome;
	if (path.count == 0 || !text_equal(path.key[0], TEXT("dav")))
		return destination_elsewhere(exchange);
	return place_resolve(exchange, &path, ret_place);
}

bool
prefers(const struct request *request, struct text preference)
{
	for (size_t i = 0; i < request->headers.count; i++) {
		const struct header_field *field = &request->headers.field[i];
		struct text rest = field->value;

		if (!text_equal_nocase(field->name, TEXT("Prefer")))
			continue;
		while (rest.ptr != NULL) {
			struct text item = text_split(&rest, ',');

			/* Parameters change nothing that we honour. */
			item = text_trim(text_split(&item, ';'));
			if (text_equal_nocase(item, preference))
				return true;
		}
	}
	return false;
}

bool
prefers_minimal(const struct request *request)
{
	return prefers(request, TEXT("return=minimal")) ||
	    prefers(request, TEXT("return-minimal")) ||
	    text_equal_nocase(header_get(&request->headers, "Brief"),
		TEXT("t"));
}
