/* URIs that clients name, authorities, and which of them are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "server/http/address.h"
#include "server/http/uri.h"
#include "tests/unit/http_request.h"

static const struct {
	const char *uri;
	enum outcome outcome;
	const char *path; /* formatted */
} rows[] = {
	{ "/a/b", OK, "/a/b" },
	{ "http://localhost:8080/a%20b/", OK, "/a%20b/" },
	{ "HTTP://LOCALHOST:8080/a", OK, "/a" },
	{ "http://localhost:8080", OK, "/" },
	{ "http://localhost:8080/c%c3%a9", OK, "/c%C3%A9" },
	{ "http://localhost:8080/a/../b", OK, "/b" },
	{ "http://localhost:8080/../b", BAD_INPUT, NULL },
	{ "http://localhost:8080/%2e%2e/b", BAD_INPUT, NULL },
	{ "http://localhost/a", UNSUPPORTED, NULL },
	{ "https://localhost:8080/a", UNSUPPORTED, NULL },
	{ "ftp://localhost:8080/a", UNSUPPORTED, NULL },
	{ "webdav://u:p@localhost:8080/a", OK, "/a" },
	{ "WebDAV://localhost:8080/a", OK, "/a" },
	{ "webdavs://localhost:8080/a", UNSUPPORTED, NULL },
	{ "webdav://localhost/a", UNSUPPORTED, NULL },
	{ "webdav://evil/a", UNSUPPORTED, NULL },
	{ "http://evil/a", UNSUPPORTED, NULL },
	{ "http://localhost:8081/a", UNSUPPORTED, NULL },
	{ "//evil/a", UNSUPPORTED, NULL },
	{ "http://localhost:8080@evil/a", UNSUPPORTED, NULL },
	{ "http://u@localhost:8080/a", OK, "/a" },
	{ "http://u:p@localhost:8080/a", OK, "/a" },
	{ "http://localhost:8080@u@evil/a", UNSUPPORTED, NULL },
	{ "http://localhost:8080.evil/a", BAD_INPUT, NULL },
	{ "http:///a", BAD_INPUT, NULL },
	{ "http:/a", BAD_INPUT, NULL },
	{ "http:a", BAD_INPUT, NULL },
	{ "a/b", BAD_INPUT, NULL },
	{ "", BAD_INPUT, NULL },
	{ "*", BAD_INPUT, NULL },
	{ "/a b", BAD_INPUT, NULL },
	{ "/a?b", BAD_INPUT, NULL },
	{ "/a#b", BAD_INPUT, NULL },
	{ "/a%2fb", BAD_INPUT, NULL },
	{ "/a%00", BAD_INPUT, NULL },
	{ "/\xc3\xa9", BAD_INPUT, NULL },
	{ "://x/a", BAD_INPUT, NULL },
	{ ":", BAD_INPUT, NULL },
};

static void
destinations_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request *request = request_make("COPY", "");
		struct path path = { .count = 99 };
		enum outcome outcome = uri_local_path(request,
		    text_from(rows[i].uri), &path);

		if (outcome != rows[i].outcome)
			fail_msg("%s: %s", rows[i].uri, outcome_name(outcome));
		if (outcome == OK) {
			struct text formatted = path_format(request->arena,
			    &path, path.trailing_slash && path.count > 0);

			if (!text_equal(formatted, text_from(rows[i].path)))
				fail_msg("%s: %.*s", rows[i].uri,
				    TEXT_ARGS(formatted));
		} else {
			assert_int_equal(path.count, 99);
		}
		request_drop(request);
	}
}

