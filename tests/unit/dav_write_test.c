/* PUT, DELETE, MKCOL, COPY and MOVE, with what they leave behind. */
#include "tests/unit/dav_world.h"

#include <stdio.h>

static unsigned
put(struct world *world, const char *target, const char *body)
{
	return dav_status(world, "alice", "PUT", target, NULL, body);
}

static unsigned
get(struct world *world, const char *user, const char *target)
{
	return dav_status(world, user, "GET", target, NULL, NULL);
}

static void
assert_content(struct world *world, const char *target, const char *content)
{
	struct ask ask = { .user = "alice", .method = "GET", .target = target };
	struct reply reply = dav_ask(world, &ask);

	assert_int_equal(reply.status, 200);
	assert_true(text_equal(reply.body, text_from(content)));
}

static unsigned
carry(struct world *world, const char *user, const char *method,
    const char *from, const char *to)
{
	char headers[512];

	snprintf(headers, sizeof(headers), "Destination: %s\n", to);
	return dav_status(world, user, method, from, headers, NULL);
}

static void
test_put(void **state)
{
	struct world *world = *state;
	struct ask ask = { "alice", "PUT", "/dav/docs/a.txt", NULL, "one" };
	struct reply reply = dav_ask(world, &ask);

	assert_int_equal(reply.status, 201);
	assert_true(reply_field(&reply, "ETag").len > 2);
	assert_content(world, "/dav/docs/a.txt", "one");
	assert_int_equal(put(world, "/dav/docs/a.txt", "two"), 204);
	assert_content(world, "/dav/docs/a.txt", "two");
	assert_int_equal(put(world, "/dav/docs/no/a.txt", "x"), 409);
	assert_int_equal(put(world, "/dav/docs/dir/", "x"), 405);
	assert_int_equal(put(world, "/dav/docs/dir", "x"), 405);
	assert_int_equal(put(world, "/dav/docs/", "x"), 405);
	assert_int_equal(put(world, "/dav/", "x"), 405);
	assert_int_equal(put(world, "/dav/docs/a.txt/b", "x"), 409);
	assert_int_equal(put(world, "/dav/none/a", "x"), 404);
	assert_int_equal(dav_status(world, NULL, "PUT", "/dav/docs/b", NULL,
			     "x"),
	    401);
	assert_int_equal(get(world, "alice", "/dav/docs/b"), 404);
}

static void
test_put_refusals_store_nothing(void **state)
{
	struct world *world = *state;

	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/r",
			     "Content-Range: bytes 0-1/9\n", "x"),
	    400);
	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/r",
			     "If-Match: \"1\"\n", "x"),
	    412);
	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/r",
			     "If: (<urn:x>)\n", "x"),
	    412);
	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/r",
			     "If: (\n", "x"),
	    400);
	assert_int_equal(get(world, "alice", "/dav/docs/r"), 404);
	assert_int_equal(put(world, "/dav/docs/r", "x"), 201);
	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/r",
			     "If-None-Match: *\n", "y"),
	    412);
	assert_content(world, "/dav/docs/r", "x");
	world->conf->limits.file_size = 3;
	assert_int_equal(put(world, "/dav/docs/r", "four"), 413);
	world->conf->limits.file_size = 0;
	assert_content(world, "/dav/docs/r", "x");
}

static void
test_names(void **state)
{
	static const char *const refused[] = { "CON", "aux.txt", "a:b", "x.",
		"x%20", "%2a", "%3f", "%22", "%3c", "%7c", "a%5cb", "com1",
		"LPT9.txt" };
	static const char *const fine[] = { "%C3%A9.txt", "a%25b", "a%23b",
		"%F0%9F%98%80", ".hidden", "CONSOLE", "com0", "con-1",
		"a%20b" };
	struct world *world = *state;
	char target[128];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(target, sizeof(target), "/dav/docs/%s", refused[i]);
		assert_int_equal(put(world, target, "x"), 403);
		assert_int_equal(dav_status(world, "alice", "MKCOL", target,
				     NULL, NULL),
		    403);
		assert_int_equal(get(world, "alice", target), 404);
	}
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		snprintf(target, sizeof(target), "/dav/docs/%s", fine[i]);
		assert_int_equal(put(world, target, "x"), 201);
	}
	/* NFD is the same file as NFC. */
	assert_int_equal(put(world, "/dav/docs/e%CC%81.txt", "y"), 204);
	assert_content(world, "/dav/docs/%C3%A9.txt", "y");
}

