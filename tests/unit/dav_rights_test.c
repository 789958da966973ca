/* What a method tells and does when a right is missing (rights.md 5, 6). */
#include "tests/unit/dav_world.h"

#include <stdio.h>

#include "server/base/clock.h"

#define LOCKINFO \
	"<d:lockinfo xmlns:d='DAV:'><d:lockscope><d:exclusive/>" \
	"</d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>"
#define PATCH \
	"<d:propertyupdate xmlns:d='DAV:'><d:set><d:prop>" \
	"<x:a xmlns:x='urn:x'>1</x:a></d:prop></d:set></d:propertyupdate>"

static struct reply
ask_as(struct world *world, const char *user, const char *method,
    const char *target, const char *headers, const char *body)
{
	struct ask ask = { user, method, target, headers, body };

	return dav_ask(world, &ask);
}

static unsigned
status_as(struct world *world, const char *user, const char *method,
    const char *target, const char *headers, const char *body)
{
	return ask_as(world, user, method, target, headers, body).status;
}

/* dir/{open,secret}, sub/hidden/deep.txt; bob may not see dir/sub. */
static void
furnish(struct world *world)
{
	static const char *const folders[] = { "/dav/docs/dir/sub",
		"/dav/docs/dir/sub/deep", "/dav/docs/other" };
	static const char *const files[] = { "/dav/docs/dir/open",
		"/dav/docs/dir/sub/secret", "/dav/docs/dir/sub/deep/er" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(status_as(world, "alice", "MKCOL", folders[i],
				     NULL, NULL),
		    201);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(status_as(world, "alice", "PUT", files[i],
				     NULL, "canary"),
		    201);
}

struct probe {
	const char *method, *headers, *body;
};

static const struct probe probes[] = {
	{ "GET", NULL, NULL },
	{ "HEAD", NULL, NULL },
	{ "GET", "If-None-Match: *\n", NULL },
	{ "GET", "Range: bytes=0-0\n", NULL },
	{ "PROPFIND", "Depth: 0\n", NULL },
	{ "PROPFIND", "Depth: 1\n", NULL },
	{ "PROPFIND", NULL, NULL },
	{ "PROPPATCH", NULL, PATCH },
	{ "DELETE", NULL, NULL },
	{ "DELETE", "If-Match: *\n", NULL },
	{ "COPY", "Destination: /dav/docs/other/c\n", NULL },
	{ "MOVE", "Destination: /dav/docs/other/m\n", NULL },
	{ "UNLOCK", "Lock-Token: <urn:x>\n", NULL },
	{ "REPORT", "Depth: 0\n",
	    "<d:sync-collection xmlns:d='DAV:'>"
	    "<d:sync-token/><d:sync-level>1</d:sync-level><d:prop/>"
	    "</d:sync-collection>" },
};

static void
assert_same(const struct reply *a, const struct reply *b)
{
	assert_int_equal(a->status, b->status);
	assert_true(text_equal(a->body, b->body));
	assert_int_equal(a->response.field_count, b->response.field_count);
	for (size_t i = 0; i < a->response.field_count; i++) {
		assert_true(text_equal(a->response.field[i].name,
		    b->response.field[i].name));
		assert_true(text_equal(a->response.field[i].value,
		    b->response.field[i].value));
	}
}

static void
assert_alike(struct world *world, const char *user, const char *hidden,
    const char *unmapped)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		const struct probe *probe = &probes[i];
		struct reply a = ask_as(world, user, probe->method, hidden,
		    probe->headers, probe->body);
		struct reply b = ask_as(world, user, probe->method, unmapped,
		    probe->headers, probe->body);

		assert_int_equal(a.status, 404);
		assert_same(&a, &b);
	}
}

/* T3: what may not be seen is what is not there, byte by byte. */
static void
test_hidden_is_unmapped(void **state)
{
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/", "bob", "contributor");
	dav_grant(world, "/dir/sub", "bob", "no-access");
	assert_alike(world, "bob", "/dav/docs/dir/sub", "/dav/docs/dir/xyz");
	assert_alike(world, "bob", "/dav/docs/dir/sub/secret",
	    "/dav/docs/dir/xyz/secret");
	assert_alike(world, "bob", "/dav/docs/dir/sub/none",
	    "/dav/docs/dir/xyz/none");
	/* Something would be made below it: its parent is missing. */
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/dir/sub/n",
			     NULL, "x"),
	    409);
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/dir/xyz/n",
			     NULL, "x"),
	    409);
	assert_int_equal(status_as(world, "bob", "MKCOL", "/dav/docs/dir/sub/n",
			     NULL, NULL),
	    409);
}

