/* What clients are told when something goes wrong, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/problem.h"
#include "tests/unit/http_request.h"

#define BEGIN \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" \
	"<d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">"

static void
statuses_follow_outcomes(void **state)
{
	static const struct {
		enum outcome outcome;
		unsigned status;
	} rows[] = {
		{ NOT_FOUND, 404 },
		{ CONFLICT, 409 },
		{ FORBIDDEN, 403 },
		{ UNAUTHENTICATED, 401 },
		{ LOCKED, 423 },
		{ PRECONDITION, 412 },
		{ NOT_MODIFIED, 304 },
		{ TOO_LARGE, 413 },
		{ NO_SPACE, 507 },
		{ BUSY, 503 },
		{ BAD_INPUT, 400 },
		{ RANGE, 416 },
		{ IO, 500 },
		{ DAMAGED, 500 },
		{ BUG, 500 },
	};
	struct problem problem = { .status = 409 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(problem_status(rows[i].outcome, NULL),
		    rows[i].status);
	assert_int_equal(problem_status(FORBIDDEN, &problem), 409);
}

static void
body_judge(enum outcome outcome, const struct problem *problem,
    const char *wanted)
{
	struct request *request = request_make("GET", "");
	char *all;

	problem_respond(request, outcome, problem);
	assert_int_equal(request->response.status,
	    problem_status(outcome, problem));
	assert_string_equal(response_field(&request->response, "Content-Type"),
	    "application/xml; charset=utf-8");
	all = response_text(&request->response);
	assert_string_equal(all, wanted);
	assert_int_equal(request->response.length, strlen(wanted));
	free(all);
	request_drop(request);
}

static void
bodies_are_exact(void **state)
{
	struct problem finite = { .condition = "propfind-finite-depth",
		.message = "Not <all> & everything." };
	struct problem locked = { .href = TEXT("/dav/a&b") };
	struct problem need = { .condition = "need-privileges",
		.href = TEXT("/dav/a/"),
		.privilege = "write-content" };
	struct problem foreign = { .space = "urn:celldav",
		.condition = "download-limit" };
	struct problem link = { .condition = "need-privileges",
		.privilege_space = "urn:celldav",
		.privilege = "print" };

	(void)state;
	body_judge(NOT_FOUND, NULL,
	    BEGIN "<s:message>There is nothing at "
		  "this address.</s:message></d:error>");
	body_judge(FORBIDDEN, &finite,
	    BEGIN "<d:propfind-finite-depth/>"
		  "<s:message>Not &lt;all&gt; &amp; everything.</s:message>"
		  "</d:error>");
	body_judge(LOCKED, &locked,
	    BEGIN
	    "<d:lock-token-submitted><d:href>"
	    "/dav/a&amp;b</d:href></d:lock-token-submitted>"
	    "<s:message>This is locked by somebody.</s:message></d:error>");
	body_judge(LOCKED, NULL,
	    BEGIN
	    "<d:lock-token-submitted><d:href>/a"
	    "</d:href></d:lock-token-submitted>"
	    "<s:message>This is locked by somebody.</s:message></d:error>");
	body_judge(FORBIDDEN, &need,
	    BEGIN "<d:need-privileges><d:resource>"
		  "<d:href>/dav/a/</d:href><d:privilege><d:write-content/>"
		  "</d:privilege></d:resource></d:need-privileges>"
		  "<s:message>You may not do this here.</s:message></d:error>");
	body_judge(FORBIDDEN, &foreign,
	    BEGIN "<x:download-limit xmlns:x=\"urn:celldav\"/>"
		  "<s:message>You may not do this here.</s:message></d:error>");
	body_judge(FORBIDDEN, &link,
	    BEGIN
	    "<d:need-privileges><d:resource>"
	    "<d:privilege><x:print xmlns:x=\"urn:celldav\"/></d:privilege>"
	    "</d:resource></d:need-privileges>"
	    "<s:message>You may not do this here.</s:message></d:error>");
}

static void
fields_that_belong(void **state)
{
	struct problem later = { .status = 429, .retry_seconds = 30 };
	struct problem range = { .size = 12 };
	struct request *request = request_make("GET", "");
	struct response *response = &request->response;

	(void)state;
	problem_respond(request, BUSY, NULL);
	assert_string_equal(response_field(response, "Retry-After"), "5");
	problem_respond(request, FORBIDDEN, &later);
	assert_int_equal(response->status, 429);
	assert_string_equal(response_field(response, "Retry-After"), "30");
	problem_respond(request, RANGE, &range);
	assert_string_equal(response_field(response, "Content-Range"),
	    "bytes */12");
	/* 304 keeps what describes the resource, not the content. */
	response_reset(response);
	response_header(response, "ETag", TEXT("\"t\""));
	response_bytes(response, "text/plain", TEXT("x"));
	problem_respond(request, NOT_MODIFIED, NULL);
	assert_int_equal(response->status, 304);
	assert_string_equal(response_field(response, "ETag"), "\"t\"");
	assert_null(response_field(response, "Content-Type"));
	assert_int_equal(response->piece_count, 0);
	assert_int_equal(response->kind, BODY_NONE);
	request_drop(request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_follow_outcomes),
		cmocka_unit_test(bodies_are_exact),
		cmocka_unit_test(fields_that_belong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
