/*
 * TLS: the profile, contexts from files, and the same answers as over plain
 * sockets, with records in place of sendfile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "server/http/tls.h"
#include "tests/unit/http_fixture.h"

static char folder[64], certificate[96], key[96], other_key[96];
static struct fixture *world;
static SSL_CTX *client_context;

static EVP_PKEY *
key_write(const char *file)
{
	EVP_PKEY *made = EVP_EC_gen("P-256");
	FILE *out = fopen(file, "w");

	if (made == NULL || out == NULL ||
	    PEM_write_PrivateKey(out, made, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	fclose(out);
	return made;
}

static void
certificate_write(EVP_PKEY *pair, const char *file)
{
	X509 *made = X509_new();
	X509_NAME *name = X509_get_subject_name(made);
	FILE *out = fopen(file, "w");

	X509_set_version(made, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
	X509_gmtime_adj(X509_getm_notBefore(made), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made), 86400);
	X509_set_pubkey(made, pair);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(made, name);
	if (out == NULL || X509_sign(made, pair, EVP_sha256()) == 0 ||
	    PEM_write_X509(out, made) != 1)
		abort();
	fclose(out);
	X509_free(made);
}

static int
files_make(void **state)
{
	EVP_PKEY *pair;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/tls_test.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	snprintf(other_key, sizeof(other_key), "%s/other.pem", folder);
	pair = key_write(key);
	certificate_write(pair, certificate);
	EVP_PKEY_free(pair);
	EVP_PKEY_free(key_write(other_key));
	return 0;
}

static int
files_remove(void **state)
{
	(void)state;
	unlink(certificate);
	unlink(key);
	unlink(other_key);
	return rmdir(folder);
}

static void
world_new(void)
{
	struct buffer message = { .max = 4096 };
	struct tls_context *tls = NULL;

	assert_int_equal(tls_context_new(certificate, key, &message, &tls), OK);
	assert_int_equal(message.len, 0);
	world = fixture_new(conf_defaults(), tls);
	client_context = SSL_CTX_new(TLS_client_method());
	buffer_done(&message);
}

static void
world_end(void)
{
	SSL_CTX_free(client_context);
	fixture_free(world);
}

static struct answer
get(struct client *client, const char *path)
{
	client_send(client, "GET %s HTTP/1.1\r\nHost: localhost:%u\r\n\r\n",
	    path, fixture_port(world));
	return client_read(client, "GET");
}

static void
bad_files(void **state)
{
	static const char missing[] = "/nonexistent/cert.pem";
	const struct {
		const char *certificate, *key;
		enum outcome outcome;
	} rows[] = {
		{ missing, key, IO },
		{ certificate, missing, IO },
		{ key, key, BAD_INPUT },
		{ certificate, certificate, BAD_INPUT },
		{ certificate, other_key, BAD_INPUT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer message = { .max = 4096 };
		struct tls_context *tls = NULL;

		assert_int_equal(tls_context_new(rows[i].certificate,
				     rows[i].key, &message, &tls),
		    rows[i].outcome);
		assert_null(tls);
		/* One line that names the file. */
		assert_true(message.len > 20);
		assert_int_equal(message.ptr[0], '/');
		assert_int_equal(text_find(buffer_text(&message), '\n'),
		    message.len - 1);
		buffer_done(&message);
	}
}

static void
answers_over_tls(void **state)
{
	static const char *const paths[] = { "/file?1", "/file?16384",
		"/file?5000000", "/held?300000" };
	static const size_t sizes[] = { 1, 16384, 5000000, 300000 };
	struct client client;
	struct answer answer;

	(void)state;
	world_new();
	client = client_open(world, client_context);
	assert_non_null(client.ssl);
	answer = get(&client, "/bytes");
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body.len, 5);
	assert_int_equal(strncmp(answer_field(&answer, "X-Seen"), "https://",
			     8),
	    0);
	answer_free(&answer);
	for (size_t i = 0; i < 4; i++) {
		answer = get(&client, paths[i]);
		assert_true(answer.whole);
		assert_int_equal(answer.body.len, sizes[i] + 2);
		assert_true(pattern_matches(&answer.body, 1, sizes[i]));
		answer_free(&answer);
	}
	answer = get(&client, "/source?300");
	assert_true(answer.whole);
	assert_true(pattern_matches(&answer.body, 0, 300000));
	answer_free(&answer);
	client_close(&client);
	world_end();
}

static void
cut_over_tls(void **state)
{
	static const char *const paths[] = { "/short?100000", "/cutheld?100000",
		"/broken?5" };

	(void)state;
	world_new();
	for (size_t i = 0; i < 3; i++) {
		struct client client = client_open(world, client_context);
		struct answer answer = get(&client, paths[i]);

		assert_int_equal(answer.status, 200);
		assert_false(answer.whole);
		answer_free(&answer);
		client_close(&client);
	}
	world_end();
}

