/* LOCK, UNLOCK, and If with what they protect. */
#include "tests/unit/dav_world.h"

#include <stdio.h>

#include "dav/lock_info.h"

#define INFO(scope) \
	"<d:lockinfo xmlns:d='DAV:'><d:lockscope><d:" scope \
	"/></d:lockscope><d:locktype><d:write/></d:locktype><d:owner>" \
	"<d:href>me</d:href></d:owner></d:lockinfo>"

static struct reply
lock(struct world *world, const char *user, const char *target,
    const char *headers, const char *scope)
{
	struct ask ask = { user, "LOCK", target, headers,
		scope[0] == 'e' ? INFO("exclusive") : INFO("shared") };

	return dav_ask(world, &ask);
}

static unsigned
with_if(struct world *world, const char *user, const char *method,
    const char *target, const char *condition, const char *more)
{
	char headers[1024];

	snprintf(headers, sizeof(headers), "If: %s\n%s", condition, more);
	return dav_status(world, user, method, target, headers,
	    method[0] == 'P' ? "new" : NULL);
}

static unsigned
unlock(struct world *world, const char *user, const char *target,
    const char *token)
{
	struct text inner = text_from(token);
	char headers[256];

	inner = text_slice(inner, 1, inner.len - 1);
	snprintf(headers, sizeof(headers), "Lock-Token: %.*s\n",
	    TEXT_ARGS(inner));
	return dav_status(world, user, "UNLOCK", target, headers, NULL);
}

static void
test_exclusive(void **state)
{
	struct world *world = *state;
	const char *f = "/dav/docs/f", *token;
	struct reply reply;

	assert_int_equal(dav_status(world, "alice", "PUT", f, NULL, "x"), 201);
	reply = lock(world, "alice", f, "Timeout: Second-100\nDepth: 0\n",
	    "exclusive");
	assert_int_equal(reply.status, 200);
	assert_true(reply_has(&reply, "<d:timeout>Second-100<"));
	assert_true(reply_has(&reply, "<d:href>me</d:href>"));
	assert_true(reply_has(&reply, "<d:lockroot><d:href>/dav/docs/f<"));
	token = reply_token(world, &reply);
	assert_int_equal(dav_status(world, "alice", "PUT", f, NULL, "y"), 423);
	assert_int_equal(dav_status(world, "alice", "DELETE", f, NULL, NULL),
	    423);
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/docs/",
			     NULL, NULL),
	    403);
	assert_int_equal(with_if(world, "alice", "PUT", f, token, ""), 204);
	assert_int_equal(
	    with_if(world, "alice", "PUT", f,
		"(<urn:uuid:00000000-0000-4000-8000-000000000000>)", ""),
	    412);
	/* True, but without the token. */
	assert_int_equal(with_if(world, "alice", "PUT", f,
			     "(Not <DAV:no-lock>)", ""),
	    423);
	assert_int_equal(
	    lock(world, "alice", f, "Depth: 0\n", "exclusive").status, 423);
	assert_int_equal(lock(world, "alice", f, "Depth: 0\n", "shared").status,
	    423);
	assert_int_equal(dav_status(world, "alice", "UNLOCK", f, NULL, NULL),
	    400);
	assert_int_equal(dav_status(world, "alice", "UNLOCK", f,
			     "Lock-Token: <\n", NULL),
	    400);
	assert_int_equal(dav_status(world, "alice", "UNLOCK", f,
			     "Lock-Token: <urn:x>\n", NULL),
	    409);
	assert_int_equal(unlock(world, "alice", "/dav/docs/dir", token), 409);
	assert_int_equal(unlock(world, "alice", f, token), 204);
	assert_int_equal(unlock(world, "alice", f, token), 409);
	assert_int_equal(dav_status(world, "alice", "PUT", f, NULL, "z"), 204);
}

static void
test_unmapped(void **state)
{
	struct world *world = *state;
	const char *f = "/dav/docs/new.txt";
	struct reply reply = lock(world, "alice", f, NULL, "exclusive");

	assert_int_equal(reply.status, 201);
	assert_true(reply_field(&reply, "ETag").len > 2);
	assert_int_equal(dav_status(world, "alice", "GET", f, NULL, NULL), 200);
	assert_int_equal(dav_status(world, "alice", "PUT", f, NULL, "x"), 423);
	assert_int_equal(with_if(world, "alice", "PUT", f,
			     reply_token(world, &reply), ""),
	    204);
	assert_int_equal(
	    lock(world, "alice", "/dav/docs/no/x", NULL, "exclusive").status,
	    409);
	assert_int_equal(
	    lock(world, "alice", "/dav/docs/x/", NULL, "exclusive").status,
	    405);
	assert_int_equal(
	    lock(world, "alice", "/dav/docs/NUL", NULL, "exclusive").status,
	    403);
}

