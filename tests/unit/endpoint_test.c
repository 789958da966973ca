/* Forms of addresses: what is taken apart and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/endpoint.h"

static void
addresses(void **state)
{
	struct endpoint address = { .port = 42 };

	(void)state;
	assert_true(endpoint_parse(TEXT("127.0.0.1:8080"), &address));
	assert_false(address.tls);
	assert_false(address.v6);
	assert_true(text_equal(address.host, TEXT("127.0.0.1")));
	assert_int_equal(address.port, 8080);
	assert_true(endpoint_parse(TEXT("tls://[::1]:0"), &address));
	assert_true(address.tls);
	assert_true(address.v6);
	assert_true(text_equal(address.host, TEXT("::1")));
	assert_int_equal(address.port, 0);
	assert_true(endpoint_parse(TEXT("0.0.0.0:65535"), &address));
	assert_int_equal(address.port, 65535);
}

static void
bad_addresses(void **state)
{
	static const char *const bad[] = { "", ":", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
		"127.0.0.1:80a", ":8080", "::1:8080", "[::1]", "[::1]8080",
		"[::1:8080", "[]:80", "[127.0.0.1]:80", "localhost:80",
		"1.2.3:80", "1.2.3.4.5:80", "256.0.0.1:80",
		"http://127.0.0.1:80", "tls:127.0.0.1:80", "TLS://127.0.0.1:80",
		"tls://", "tls://tls://127.0.0.1:80", " 127.0.0.1:80",
		"127.0.0.1:80 ", "[::1%lo]:80", "1.2.3.4:8:0" };
	struct endpoint address = { .port = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(endpoint_parse(text_from(bad[i]), &address));
	assert_int_equal(address.port, 42);
	assert_true(endpoint_valid_or_empty(TEXT("")));
	assert_false(endpoint_valid_or_empty(TEXT("x")));
}

static void
origins(void **state)
{
	struct origin origin;

	(void)state;
	assert_true(origin_parse(TEXT("http://a.example"), &origin));
	assert_false(origin.https);
	assert_int_equal(origin.port, 80);
	assert_true(text_equal(origin.host, TEXT("a.example")));
	assert_true(origin_parse(TEXT("https://a-b.example:8443/"), &origin));
	assert_true(origin.https);
	assert_int_equal(origin.port, 8443);
	assert_true(text_equal(origin.host, TEXT("a-b.example")));
	assert_true(origin_parse(TEXT("https://[fd00::1]"), &origin));
	assert_true(origin.v6);
	assert_int_equal(origin.port, 443);
	assert_true(text_equal(origin.host, TEXT("fd00::1")));
}

static void
bad_origins(void **state)
{
	static const char *const bad[] = { "", "a.example", "ftp://a",
		"HTTP://a", "http:/a", "http://", "http:///", "http://a/b",
		"http://a//", "http://a?x", "http://a#x", "http://u@a",
		"http://a:0", "http://a:65536", "http://a:", "http://a b",
		"http://[::1", "http://a\n", "https://a_b", "http://\xc3\xa4" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(origin_valid(text_from(bad[i])));
}

static void
networks(void **state)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/33", "10.0.0.0/",
		"10.0.0.0/-1", "10.0.0/8", "::/129", "fd00::/x", "a.example",
		"10.0.0.0/8/8", "[::1]" };
	struct network network;

	(void)state;
	assert_true(network_parse(TEXT("10.1.0.0/16"), &network));
	assert_false(network.v6);
	assert_int_equal(network.bits, 16);
	assert_memory_equal(network.bytes, "\x0a\x01\0\0", 4);
	assert_true(network_parse(TEXT("192.0.2.1"), &network));
	assert_int_equal(network.bits, 32);
	assert_true(network_parse(TEXT("fd00::/8"), &network));
	assert_true(network.v6);
	assert_int_equal(network.bits, 8);
	assert_int_equal(network.bytes[0], 0xfd);
	assert_true(network_parse(TEXT("::1"), &network));
	assert_int_equal(network.bits, 128);
	assert_true(network_parse(TEXT("0.0.0.0/0"), &network));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(network_valid(text_from(bad[i])));
}

static void
authorities_words_realms(void **state)
{
	(void)state;
	assert_true(authority_valid(TEXT("files.example")));
	assert_true(authority_valid(TEXT("files.example:8080")));
	assert_true(authority_valid(TEXT("[::1]:80")));
	assert_false(authority_valid(TEXT("")));
	assert_false(authority_valid(TEXT("a:0")));
	assert_false(authority_valid(TEXT("a:b")));
	assert_false(authority_valid(TEXT("a/b")));
	assert_false(authority_valid(TEXT("http://a")));
	assert_true(engine_valid(TEXT("lmdb")));
	assert_false(engine_valid(TEXT("")));
	assert_false(engine_valid(TEXT("punchcards")));
	assert_true(contact_valid_or_empty(TEXT("")));
	assert_true(contact_valid_or_empty(TEXT("mailto:it@a.example")));
	assert_true(contact_valid_or_empty(TEXT("https://a.example/x?y=1")));
	assert_true(contact_valid_or_empty(TEXT("tel:+49-89-1234")));
	assert_false(contact_valid_or_empty(TEXT("mailto:")));
	assert_false(contact_valid_or_empty(TEXT("it@a.example")));
	assert_false(contact_valid_or_empty(TEXT("http://a.example/")));
	assert_false(contact_valid_or_empty(TEXT("mailto:a\nb")));
	assert_false(contact_valid_or_empty(TEXT("mailto:a b")));
	assert_false(contact_valid_or_empty(TEXT("tel:<1>")));
	assert_true(realm_valid(TEXT("My files")));
	assert_false(realm_valid(TEXT("")));
	assert_false(realm_valid(TEXT("a\"b")));
	assert_false(realm_valid(TEXT("a\\b")));
	assert_false(realm_valid(TEXT("a\rb")));
	assert_false(realm_valid(TEXT("\xc3\xa4")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(bad_addresses),
		cmocka_unit_test(origins),
		cmocka_unit_test(bad_origins),
		cmocka_unit_test(networks),
		cmocka_unit_test(authorities_words_realms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