/* In its place: the answer of a name that the policy forbids. */
static void
test_hidden_name(void **state)
{
	static const struct probe makers[] = {
		{ "PUT", NULL, "x" },
		{ "MKCOL", NULL, NULL },
		{ "LOCK", NULL, LOCKINFO },
		{ "PUT", "If-None-Match: *\n", "x" },
	};
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/", "bob", "contributor");
	dav_grant(world, "/dir/sub", "bob", "no-access");
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct reply a = ask_as(world, "bob", makers[i].method,
		    "/dav/docs/dir/sub", makers[i].headers, makers[i].body);
		struct reply b = ask_as(world, "bob", makers[i].method,
		    "/dav/docs/dir/NUL", makers[i].headers, makers[i].body);

		assert_int_equal(a.status, 403);
		assert_true(reply_has(&a, "name-not-allowed"));
		assert_same(&a, &b);
	}
	assert_int_equal(status_as(world, "bob", "COPY", "/dav/docs/dir/open",
			     "Destination: /dav/docs/dir/sub\nOverwrite: F\n",
			     NULL),
	    403);
	assert_int_equal(status_as(world, "bob", "MOVE", "/dav/docs/dir/open",
			     "Destination: /dav/docs/dir/sub\n", NULL),
	    403);
	assert_int_equal(status_as(world, "alice", "GET",
			     "/dav/docs/dir/sub/secret", NULL, NULL),
	    200);
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/dir/open",
			     NULL, NULL),
	    200);
}

/* A cell that is not the principal's own is a cell that is not there. */
static void
test_hidden_cell(void **state)
{
	struct world *world = *state;

	furnish(world);
	assert_alike(world, "bob", "/dav/docs/", "/dav/nothing/");
	assert_alike(world, "bob", "/dav/docs/dir/open",
	    "/dav/nothing/dir/open");
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/x", NULL,
			     "x"),
	    404);
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/nothing/x", NULL,
			     "x"),
	    404);
}

/* A visible refusal names the privilege and changes nothing. */
static void
test_visible_refusal(void **state)
{
	static const struct {
		struct probe probe;
		const char *target, *privilege;
	} cases[] = {
		{ { "PUT", NULL, "x" }, "/dav/docs/dir/open", "write-content" },
		{ { "PUT", NULL, "x" }, "/dav/docs/dir/new", "bind" },
		{ { "MKCOL", NULL, NULL }, "/dav/docs/dir/new", "bind" },
		{ { "DELETE", NULL, NULL }, "/dav/docs/dir/open", "unbind" },
		{ { "DELETE", NULL, NULL }, "/dav/docs/dir", "unbind" },
		{ { "PROPPATCH", NULL, PATCH }, "/dav/docs/dir/open",
		    "write-properties" },
		{ { "LOCK", NULL, LOCKINFO }, "/dav/docs/dir/open",
		    "write-content" },
		{ { "LOCK", NULL, LOCKINFO }, "/dav/docs/dir/new", "bind" },
		{ { "MOVE", "Destination: /dav/docs/dir/b\n", NULL },
		    "/dav/docs/dir/open", "unbind" },
		{ { "COPY", "Destination: /dav/docs/dir/b\n", NULL },
		    "/dav/docs/dir/open", "bind" },
	};
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/", "bob", "download-original");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply reply = ask_as(world, "bob", cases[i].probe.method,
		    cases[i].target, cases[i].probe.headers,
		    cases[i].probe.body);

		assert_int_equal(reply.status, 403);
		assert_true(reply_has(&reply, "need-privileges"));
		assert_true(reply_has(&reply, cases[i].privilege));
	}
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/dir/new",
			     NULL, NULL),
	    404);
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/dir/b",
			     NULL, NULL),
	    404);
	assert_int_equal(status_as(world, "bob", "GET", "/dav/docs/dir/open",
			     NULL, NULL),
	    200);
}

/* T4: no 304, 412 or 416 without the right to read. */
static void
test_no_oracle(void **state)
{
	static const char *const headers[] = { "If-None-Match: *\n",
		"If-Match: \"x\"\n", "Range: bytes=99-\n",
		"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\n" };
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/", "bob", "view");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct reply reply = ask_as(world, "bob", "GET",
		    "/dav/docs/dir/open", headers[i], NULL);

		assert_int_equal(reply.status, 403);
		assert_int_equal(reply_field(&reply, "ETag").len, 0);
		assert_false(reply_has(&reply, "canary"));
	}
}