static void
test_own_cell(void **state)
{
	struct world *world = *state;

	assert_int_equal(get(world, "bob", "/dav/my-files/"), 200);
	assert_int_equal(dav_status(world, "bob", "PUT", "/dav/my-files/a",
			     NULL, "mine"),
	    201);
	assert_int_equal(get(world, "bob", "/dav/my-files/a"), 200);
	assert_int_equal(get(world, "alice", "/dav/my-files/a"), 404);
	assert_int_equal(carry(world, "alice", "COPY", "/dav/docs/dir",
			     "/dav/my-files/dir"),
	    201);
	assert_int_equal(get(world, "alice", "/dav/my-files/dir"), 200);
	assert_int_equal(get(world, "alice", "/dav/~1/"), 404);
}

static void
test_delete(void **state)
{
	struct world *world = *state;

	assert_int_equal(put(world, "/dav/docs/dir/a", "x"), 201);
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/docs/dir",
			     "Depth: 0\n", NULL),
	    400);
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/docs/dir",
			     "Depth: 1\n", NULL),
	    400);
	assert_int_equal(get(world, "alice", "/dav/docs/dir/a"), 200);
	assert_int_equal(dav_status(world, "alice", "DELETE",
			     "/dav/docs/dir/a/", NULL, NULL),
	    404);
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/docs/dir",
			     NULL, NULL),
	    204);
	assert_int_equal(get(world, "alice", "/dav/docs/dir/a"), 404);
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/docs/dir",
			     NULL, NULL),
	    404);
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/docs/",
			     NULL, NULL),
	    403);
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/", NULL,
			     NULL),
	    403);
	assert_int_equal(get(world, "alice", "/dav/docs/"), 200);
}

static void
test_mkcol(void **state)
{
	static const char with[] =
	    "<d:mkcol xmlns:d='DAV:'><d:set><d:prop>"
	    "<d:resourcetype><d:collection/></d:resourcetype>"
	    "<x:color xmlns:x='urn:x'>red</x:color></d:prop></d:set>"
	    "</d:mkcol>";
	static const char wrong[] =
	    "<d:mkcol xmlns:d='DAV:'><d:set><d:prop>"
	    "<d:resourcetype><d:collection/><x:odd xmlns:x='urn:x'/>"
	    "</d:resourcetype></d:prop></d:set></d:mkcol>";
	static const char protected[] =
	    "<d:mkcol xmlns:d='DAV:'><d:set>"
	    "<d:prop><d:getetag>1</d:getetag></d:prop></d:set></d:mkcol>";
	struct world *world = *state;

	assert_int_equal(dav_status(world, "alice", "MKCOL", "/dav/docs/n/",
			     NULL, NULL),
	    201);
	assert_int_equal(dav_status(world, "alice", "MKCOL", "/dav/docs/n",
			     NULL, NULL),
	    405);
	assert_int_equal(dav_status(world, "alice", "MKCOL", "/dav/docs/o/p",
			     NULL, NULL),
	    409);
	assert_int_equal(dav_status(world, "alice", "MKCOL", "/dav/docs/t",
			     "Content-Type: xzy-foo/bar-512\n", "afafafaf"),
	    415);
	assert_int_equal(dav_status(world, "alice", "MKCOL", "/dav/docs/x",
			     "Content-Type: application/xml\n", with),
	    201);
	assert_int_equal(dav_status(world, "alice", "MKCOL", "/dav/docs/t",
			     "Content-Type: application/xml\n", wrong),
	    403);
	assert_int_equal(dav_status(world, "alice", "MKCOL", "/dav/docs/t",
			     "Content-Type: application/xml\n", protected),
	    403);
	assert_int_equal(get(world, "alice", "/dav/docs/t"), 404);
	assert_int_equal(get(world, "alice", "/dav/docs/x"), 200);
}

