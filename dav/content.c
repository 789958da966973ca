/*
 * A file as an answer. Its fields are the same on 200, 206, 304 and 416, and
 * keep a browser from running what users have stored (reliability.md 8): the
 * type is the server's, and what could run is an attachment in a sandbox.
 */
#include "dav/content.h"

#include <string.h>

#include "dav/precondition.h"
#include "dav/recall.h"
#include "server/base/clock.h"
#include "server/http/range.h"
#include "store/media.h"

static bool
name_byte_plain(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	    (byte >= 'a' && byte <= 'z') || byte == '.' || byte == '-' ||
	    byte == '_';
}

static char *
text_put(char *at, struct text text)
{
	memcpy(at, text.ptr, text.len);
	return at + text.len;
}

/* RFC 6266 4: an ASCII name for old clients, the true one beside it. */
static struct text
disposition_make(struct arena *arena, struct text name)
{
	static const char hex[] = "0123456789ABCDEF";
	const struct text begin = TEXT("attachment; filename=\"");
	const struct text middle = TEXT("\"; filename*=UTF-8''");
	char *first = ARENA_ARRAY(arena,
	    begin.len + middle.len + 4 * name.len + 1, char);
	char *at = text_put(first, begin);

	for (size_t i = 0; i < name.len; i++) {
		char byte = name.ptr[i];
		bool plain = byte >= ' ' && byte < 0x7f && byte != '"' &&
		    byte != '\\' && byte != '%';

		*at++ = plain ? byte : '_';
	}
	at = text_put(at, middle);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char byte = (unsigned char)name.ptr[i];

		if (name_byte_plain(name.ptr[i])) {
			*at++ = name.ptr[i];
			continue;
		}
		*at++ = '%';
		*at++ = hex[byte >> 4];
		*at++ = hex[byte & 15];
	}
	return (struct text){ first, (size_t)(at - first) };
}

/* A browser's own viewers for these do not work in a sandbox. */
static bool
media_is_plain(struct text media)
{
	return text_starts(media, TEXT("image/")) ||
	    text_starts(media, TEXT("audio/")) ||
	    text_starts(media, TEXT("video/")) ||
	    text_equal(media, TEXT("application/pdf"));
}

static void
content_fields(struct exchange *exchange, const struct node *node,
    const struct validator *validator)
{
	struct response *response = &exchange->request->response;
	bool active = media_is_active(node->media);
	char date[CLOCK_HTTP_SIZE];

	clock_format_http(node->modified_ns, date);
	response_header_kept(response, "ETag", validator->etag);
	response_header(response, "Last-Modified",
	    (struct text){ date, CLOCK_HTTP_SIZE - 1 });
	response_header_kept(response, "Cache-Control",
	    TEXT("private, no-cache"));
	response_header_kept(response, "X-Content-Type-Options",
	    TEXT("nosniff"));
	if (active || !media_is_plain(node_media_now(node)))
		response_header_kept(response, "Content-Security-Policy",
		    TEXT("sandbox; default-src 'none'"));
	/* What may yet turn out to be a document that runs is kept from it. */
	if (node->media.len > 0 && !active)
		return;
	response_header_kept(response, "Content-Disposition",
	    disposition_make(exchange->arena, node->name));
}

/* A refusal that a condition or a range made carries the file's fields. */
static void
content_refuse(struct exchange *exchange, const struct node *node,
    const struct validator *validator, enum outcome outcome)
{
	struct request *request = exchange->request;

	problem_respond(request, outcome, NULL);
	content_fields(exchange, node, validator);
	if (outcome == RANGE)
		response_header_format(&request->response, "Content-Range",
		    "bytes */%llu", (unsigned long long)node->size);
}