static void
test_refresh(void **state)
{
	struct world *world = *state;
	const char *f = "/dav/docs/f", *token;
	struct reply reply = lock(world, "alice", f, NULL, "exclusive");
	char headers[256];
	struct ask ask = { "alice", "LOCK", f, headers, NULL };

	token = reply_token(world, &reply);
	snprintf(headers, sizeof(headers), "If: %s\nTimeout: Second-7\n",
	    token);
	reply = dav_ask(world, &ask);
	assert_int_equal(reply.status, 200);
	assert_true(reply_has(&reply, "<d:timeout>Second-7<"));
	assert_int_equal(reply_field(&reply, "Lock-Token").len, 0);
	snprintf(headers, sizeof(headers), "Timeout: Second-7\n");
	assert_int_equal(dav_ask(world, &ask).status, 400);
	snprintf(headers, sizeof(headers), "If: (<urn:x>)\n");
	assert_int_equal(dav_ask(world, &ask).status, 412);
	dav_grant(world, "/", "bob", "contributor");
	snprintf(headers, sizeof(headers), "If: %s\n", token);
	ask.user = "bob";
	assert_int_equal(dav_ask(world, &ask).status, 412);
}

static void
test_collection(void **state)
{
	struct world *world = *state;
	const char *dir = "/dav/docs/dir/", *token;
	struct reply reply;

	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/dir/old",
			     NULL, "x"),
	    201);
	reply = lock(world, "alice", dir, "Depth: 0\n", "exclusive");
	assert_int_equal(reply.status, 200);
	token = reply_token(world, &reply);
	/* Depth 0 protects who is a member, not what members hold. */
	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/dir/old",
			     NULL, "y"),
	    204);
	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/dir/new",
			     NULL, "y"),
	    423);
	assert_int_equal(dav_status(world, "alice", "DELETE",
			     "/dav/docs/dir/old", NULL, NULL),
	    423);
	assert_int_equal(dav_status(world, "alice", "MKCOL",
			     "/dav/docs/dir/sub", NULL, NULL),
	    423);
	assert_int_equal(dav_status(world, "alice", "MOVE", "/dav/docs/dir/old",
			     "Destination: /dav/docs/x\n", NULL),
	    423);
	assert_int_equal(with_if(world, "alice", "PUT", "/dav/docs/dir/new",
			     "</dav/docs/dir/> (<urn:x>)", ""),
	    412);
	{
		char tagged[256];

		snprintf(tagged, sizeof(tagged), "<%s> %s", dir, token);
		assert_int_equal(with_if(world, "alice", "PUT",
				     "/dav/docs/dir/new", tagged, ""),
		    201);
	}
	assert_int_equal(unlock(world, "alice", dir, token), 204);
	reply = lock(world, "alice", dir, "Depth: infinity\n", "exclusive");
	token = reply_token(world, &reply);
	assert_int_equal(dav_status(world, "alice", "PUT", "/dav/docs/dir/old",
			     NULL, "y"),
	    423);
	assert_int_equal(with_if(world, "alice", "PUT", "/dav/docs/dir/old",
			     token, ""),
	    204);
	assert_int_equal(
	    lock(world, "alice", "/dav/docs/dir/old", NULL, "shared").status,
	    423);
	assert_int_equal(
	    lock(world, "alice", dir, "Depth: 1\n", "shared").status, 400);
}

static void
test_below(void **state)
{
	struct world *world = *state;
	struct reply reply;

	assert_int_equal(
	    lock(world, "alice", "/dav/docs/dir/f", NULL, "exclusive").status,
	    201);
	reply = lock(world, "alice", "/dav/docs/dir", "Depth: infinity\n",
	    "exclusive");
	assert_int_equal(reply.status, 207);
	assert_true(reply_has(&reply, "/dav/docs/dir/f"));
	assert_true(reply_has(&reply, "424"));
	assert_true(reply_has(&reply, "423"));
	assert_int_equal(dav_status(world, "alice", "DELETE", "/dav/docs/dir",
			     NULL, NULL),
	    423);
	assert_int_equal(dav_status(world, "alice", "GET", "/dav/docs/dir/f",
			     NULL, NULL),
	    200);
	assert_int_equal(dav_status(world, "alice", "MOVE", "/dav/docs/dir",
			     "Destination: /dav/docs/x\n", NULL),
	    423);
}