static void
bodies_over_tls(void **state)
{
	static const char *const paths[] = { "/echo", "/pause" };
	const size_t len = 3000000;
	char *bytes = malloc(len);
	struct client client;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern_byte(i);
	world_new();
	client = client_open(world, client_context);
	for (size_t i = 0; i < 2; i++) {
		struct answer answer;

		client_send(&client,
		    "PUT %s HTTP/1.1\r\nHost: localhost:%u"
		    "\r\nContent-Length: %zu\r\n\r\n",
		    paths[i], fixture_port(world), len);
		assert_true(client_write(&client, bytes, len));
		answer = client_read(&client, "PUT");
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.body.len, len);
		assert_true(pattern_matches(&answer.body, 0, len));
		answer_free(&answer);
	}
	client_close(&client);
	free(bytes);
	world_end();
}

/* What a client of this version gets: a protocol name, or NULL. */
static const char *
version_agreed(int version, const char *ciphers, bool *ret_connected)
{
	static _Thread_local char name[32];
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct client client;

	SSL_CTX_set_min_proto_version(context, version);
	SSL_CTX_set_max_proto_version(context, version);
	if (ciphers != NULL)
		SSL_CTX_set_cipher_list(context, ciphers);
	client = client_open(world, context);
	*ret_connected = client.ssl != NULL;
	if (client.ssl != NULL) {
		snprintf(name, sizeof(name), "%s",
		    SSL_get_cipher_name(client.ssl));
		client_close(&client);
	}
	SSL_CTX_free(context);
	return name;
}

static void
profile_is_kept(void **state)
{
	bool connected;

	(void)state;
	world_new();
	version_agreed(TLS1_3_VERSION, NULL, &connected);
	assert_true(connected);
	assert_string_equal(version_agreed(TLS1_2_VERSION,
				"ECDHE-ECDSA-AES128-GCM-SHA256", &connected),
	    "ECDHE-ECDSA-AES128-GCM-SHA256");
	assert_true(connected);
	version_agreed(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA", &connected);
	assert_false(connected);
	version_agreed(TLS1_1_VERSION, "ALL:@SECLEVEL=0", &connected);
	assert_false(connected);
	world_end();
}

static void
protocol_is_named(void **state)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1";
	const unsigned char *chosen;
	unsigned len;
	struct client client;

	(void)state;
	world_new();
	SSL_CTX_set_alpn_protos(client_context, both, sizeof(both) - 1);
	client = client_open(world, client_context);
	assert_non_null(client.ssl);
	SSL_get0_alpn_selected(client.ssl, &chosen, &len);
	assert_int_equal(len, 8);
	assert_memory_equal(chosen, "http/1.1", 8);
	client_close(&client);
	world_end();
}

static SSL_SESSION *kept_session;

static int
session_keep(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept_session);
	kept_session = session;
	return 1;
}

/* A ticket of one context opens with the context of a reload. */
static void
tickets_outlive_a_reload(void **state)
{
	struct client client;
	struct answer answer;
	SSL *ssl;

	(void)state;
	for (int round = 0; round < 2; round++) {
		world_new();
		SSL_CTX_set_session_cache_mode(client_context,
		    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(client_context, session_keep);
		client = client_open(world, NULL);
		ssl = SSL_new(client_context);
		SSL_set_fd(ssl, client.fd);
		if (kept_session != NULL)
			SSL_set_session(ssl, kept_session);
		assert_int_equal(SSL_connect(ssl), 1);
		client.ssl = ssl;
		answer = get(&client, "/bytes");
		assert_int_equal(answer.status, 200);
		answer_free(&answer);
		assert_int_equal(SSL_session_reused(ssl), round);
		assert_non_null(kept_session);
		client_close(&client);
		world_end();
	}
	SSL_SESSION_free(kept_session);
}

/* A client that speaks plain HTTP to TLS gets nothing and holds nothing. */
static void
plain_to_tls(void **state)
{
	struct client client;

	(void)state;
	world_new();
	client = client_open(world, NULL);
	client_send(&client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	while (client.in.len < 64 && !client_ended(&client))
		buffer_clear(&client.in);
	client_close(&client);
	assert_int_equal(atomic_load(&fixture_counts(world)->heads), 0);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files),
		cmocka_unit_test(answers_over_tls),
		cmocka_unit_test(cut_over_tls),
		cmocka_unit_test(bodies_over_tls),
		cmocka_unit_test(profile_is_kept),
		cmocka_unit_test(protocol_is_named),
		cmocka_unit_test(tickets_outlive_a_reload),
		cmocka_unit_test(plain_to_tls),
	};

	return cmocka_run_group_tests(tests, files_make, files_remove);
}