static void
authorities_are_compared(void **state)
{
	static const struct {
		const char *a, *b, *scheme;
		bool equal;
	} pairs[] = {
		{ "a", "A", "http", true },
		{ "a:80", "a", "http", true },
		{ "a:443", "a", "https", true },
		{ "a:443", "a", "http", false },
		{ "a:", "a", "http", true },
		{ "a:1", "a:2", "http", false },
		{ "[::1]", "[0:0::1]:80", "http", true },
		{ "[::1]", "::1", "http", false },
		{ "a b", "a b", "http", false },
		{ "", "", "http", false },
		{ "a,b", "a,b", "http", false },
		{ "a:080", "a:80", "http", true },
		{ "a:0", "a:0", "http", false },
		{ "a:65536", "a:65536", "http", false },
		{ "u@a", "u@a", "http", false },
		{ "[::1", "[::1", "http", false },
		{ "[::1]x", "[::1]x", "http", false },
		{ "a%41", "a%41", "http", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (authority_equal(text_from(pairs[i].a),
			text_from(pairs[i].b),
			text_from(pairs[i].scheme)) != pairs[i].equal)
			fail_msg("%s and %s", pairs[i].a, pairs[i].b);
}

static struct peer
peer_at(const char *local, uint16_t port)
{
	struct peer peer = { .tls = false };

	assert_true(address_parse(text_from(local), &peer.local));
	if (peer.local.ss_family == AF_INET)
		((struct sockaddr_in *)(void *)&peer.local)->sin_port =
		    htons(port);
	else
		((struct sockaddr_in6 *)(void *)&peer.local)->sin6_port =
		    htons(port);
	return peer;
}

static void
names_of_ours(void **state)
{
	static const struct {
		const char *local, *authority;
		bool known;
	} known[] = {
		{ "127.0.0.1", "localhost:8080", true },
		{ "127.0.0.1", "127.0.0.5:8080", true },
		{ "127.0.0.1", "[::1]:8080", true },
		{ "127.0.0.1", "localhost", false },
		{ "127.0.0.1", "localhost:8081", false },
		{ "127.0.0.1", "192.0.2.1:8080", false },
		{ "127.0.0.1", "localhost.evil:8080", false },
		{ "192.0.2.1", "192.0.2.1:8080", true },
		{ "192.0.2.1", "192.0.2.2:8080", false },
		{ "192.0.2.1", "localhost:8080", false },
		{ "::ffff:192.0.2.1", "192.0.2.1:8080", true },
		{ "2001:db8::1", "[2001:db8:0::1]:8080", true },
		{ "192.0.2.1", "files.example.org", true },
		{ "192.0.2.1", "FILES.example.org:9999", true },
		{ "192.0.2.1", "port.example.org:81", true },
		{ "192.0.2.1", "port.example.org:82", false },
		{ "192.0.2.1", "public.example.org", true },
		{ "192.0.2.1", "public.example.org:443", true },
		{ "192.0.2.1", "public.example.org:80", false },
		{ "192.0.2.1", "", false },
	};
	static const char *names[] = { "files.example.org",
		"port.example.org:81" };
	struct conf *conf = conf_defaults();
	struct conf_list kept = conf->server_names;
	const char *public = conf->public_url;

	(void)state;
	conf->server_names = (struct conf_list){ names, 2 };
	conf->public_url = "https://public.example.org";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct peer peer = peer_at(known[i].local, 8080);

		if (authority_known(conf, text_from(known[i].authority),
			&peer) != known[i].known)
			fail_msg("%s at %s", known[i].authority,
			    known[i].local);
	}
	conf->server_names = kept;
	conf->public_url = public;
	conf_unref(conf);
}

static void
networks_hold_addresses(void **state)
{
	static const struct {
		const char *item, *address;
		bool listed;
	} nets[] = {
		{ "10.0.0.0/8", "10.9.9.9", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.1.2.3", "10.1.2.3", true },
		{ "10.1.2.3/32", "10.1.2.2", false },
		{ "10.1.2.0/23", "10.1.3.255", true },
		{ "10.1.2.0/23", "10.1.4.0", false },
		{ "0.0.0.0/0", "8.8.8.8", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "::1", true },
		{ "fd00::/8", "fdff::1", true },
		{ "fd00::/8", "fe00::1", false },
		{ "::ffff:10.0.0.0/104", "10.3.3.3", true },
		{ "10.0.0.0/33", "10.0.0.0", false },
		{ "10.0.0.0/x", "10.0.0.0", false },
		{ "10.0.0.0/8", "::ffff:10.1.1.1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		const char *item = nets[i].item;
		struct conf_list list = { &item, 1 };
		struct sockaddr_storage address;

		assert_true(address_parse(text_from(nets[i].address),
		    &address));
		if (address_listed(&address, &list) != nets[i].listed)
			fail_msg("%s in %s", nets[i].address, item);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations_are_judged),
		cmocka_unit_test(authorities_are_compared),
		cmocka_unit_test(names_of_ours),
		cmocka_unit_test(networks_hold_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
