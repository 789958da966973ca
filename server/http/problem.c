/*
 * The one table from an outcome to a status, and the one writer of DAV:error.
 * Clients translate statuses into what a person sees (reliability of file
 * managers hangs on 403, 409, 423 and 507 being right), and sync clients show
 * the sentence, so both are chosen for them.
 */
#include "server/http/problem.h"

#include "server/base/encode.h"

enum { RETRY_SECONDS = 5, PROBLEM_MAX = 65536 };

static const unsigned statuses[] = {
	[OK] = 200,
	[NOT_FOUND] = 404,
	[EXISTS] = 405,
	[CONFLICT] = 409,
	[FORBIDDEN] = 403,
	[UNAUTHENTICATED] = 401,
	[LOCKED] = 423,
	[PRECONDITION] = 412,
	[NOT_MODIFIED] = 304,
	[TOO_LARGE] = 413,
	[NO_SPACE] = 507,
	[BUSY] = 503,
	[PENDING] = 500, /* never an answer */
	[CANCELLED] = 503,
	[BAD_INPUT] = 400,
	[UNSUPPORTED] = 501,
	[RANGE] = 416,
	[IO] = 500,
	[DAMAGED] = 500,
	[BUG] = 500,
};

_Static_assert(sizeof(statuses) / sizeof(statuses[0]) == OUTCOME_COUNT,
    "every outcome has a status");

static const struct {
	unsigned status;
	const char *message;
} messages[] = {
	{ 400, "The request is malformed." },
	{ 401, "Please sign in." },
	{ 403, "You may not do this here." },
	{ 404, "There is nothing at this address." },
	{ 405, "This cannot be done here." },
	{ 408, "The request took too long to arrive." },
	{ 409, "The folder for this does not exist, or it is in use." },
	{ 411, "The length of the content is missing." },
	{ 412, "The file was changed in the meantime." },
	{ 413, "This is too large." },
	{ 414, "The address is too long." },
	{ 415, "This type of content is not accepted here." },
	{ 416, "The file has no such part." },
	{ 417, "The expectation cannot be met." },
	{ 421, "This server does not answer to that name." },
	{ 423, "This is locked by somebody." },
	{ 424, "Another part of the request failed." },
	{ 429, "Too many attempts; please wait." },
	{ 431, "The header of the request is too large." },
	{ 501, "This is not offered." },
	{ 502, "The destination is on another server." },
	{ 503, "The server is busy; please try again." },
	{ 505, "This version of HTTP is not spoken here." },
	{ 507, "There is not enough space." },
};

unsigned
problem_status(enum outcome outcome, const struct problem *problem)
{
	if (problem != NULL && problem->status != 0)
		return problem->status;
	return (unsigned)outcome < OUTCOME_COUNT ? statuses[outcome] : 500;
}

static const char *
problem_message(unsigned status, const struct problem *problem)
{
	if (problem != NULL && problem->message != NULL)
		return problem->message;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].status == status)
			return messages[i].message;
	return "Something went wrong in the server.";
}

/* <d:NAME or <x:NAME xmlns:x="SPACE", without its end. */
static const char *
element_begin(struct buffer *out, const char *space, const char *name)
{
	bool dav = space == NULL || text_equal(text_from(space), TEXT("DAV:"));

	buffer_format(out, "<%s:%s", dav ? "d" : "x", name);
	if (!dav) {
		buffer_append(out, TEXT(" xmlns:x=\""));
		xml_escape(out, text_from(space));
		buffer_append_byte(out, '"');
	}
	return dav ? "d" : "x";
}

static void
href_write(struct buffer *out, struct text href)
{
	if (href.ptr == NULL)
		return;
	buffer_append(out, TEXT("<d:href>"));
	xml_escape(out, href);
	buffer_append(out, TEXT("</d:href>"));
}

/* RFC 3744 7.1.1: what is missing, and where. */
static void
privilege_write(struct buffer *out, const struct problem *problem)
{
	buffer_append(out, TEXT("<d:resource>"));
	href_write(out, problem->href);
	buffer_append(out, TEXT("<d:privilege>"));
	(void)element_begin(out, problem->privilege_space, problem->privilege);
	buffer_append(out, TEXT("/></d:privilege></d:resource>"));
}

static void
condition_write(struct buffer *out, const char *condition,
    const struct problem *problem)
{
	const char *space = problem != NULL ? problem->space : NULL;
	const char *prefix = element_begin(out, space, condition);

	if (problem == NULL ||
	    (problem->href.ptr == NULL && problem->privilege == NULL)) {
		buffer_append(out, TEXT("/>"));
		return;
	}
	buffer_append_byte(out, '>');
	if (problem->privilege != NULL)
		privilege_write(out, problem);
	else
		href_write(out, problem->href);
	buffer_format(out, "</%s:%s>", prefix, condition);
}

void
problem_write(struct buffer *out, enum outcome outcome,
    const struct problem *problem)
{
	unsigned status = problem_status(outcome, problem);
	const char *condition = problem != NULL ? problem->condition : NULL;

	/* RFC 4918 11.3: a 423 names the lock's root. */
	if (condition == NULL && status == 423)
		condition = "lock-token-submitted";
	buffer_append(out,
	    TEXT("<d:error xmlns:d=\"DAV:\" "
		 "xmlns:s=\"http://sabredav.org/ns\">"));
	if (condition != NULL)
		condition_write(out, condition, problem);
	buffer_append(out, TEXT("<s:message>"));
	xml_escape(out, text_from(problem_message(status, problem)));
	buffer_append(out, TEXT("</s:message></d:error>"));
}

/*
 * A 304 keeps its validators and caching fields (RFC 9110 15.4.5); what
 * describes content goes with the content.
 */
static void
not_modified_respond(struct response *response)
{
	struct response old = *response;

	response_reset(response);
	response->status = 304;
	for (size_t i = 0; i < old.field_count; i++)
		if (!text_starts_nocase(old.field[i].name, TEXT("Content-")))
			response->field[response->field_count++] = old.field[i];
}

static void
retry_respond(struct response *response, const struct problem *problem)
{
	unsigned seconds = problem != NULL ? problem->retry_seconds : 0;

	if (seconds == 0 && response->status == 503)
		seconds = RETRY_SECONDS;
	if (seconds > 0)
		response_header_format(response, "Retry-After", "%u", seconds);
}

void
problem_respond(struct request *request, enum outcome outcome,
    const struct problem *problem)
{
	struct response *response = &request->response;
	unsigned status = problem_status(outcome, problem);
	struct buffer out;
	struct problem filled = problem != NULL ?
	    *problem :
	    (struct problem){ .status = 0 };

	if (status == 304) {
		not_modified_respond(response);
		return;
	}
	if (status == 423 && filled.href.ptr == NULL)
		filled.href = request->raw_path;
	response_reset(response);
	response->status = status;
	retry_respond(response, problem);
	if (status == 416 && problem != NULL)
		response_header_format(response, "Content-Range",
		    "bytes */%llu", (unsigned long long)problem->size);
	buffer_init(&out, PROBLEM_MAX);
	buffer_append(&out,
	    TEXT("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"));
	problem_write(&out, outcome, &filled);
	response_bytes(response, "application/xml; charset=utf-8",
	    arena_copy(request->arena, buffer_text(&out)));
	buffer_done(&out);
}
