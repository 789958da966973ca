#include "dav/listing.h"

#include "dav/members.h"
#include "dav/precondition.h"
#include "server/base/encode.h"
#include "server/http/conditional.h"

static struct text
target_name(const struct property_target *target)
{
	if (target->node == NULL)
		return TEXT("/");
	if (!target->is_mount_root)
		return target->node->name;
	return target->cell->title.len > 0 ? target->cell->title :
					     target->cell->slug;
}

static enum outcome
listing_begin(struct member_stream *stream,
    const struct property_target *target, struct buffer *out)
{
	struct text name = target_name(target);

	buffer_append(out,
	    TEXT("<!DOCTYPE html>\n<html lang=\"en\"><head>"
		 "<meta charset=\"utf-8\"><title>"));
	xml_escape(out, name);
	buffer_append(out, TEXT("</title></head><body><h1>"));
	xml_escape(out, name);
	buffer_append(out, TEXT("</h1>\n<ul>\n"));
	if (stream->path.count > 1) {
		struct path parent = path_parent(&stream->path);

		buffer_append(out, TEXT("<li><a href=\""));
		xml_escape(out,
		    path_format(target->exchange->arena, &parent, true));
		buffer_append(out, TEXT("\">../</a></li>\n"));
	}
	return OK;
}

static enum outcome
listing_member(struct member_stream *stream,
    const struct property_target *target, struct buffer *out)
{
	(void)stream; /* nothing of the whole is needed */
	buffer_append(out, TEXT("<li><a href=\""));
	xml_escape(out, target->href);
	buffer_append(out, TEXT("\">"));
	xml_escape(out, target_name(target));
	if (target->node->kind == NODE_COLLECTION)
		buffer_append_byte(out, '/');
	buffer_append(out, TEXT("</a>"));
	if (target->node->kind == NODE_FILE &&
	    rights_hold(target->rights, ATOM(GET_ORIGINAL))) {
		buffer_append_byte(out, ' ');
		buffer_append_u64(out, target->node->size);
	}
	buffer_append(out, TEXT("</li>\n"));
	return OK;
}

static void
listing_end(struct member_stream *stream, struct buffer *out)
{
	(void)stream; /* it has no more to say */
	buffer_append(out, TEXT("</ul></body></html>\n"));
}

/*
 * A listing depends on rights too, so the entity-tag of the collection is no
 * validator for it: only "*" is judged.
 */
static enum outcome
listing_conditions(struct exchange *exchange, const struct place *place)
{
	struct validator validator = { .exists = true };
	struct if_header header;
	enum outcome outcome = request_if(exchange, &header);

	if (outcome == OK)
		outcome = conditional_check(exchange->request, true,
		    &validator);
	return outcome == OK ? if_judge(exchange, &header, place) : outcome;
}

enum outcome
listing_respond(struct exchange *exchange, const struct place *place)
{
	struct response *response = &exchange->request->response;
	struct member_stream *stream;
	enum outcome outcome = listing_conditions(exchange, place);

	if (outcome != OK)
		return outcome;
	stream = ARENA_NEW(exchange->arena, struct member_stream);
	stream->exchange = exchange;
	stream->begin = listing_begin;
	stream->member = listing_member;
	stream->end = listing_end;
	response->status = 200;
	response_header(response, "Content-Type",
	    TEXT("text/html; charset=utf-8"));
	response_header(response, "Cache-Control", TEXT("private, no-store"));
	response_header(response, "Content-Security-Policy",
	    TEXT("default-src 'none'"));
	response_header(response, "X-Content-Type-Options", TEXT("nosniff"));
	member_stream_respond(stream, place);
	return OK;
}