static void
test_copy(void **state)
{
	struct world *world = *state;

	assert_int_equal(put(world, "/dav/docs/dir/a", "one"), 201);
	assert_int_equal(carry(world, "alice", "COPY", "/dav/docs/dir/a",
			     "/dav/docs/b"),
	    201);
	assert_content(world, "/dav/docs/b", "one");
	assert_int_equal(put(world, "/dav/docs/b", "two"), 204);
	assert_int_equal(carry(world, "alice", "COPY", "/dav/docs/b",
			     "http://localhost:8080/dav/docs/dir/a"),
	    204);
	assert_content(world, "/dav/docs/dir/a", "two");
	assert_int_equal(carry(world, "alice", "COPY", "/dav/docs/dir",
			     "/dav/docs/tree/"),
	    201);
	assert_content(world, "/dav/docs/tree/a", "two");
	assert_int_equal(carry(world, "alice", "COPY", "/dav/docs/dir/",
			     "/dav/docs/b"),
	    204);
	assert_content(world, "/dav/docs/b/a", "two");
	assert_int_equal(dav_status(world, "alice", "COPY", "/dav/docs/dir",
			     "Destination: /dav/docs/flat\nDepth: 0\n", NULL),
	    201);
	assert_int_equal(get(world, "alice", "/dav/docs/flat/"), 200);
	assert_int_equal(get(world, "alice", "/dav/docs/flat/a"), 404);
}

static void
test_destinations(void **state)
{
	static const struct {
		const char *headers;
		unsigned status;
	} cases[] = {
		{ "", 400 },
		{ "Destination:\n", 400 },
		{ "Destination: *\n", 400 },
		{ "Destination: http://other/dav/docs/b\n", 502 },
		{ "Destination: /public/x\n", 502 },
		{ "Destination: /\n", 502 },
		{ "Destination: /dav/docs/b\nDestination: /dav/docs/c\n", 400 },
		{ "Destination: /dav/docs/b\nOverwrite: X\n", 400 },
		{ "Destination: /dav/docs/b\nDepth: 1\n", 400 },
		{ "Destination: /dav/docs/dir\n", 403 },
		{ "Destination: /dav/docs/dir/in\n", 403 },
		{ "Destination: /dav/docs/\n", 403 },
		{ "Destination: /dav/docs/dir\nOverwrite: F\n", 412 },
		{ "Destination: /dav/docs/no/b\n", 409 },
		{ "Destination: /dav/none/b\n", 404 },
		{ "Destination: /dav/\n", 403 },
	};
	struct world *world = *state;

	assert_int_equal(put(world, "/dav/docs/dir/a", "one"), 201);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(dav_status(world, "alice", "COPY",
				     "/dav/docs/dir", cases[i].headers, NULL),
		    cases[i].status);
		assert_int_equal(dav_status(world, "alice", "MOVE",
				     "/dav/docs/dir", cases[i].headers, NULL),
		    cases[i].status);
	}
	assert_content(world, "/dav/docs/dir/a", "one");
	assert_int_equal(get(world, "alice", "/dav/docs/b"), 404);
}

static void
test_move(void **state)
{
	struct world *world = *state;
	struct ask head = { "alice", "HEAD", "/dav/docs/a", NULL, NULL };
	struct text etag;
	struct reply reply;

	assert_int_equal(put(world, "/dav/docs/a", "one"), 201);
	reply = dav_ask(world, &head);
	etag = reply_field(&reply, "ETag");
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/a",
			     "/dav/docs/dir/b"),
	    201);
	assert_int_equal(get(world, "alice", "/dav/docs/a"), 404);
	head.target = "/dav/docs/dir/b";
	reply = dav_ask(world, &head);
	assert_true(text_equal(etag, reply_field(&reply, "ETag")));
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/dir",
			     "/dav/docs/moved"),
	    201);
	assert_content(world, "/dav/docs/moved/b", "one");
	assert_int_equal(dav_status(world, "alice", "MOVE", "/dav/docs/moved",
			     "Destination: /dav/docs/n\nDepth: 0\n", NULL),
	    400);
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/",
			     "/dav/my-files/docs"),
	    403);
}

