/*
 * A listing copies what it has made once for members of one shape. Whatever is
 * asked, by whoever, each member must read there as it reads alone.
 */
#include "tests/unit/dav_world.h"

#include <stdio.h>
#include <string.h>

#define OPEN "<d:propfind xmlns:d='DAV:' xmlns:x='urn:x'>"
#define NAMED(names) OPEN "<d:prop>" names "</d:prop></d:propfind>"
#define EIGHT \
	"<d:displayname/><d:resourcetype/><d:getcontentlength/>" \
	"<d:getcontenttype/><d:getlastmodified/><d:creationdate/>" \
	"<d:getetag/><d:supportedlock/>"
#define LOCKINFO \
	"<d:lockinfo xmlns:d='DAV:'><d:lockscope><d:exclusive/>" \
	"</d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>"
#define DEAD \
	"<d:propertyupdate xmlns:d='DAV:'><d:set><d:prop>" \
	"<x:a xmlns:x='urn:x'>1</x:a><d:displayname>other</d:displayname>" \
	"</d:prop></d:set></d:propertyupdate>"
#define FOLDER "/dav/docs/dir/"

static const struct {
	const char *headers, *body;
} questions[] = {
	{ NULL, NULL },
	{ NULL, OPEN "<d:allprop/></d:propfind>" },
	{ NULL, OPEN "<d:propname/></d:propfind>" },
	{ NULL, NAMED(EIGHT) },
	{ NULL, NAMED(EIGHT "<d:lockdiscovery/><x:a/><x:b/>") },
	{ "Prefer: return=minimal\n", NAMED(EIGHT "<x:a/>") },
	{ "Prefer: return=minimal\n", NAMED("<x:b/>") },
	{ NULL, NAMED("<x:b/>") },
	{ NULL, NAMED("<d:getetag/><d:owner/>") },
	{ NULL, NAMED("<d:getetag/><d:quota-used-bytes/><d:sync-token/>") },
	{ NULL, NAMED("<d:current-user-privilege-set/><d:displayname/>") },
	{ NULL,
	    NAMED("<d:current-user-principal/><d:principal-URL/>"
		  "<d:supported-report-set/><d:supported-privilege-set/>"
		  "<d:principal-collection-set/><d:resource-id/>") },
	{ NULL,
	    NAMED("<Win32CreationTime "
		  "xmlns='urn:schemas-microsoft-com:'/><d:lastmodified/>") },
};

static const char *const files[] = { "plain", "%C3%A4%C3%B6%20%26.txt",
	"a%27b%3B%2B%23.html", "%25", "%E2%82%AC.pdf", "empty", "dead",
	"locked", "secret", "seen", "granted" };

static void
must(struct world *world, const char *method, const char *name,
    const char *headers, const char *body, unsigned status)
{
	char target[200];

	(void)snprintf(target, sizeof(target), FOLDER "%s", name);
	assert_int_equal(dav_status(world, "alice", method, target, headers,
			     body),
	    status);
}

static void
dates_set(struct world *world, const char *name, const char *date)
{
	char body[300];

	(void)snprintf(body, sizeof(body),
	    "<d:propertyupdate xmlns:d='DAV:'><d:set><d:prop>"
	    "<d:getlastmodified>%s</d:getlastmodified></d:prop></d:set>"
	    "</d:propertyupdate>",
	    date);
	must(world, "PROPPATCH", name, NULL, body, 207);
}

static void
furnish(struct world *world)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		must(world, "PUT", files[i], NULL,
		    strcmp(files[i], "empty") == 0 ? "" : "canary", 201);
	must(world, "MKCOL", "sub", NULL, NULL, 201);
	must(world, "MKCOL", "s%20%C3%A9", NULL, NULL, 201);
	must(world, "PROPPATCH", "dead", NULL, DEAD, 207);
	must(world, "LOCK", "locked", NULL, LOCKINFO, 200);
	dates_set(world, "plain", "Thu, 01 Jan 1970 00:00:01 GMT");
	dates_set(world, "seen", "Tue, 29 Feb 2000 23:59:59 GMT");
	dates_set(world, "sub", "Sun, 06 Nov 1994 08:49:37 GMT");
	dav_grant(world, "dir", "bob", "download-original");
	dav_grant(world, "dir/secret", "bob", "no-access");
	dav_grant(world, "dir/granted", "bob", "co-owner");
	dav_grant(world, "dir/sub", "bob", "contributor");
}