static void
test_shared(void **state)
{
	struct world *world = *state;
	const char *f = "/dav/docs/f";
	struct reply a, b;

	dav_grant(world, "/", "bob", "contributor");
	a = lock(world, "alice", f, NULL, "shared");
	b = lock(world, "bob", f, NULL, "shared");
	assert_int_equal(a.status, 201);
	assert_int_equal(b.status, 200);
	assert_int_equal(lock(world, "bob", f, NULL, "exclusive").status, 423);
	assert_int_equal(with_if(world, "alice", "PUT", f,
			     reply_token(world, &a), ""),
	    204);
	assert_int_equal(with_if(world, "bob", "PUT", f, reply_token(world, &b),
			     ""),
	    204);
	assert_int_equal(with_if(world, "bob", "PUT", f, reply_token(world, &a),
			     ""),
	    412);
}

/* A token is no good in other hands, and is not shown to them (V08). */
static void
test_foreign(void **state)
{
	struct world *world = *state;
	const char *f = "/dav/docs/f";
	struct reply reply = lock(world, "alice", f, NULL, "exclusive");
	const char *token = reply_token(world, &reply);
	struct ask ask = { "bob", "PUT", f, NULL, "x" };

	dav_grant(world, "/", "bob", "contributor");
	assert_int_equal(with_if(world, "bob", "PUT", f, token, ""), 412);
	assert_int_equal(with_if(world, "bob", "DELETE", f, token, ""), 412);
	assert_int_equal(unlock(world, "bob", f, token), 403);
	reply = dav_ask(world, &ask);
	assert_int_equal(reply.status, 423);
	assert_false(reply_has(&reply, "urn:uuid"));
	ask.method = "PROPFIND";
	ask.headers = "Depth: 0\n";
	ask.body = "<d:propfind xmlns:d='DAV:'><d:prop><d:lockdiscovery/>"
		   "</d:prop></d:propfind>";
	reply = dav_ask(world, &ask);
	assert_true(reply_has(&reply, "activelock"));
	assert_false(reply_has(&reply, "urn:uuid"));
	ask.user = "alice";
	reply = dav_ask(world, &ask);
	assert_true(reply_has(&reply, "urn:uuid"));
	/* Who manages the place may end it. */
	dav_grant(world, "/", "bob", "co-owner");
	assert_int_equal(unlock(world, "bob", f, token), 204);
}

static void
test_bodies(void **state)
{
	static const char *const refused[] = {
		"<d:lockinfo xmlns:d='DAV:'/>",
		"<d:lockinfo xmlns:d='DAV:'><d:lockscope><d:odd/>"
		"</d:lockscope><d:locktype><d:write/></d:locktype>"
		"</d:lockinfo>",
		("<d:lockinfo xmlns:d='DAV:'><d:lockscope><d:shared/>"
		 "</d:lockscope></d:lockinfo>"),
		"<!DOCTYPE x []><d:lockinfo xmlns:d='DAV:'/>",
		"<x",
		"text",
		"<d:lockinfo/>",
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(dav_status(world, "alice", "LOCK",
				     "/dav/docs/b", NULL, refused[i]),
		    400);
	assert_int_equal(dav_status(world, "alice", "GET", "/dav/docs/b", NULL,
			     NULL),
	    404);
}

static void
test_cap(void **state)
{
	struct world *world = *state;
	char target[64];

	world->conf->limits.locks_per_principal = 3;
	for (unsigned i = 0; i < 5; i++) {
		snprintf(target, sizeof(target), "/dav/docs/n%u", i);
		assert_int_equal(
		    lock(world, "alice", target, NULL, "shared").status,
		    i < 3 ? 201 : 507);
	}
	assert_int_equal(dav_status(world, "alice", "GET", "/dav/docs/n4", NULL,
			     NULL),
	    404);
}

static void
test_timeouts(void **state)
{
	static const struct {
		const char *value;
		uint64_t seconds;
	} cases[] = {
		{ "Infinite", 3600 },
		{ "Infinite, Second-4100000000", 3600 },
		{ "Second-4294967297", 3600 },
		{ "Second-100", 100 },
		{ "second-5 , Infinite", 5 },
		{ "Second-999999999999999999999999999999", 3600 },
		{ "Second--1", 3600 },
		{ "Second-", 3600 },
		{ "Second-0", 1 },
		{ "", 3600 },
		{ "Extend, Second-9", 9 },
	};

	(void)state; /* a pure function */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(lock_timeout_parse(text_from(cases[i].value),
				     3600),
		    cases[i].seconds);
	assert_int_equal(lock_timeout_parse(TEXT_NONE, 3600), 3600);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, dav_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exclusive),
		TEST(test_unmapped),
		TEST(test_refresh),
		TEST(test_collection),
		TEST(test_below),
		TEST(test_shared),
		TEST(test_foreign),
		TEST(test_bodies),
		TEST(test_cap),
		TEST(test_timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