static enum outcome
file_respond(struct exchange *exchange, const struct node *node,
    const struct blob_record *record, const struct range_set *set)
{
	struct request *request = exchange->request;
	struct blob_file *file;
	struct body_hold *hold;
	enum outcome outcome;

	/* On the committer's thread no file may be touched: ask again. */
	if (exchange->txn->writable)
		return BUSY;
	outcome = blob_file_open(exchange->store, node->blob, node->size,
	    &file);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	outcome = blob_hold_new(exchange, file, record, set->count == 0, &hold);
	if (outcome != OK)
		return outcome;
	range_respond(request, set, file->fd, TEXT_NONE, node->size,
	    node_media_now(node));
	request->response.hold = hold;
	return OK;
}

/* `bytes` live as long as the exchange. */
static enum outcome
bytes_respond(struct exchange *exchange, const struct node *node,
    struct text bytes, const struct range_set *set)
{
	if (bytes.len != node->size)
		return DAMAGED;
	range_respond(exchange->request, set, -1, bytes, node->size,
	    node_media_now(node));
	return OK;
}

static enum outcome
engine_bytes(struct exchange *exchange, const struct node *node,
    const struct blob_record *record, struct text *ret_bytes)
{
	struct shelf *shelf = recall_shelf(exchange);
	struct text bytes;
	enum outcome outcome = blob_record_bytes(exchange->txn, node->blob,
	    record, &bytes);

	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (shelf != NULL)
		shelf_put(shelf, exchange->txn, node->blob, bytes);
	*ret_bytes = arena_copy(exchange->arena, bytes);
	return OK;
}

struct content_hold {
	struct body_hold hold; /* first */
	struct content *content;
};

static void
content_hold_close(struct body_hold *base)
{
	content_release(((struct content_hold *)base)->content);
}

/* What stays on the shelf until it is sent. NULL: it is not there. */
static struct content *
content_recall(struct exchange *exchange, const struct node *node)
{
	struct shelf *shelf = recall_shelf(exchange);
	struct content *content = shelf != NULL ?
	    shelf_take(shelf, exchange->txn, node->blob) :
	    NULL;
	struct content_hold *hold;

	if (content == NULL)
		return NULL;
	hold = ARENA_NEW(exchange->arena, struct content_hold);
	hold->hold.close = content_hold_close;
	hold->content = content;
	exchange->request->response.hold = &hold->hold;
	return content;
}

static enum outcome
blob_respond(struct exchange *exchange, const struct node *node,
    const struct range_set *set)
{
	struct blob_record record;
	struct content *content = content_recall(exchange, node);
	struct text bytes;
	enum outcome outcome;

	if (content != NULL)
		return bytes_respond(exchange, node, content_bytes(content),
		    set);
	outcome = blob_get(exchange->txn, node->blob, &record);
	if (outcome != OK)
		return outcome == NOT_FOUND ? DAMAGED : outcome;
	if (!record.in_engine)
		return file_respond(exchange, node, &record, set);
	outcome = engine_bytes(exchange, node, &record, &bytes);
	return outcome == OK ? bytes_respond(exchange, node, bytes, set) :
			       outcome;
}

static enum outcome
body_respond(struct exchange *exchange, const struct node *node,
    const struct validator *validator, const struct range_set *set)
{
	enum outcome outcome = node->blob != 0 ?
	    blob_respond(exchange, node, set) :
	    bytes_respond(exchange, node, TEXT_NONE, set);

	if (outcome == OK)
		content_fields(exchange, node, validator);
	return outcome;
}

enum outcome
content_respond(struct exchange *exchange, const struct place *place)
{
	struct validator validator = place_validator(exchange, place);
	const struct node *node = place->node;
	struct if_header header;
	struct range_set set = { 0 };
	enum outcome outcome = request_if(exchange, &header);

	if (outcome == OK)
		outcome = condition_check(exchange, place, &header);
	if (outcome == OK)
		outcome = range_parse(exchange->request, &validator, node->size,
		    &set);
	exchange->standing.node = node->id;
	exchange->standing.needed = ATOM(GET_ORIGINAL);
	if (outcome == OK)
		return body_respond(exchange, node, &validator, &set);
	if (outcome != NOT_MODIFIED && outcome != RANGE)
		return outcome;
	content_refuse(exchange, node, &validator, outcome);
	return OK;
}