/* From its start tag to its end tag; empty when there is none. */
static struct text
response_take(struct text *rest)
{
	struct text begin = TEXT("<d:response>"), end = TEXT("</d:response>");
	size_t from = text_find_text(*rest, begin), len;
	struct text found = text_slice(*rest, from, rest->len);

	len = text_find_text(found, end);
	if (found.len == 0 || len == found.len)
		return TEXT_NONE;
	*rest = text_slice(found, len + end.len, found.len);
	return text_slice(found, 0, len + end.len);
}

static const char *
href_of(struct world *world, struct text response)
{
	size_t from = text_find_text(response, TEXT("<d:href>")) + 8;
	size_t to = text_find_text(response, TEXT("</d:href>"));
	struct text href = text_slice(response, from, to);

	return arena_format(world->arena, "%.*s", TEXT_ARGS(href)).ptr;
}

static size_t
compare(struct world *world, const char *user, size_t question)
{
	struct ask ask = { user, "PROPFIND", FOLDER,
		arena_format(world->arena, "Depth: 1\n%s",
		    questions[question].headers != NULL ?
			questions[question].headers :
			"")
		    .ptr,
		questions[question].body };
	struct reply all = dav_ask(world, &ask);
	struct text rest = all.body, response;
	size_t count = 0;

	assert_int_equal(all.status, 207);
	ask.headers = arena_format(world->arena, "Depth: 0\n%s",
	    questions[question].headers != NULL ? questions[question].headers :
						  "")
			  .ptr;
	while ((response = response_take(&rest)).len > 0) {
		struct text alone;

		ask.target = href_of(world, response);
		alone = dav_ask(world, &ask).body;
		assert_true(text_equal(response_take(&alone), response));
		count++;
	}
	return count;
}

static void
members_read_as_alone(void **state)
{
	struct world *world = *state;
	size_t all = sizeof(files) / sizeof(files[0]) + 3;

	furnish(world);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		assert_int_equal(compare(world, "alice", i), all);
		assert_int_equal(compare(world, "bob", i), all - 1);
	}
}

/* All members tell of a lock on their collection. */
static void
below_a_lock(void **state)
{
	struct world *world = *state;

	must(world, "PUT", "a", NULL, "x", 201);
	must(world, "PUT", "b", NULL, "x", 201);
	must(world, "MKCOL", "sub", NULL, NULL, 201);
	must(world, "LOCK", "", "Depth: infinity\n", LOCKINFO, 200);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		assert_int_equal(compare(world, "alice", i), 4);
}

/* More differing rights than shapes, and more days than the cache holds. */
static void
many_shapes(void **state)
{
	static const char *const given[] = { "view", "print", "download-pdf",
		"download-original", "contributor", "portal", "portal-ro",
		"co-owner" };
	struct world *world = *state;
	char name[16], place[24], date[64];

	dav_grant(world, "dir", "bob", "view");
	for (size_t i = 0; i < 32; i++) {
		(void)snprintf(name, sizeof(name), "f%02zu", i);
		must(world, "PUT", name, NULL, "x", 201);
		(void)snprintf(date, sizeof(date),
		    "Fri, %02zu Dec 2023 %02zu:30:15 GMT", i % 31 + 1, i % 24);
		dates_set(world, name, date);
		(void)snprintf(place, sizeof(place), "dir/%s", name);
		dav_grant(world, place, "bob", given[i % 8]);
	}
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		assert_int_equal(compare(world, "bob", i), 33);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_read_as_alone,
		    dav_setup, world_teardown),
		cmocka_unit_test_setup_teardown(below_a_lock, dav_setup,
		    world_teardown),
		cmocka_unit_test_setup_teardown(many_shapes, dav_setup,
		    world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