/* A collection goes as a whole or not at all. */
static void
test_delete_all_or_nothing(void **state)
{
	struct world *world = *state;
	struct reply reply;

	furnish(world);
	dav_grant(world, "/", "bob", "contributor");
	dav_grant(world, "/dir/sub", "bob", "no-access");
	reply = ask_as(world, "bob", "DELETE", "/dav/docs/dir", NULL, NULL);
	assert_int_equal(reply.status, 403);
	assert_true(reply_has(&reply, "<d:href>/dav/docs/dir/</d:href>"));
	assert_false(reply_has(&reply, "sub"));
	assert_int_equal(status_as(world, "bob", "MOVE", "/dav/docs/dir",
			     "Destination: /dav/docs/x\n", NULL),
	    403);
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/dir/open",
			     NULL, NULL),
	    200);
	assert_int_equal(status_as(world, "bob", "DELETE", "/dav/docs/dir/open",
			     NULL, NULL),
	    204);
}

/* COPY leaves out what is hidden, without a word. */
static void
test_copy_filters(void **state)
{
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/", "bob", "contributor");
	dav_grant(world, "/dir/sub", "bob", "no-access");
	assert_int_equal(status_as(world, "bob", "COPY", "/dav/docs/dir",
			     "Destination: /dav/docs/c1\n", NULL),
	    201);
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/c1/open",
			     NULL, NULL),
	    200);
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/c1/sub",
			     NULL, NULL),
	    404);
	assert_int_equal(status_as(world, "bob", "GET", "/dav/docs/c1/open",
			     NULL, NULL),
	    200);
}

/* The way round a view-only grant: no byte leaves by COPY or MOVE (T5). */
static void
test_no_way_round(void **state)
{
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/", "bob", "view");
	assert_int_equal(status_as(world, "bob", "COPY", "/dav/docs/dir/open",
			     "Destination: /dav/my-files/a\n", NULL),
	    403);
	dav_grant(world, "/", "bob", "atoms:stat,list,view,move,rename,delete");
	dav_grant(world, "/other", "bob", "contributor");
	assert_int_equal(status_as(world, "bob", "MOVE", "/dav/docs/dir/open",
			     "Destination: /dav/docs/other/a\n", NULL),
	    403);
	assert_int_equal(status_as(world, "bob", "MOVE", "/dav/docs/dir/open",
			     "Destination: /dav/my-files/a\n", NULL),
	    403);
	assert_int_equal(status_as(world, "bob", "GET", "/dav/docs/other/a",
			     NULL, NULL),
	    404);
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/dir/open",
			     NULL, NULL),
	    200);
}

/* A deeper grant works by its own URL only. */
static void
test_deeper_grant(void **state)
{
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/dir/sub", "bob", "download-original");
	assert_int_equal(status_as(world, "bob", "GET",
			     "/dav/docs/dir/sub/secret", NULL, NULL),
	    200);
	assert_int_equal(status_as(world, "bob", "GET", "/dav/docs/dir/", NULL,
			     NULL),
	    404);
	assert_int_equal(status_as(world, "bob", "GET", "/dav/docs/", NULL,
			     NULL),
	    404);
	assert_int_equal(status_as(world, "bob", "GET",
			     "/dav/docs/dir/sub/none", NULL, NULL),
	    404);
}

/* Who may only put in can put in, and nothing else. */
static void
test_upload_only(void **state)
{
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/other", "bob", "upload-only");
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/other/u",
			     NULL, "x"),
	    201);
	assert_int_equal(status_as(world, "bob", "GET", "/dav/docs/other/u",
			     NULL, NULL),
	    404);
	assert_int_equal(status_as(world, "bob", "GET", "/dav/docs/other/",
			     NULL, NULL),
	    404);
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/other/u",
			     NULL, "y"),
	    403);
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/dir/u", NULL,
			     "y"),
	    404);
	assert_int_equal(status_as(world, "alice", "GET", "/dav/docs/other/u",
			     NULL, NULL),
	    200);
}