/* A save by way of a temporary file keeps the identity of the document. */
static void
test_safe_save(void **state)
{
	struct world *world = *state;
	struct ask ask = { "alice", "PROPFIND", "/dav/docs/doc.odt",
		"Depth: 0\n",
		"<d:propfind xmlns:d='DAV:'><d:prop>"
		"<d:resource-id/></d:prop></d:propfind>" };
	struct reply before, after;

	assert_int_equal(put(world, "/dav/docs/doc.odt", "old"), 201);
	before = dav_ask(world, &ask);
	assert_int_equal(put(world, "/dav/docs/doc.tmp", "new"), 201);
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/doc.tmp",
			     "/dav/docs/doc.odt"),
	    204);
	after = dav_ask(world, &ask);
	assert_int_equal(after.status, 207);
	assert_true(text_equal(before.body, after.body));
	assert_content(world, "/dav/docs/doc.odt", "new");
	assert_int_equal(get(world, "alice", "/dav/docs/doc.tmp"), 404);
}

/* vim and Word: the document is put aside, and a new file takes its name. */
static void
test_save_by_rename(void **state)
{
	struct world *world = *state;
	struct ask ask = { "alice", "PROPFIND", "/dav/docs/f", "Depth: 0\n",
		"<d:propfind xmlns:d='DAV:'><d:prop><d:resource-id/>"
		"</d:prop></d:propfind>" };
	struct reply before, after;

	assert_int_equal(put(world, "/dav/docs/f", "old"), 201);
	before = dav_ask(world, &ask);
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/f",
			     "/dav/docs/f~"),
	    201);
	assert_int_equal(get(world, "alice", "/dav/docs/f"), 404);
	assert_int_equal(put(world, "/dav/docs/f", "new"), 201);
	after = dav_ask(world, &ask);
	assert_true(text_equal(before.body, after.body));
	assert_content(world, "/dav/docs/f", "new");
	assert_content(world, "/dav/docs/f~", "old");
	assert_int_equal(put(world, "/dav/docs/~WRD1.tmp", "word"), 201);
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/f",
			     "/dav/docs/~WRL1.tmp"),
	    201);
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/~WRD1.tmp",
			     "/dav/docs/f"),
	    201);
	after = dav_ask(world, &ask);
	assert_true(text_equal(before.body, after.body));
	assert_content(world, "/dav/docs/f", "word");
	assert_content(world, "/dav/docs/~WRL1.tmp", "new");
	assert_int_equal(get(world, "alice", "/dav/docs/~WRD1.tmp"), 404);
	/* A plain way back is no save. */
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/f",
			     "/dav/docs/f.tmp"),
	    201);
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/f.tmp",
			     "/dav/docs/f"),
	    201);
	after = dav_ask(world, &ask);
	assert_true(text_equal(before.body, after.body));
	assert_int_equal(get(world, "alice", "/dav/docs/f.tmp"), 404);
	/* Neither is another file where one was renamed for good. */
	assert_int_equal(carry(world, "alice", "MOVE", "/dav/docs/f",
			     "/dav/docs/g"),
	    201);
	assert_int_equal(put(world, "/dav/docs/f", "other"), 201);
	after = dav_ask(world, &ask);
	assert_false(text_equal(before.body, after.body));
	assert_content(world, "/dav/docs/g", "word");
}

static void
test_content_fields(void **state)
{
	struct world *world = *state;
	struct ask ask = { "alice", "GET", "/dav/docs/p.bin",
		"Range: bytes=1-2\n", NULL };
	struct reply reply;

	assert_int_equal(put(world, "/dav/docs/p.bin", "0123456789"), 201);
	reply = dav_ask(world, &ask);
	assert_int_equal(reply.status, 206);
	assert_true(text_equal(reply.body, TEXT("12")));
	ask.headers = "Range: bytes=99-\n";
	reply = dav_ask(world, &ask);
	assert_int_equal(reply.status, 416);
	assert_true(text_equal(reply_field(&reply, "Content-Range"),
	    TEXT("bytes */10")));
	ask.headers = "If-None-Match: *\n";
	reply = dav_ask(world, &ask);
	assert_int_equal(reply.status, 304);
	assert_true(reply_field(&reply, "ETag").len > 2);
	assert_int_equal(reply.body.len, 0);
	ask.headers = "If-Match: \"no\"\n";
	assert_int_equal(dav_ask(world, &ask).status, 412);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, dav_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put),
		TEST(test_put_refusals_store_nothing),
		TEST(test_names),
		TEST(test_own_cell),
		TEST(test_delete),
		TEST(test_mkcol),
		TEST(test_copy),
		TEST(test_destinations),
		TEST(test_move),
		TEST(test_safe_save),
		TEST(test_save_by_rename),
		TEST(test_content_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