/* portal: what the owner shared keeps its name and place (T7). */
static void
test_portal(void **state)
{
	struct world *world = *state;

	furnish(world);
	dav_grant(world, "/", "bob", "portal");
	assert_int_equal(status_as(world, "bob", "MOVE", "/dav/docs/dir/open",
			     "Destination: /dav/docs/dir/renamed\n", NULL),
	    403);
	assert_int_equal(status_as(world, "bob", "DELETE", "/dav/docs/dir/open",
			     NULL, NULL),
	    403);
	assert_int_equal(status_as(world, "bob", "PUT",
			     "/dav/docs/dir/open.tmp", NULL, "new"),
	    201);
	assert_int_equal(status_as(world, "bob", "MOVE",
			     "/dav/docs/dir/open.tmp",
			     "Destination: /dav/docs/dir/open\n", NULL),
	    204);
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/dir/~$x",
			     NULL, "t"),
	    201);
	assert_int_equal(status_as(world, "bob", "DELETE", "/dav/docs/dir/~$x",
			     NULL, NULL),
	    204);
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/dir/mine",
			     NULL, "t"),
	    201);
	assert_int_equal(status_as(world, "bob", "DELETE", "/dav/docs/dir/mine",
			     NULL, NULL),
	    403);
	assert_int_equal(status_as(world, "bob", "MOVE", "/dav/docs/dir/mine",
			     "Destination: /dav/docs/dir/mine2\n", NULL),
	    201);
}

/* A save by way of a rename, where the document keeps its name (T7, T8). */
static void
test_portal_save(void **state)
{
	struct world *world = *state;
	struct reply reply;

	furnish(world);
	dav_grant(world, "/", "bob", "portal");
	assert_int_equal(status_as(world, "bob", "MOVE", "/dav/docs/dir/open",
			     "Destination: /dav/docs/dir/open~\n", NULL),
	    201);
	assert_int_equal(status_as(world, "bob", "PUT", "/dav/docs/dir/open",
			     NULL, "new"),
	    204);
	reply = ask_as(world, "bob", "GET", "/dav/docs/dir/open~", NULL, NULL);
	assert_true(text_equal(reply.body, TEXT("canary")));
	assert_int_equal(status_as(world, "bob", "DELETE",
			     "/dav/docs/dir/open~", NULL, NULL),
	    204);
	reply = ask_as(world, "alice", "GET", "/dav/docs/dir/open", NULL, NULL);
	assert_true(text_equal(reply.body, TEXT("new")));
}

static void
test_listing(void **state)
{
	struct world *world = *state;
	struct reply reply;

	furnish(world);
	dav_grant(world, "/", "bob", "contributor");
	dav_grant(world, "/dir/sub", "bob", "no-access");
	reply = ask_as(world, "bob", "GET", "/dav/docs/dir", NULL, NULL);
	assert_int_equal(reply.status, 200);
	assert_true(reply_has(&reply, "/dav/docs/dir/open"));
	assert_false(reply_has(&reply, "sub"));
	reply = ask_as(world, "alice", "GET", "/dav/docs/dir/", NULL, NULL);
	assert_true(reply_has(&reply, "/dav/docs/dir/sub/"));
	reply = ask_as(world, "bob", "GET", "/dav/", NULL, NULL);
	assert_true(reply_has(&reply, "/dav/docs/"));
	assert_true(reply_has(&reply, "/dav/my-files/"));
}

/* More members than one block holds: each once, in one answer. */
static void
test_long_listing(void **state)
{
	struct world *world = *state;
	struct reply reply;
	struct text rest;
	size_t items = 0;
	char target[64];

	for (unsigned i = 0; i < 1500; i++) {
		snprintf(target, sizeof(target), "/dav/docs/dir/file-%04u", i);
		assert_int_equal(status_as(world, "alice", "PUT", target, NULL,
				     "x"),
		    201);
	}
	reply = ask_as(world, "alice", "GET", "/dav/docs/dir/", NULL, NULL);
	for (rest = reply.body; rest.len > 0; items++) {
		size_t at = text_find_text(rest, TEXT("/file-"));

		if (at == rest.len)
			break;
		rest = text_slice(rest, at + 1, rest.len);
	}
	assert_int_equal(items, 1500);
	assert_true(reply_has(&reply, "</html>"));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, dav_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hidden_is_unmapped),
		TEST(test_hidden_name),
		TEST(test_hidden_cell),
		TEST(test_visible_refusal),
		TEST(test_no_oracle),
		TEST(test_delete_all_or_nothing),
		TEST(test_copy_filters),
		TEST(test_no_way_round),
		TEST(test_deeper_grant),
		TEST(test_upload_only),
		TEST(test_portal),
		TEST(test_portal_save),
		TEST(test_listing),
		TEST(test_long_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
