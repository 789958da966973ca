/*
 * Connections over loopback: framing of answers, keep-alive and pipelining,
 * files, sources, and bodies both ways with back-pressure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/http_fixture.h"

#define END "Host: localhost:%u\r\n\r\n"

static struct fixture *world;
static struct client client;
static unsigned port;

static struct fixture *
world_new(void (*change)(struct conf *conf))
{
	struct conf *conf = conf_defaults();

	if (change != NULL)
		change(conf);
	world = fixture_new(conf, NULL);
	port = fixture_port(world);
	client = client_open(world, NULL);
	return world;
}

static void
world_end(void)
{
	client_close(&client);
	fixture_free(world);
}

static struct answer
get(const char *method, const char *path)
{
	client_send(&client, "%s %s HTTP/1.1\r\n" END, method, path, port);
	return client_read(&client, method);
}

static void
need_body(const struct answer *answer, unsigned status, const char *body)
{
	assert_int_equal(answer->status, status);
	assert_true(answer->whole);
	assert_int_equal(answer->body.len, strlen(body));
	assert_memory_equal(answer->body.ptr, body, strlen(body));
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Answers --------------------------------- */

static void
answers_are_framed(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	answer = get("GET", "/bytes");
	need_body(&answer, 200, "hello");
	assert_string_equal(answer_field(&answer, "Content-Length"), "5");
	assert_string_equal(answer_field(&answer, "Server"), "celldav");
	assert_string_equal(answer_field(&answer, "X-Content-Type-Options"),
	    "nosniff");
	assert_int_equal(strlen(answer_field(&answer, "Date")), 29);
	assert_null(answer_field(&answer, "Connection"));
	answer_free(&answer);
	answer = get("HEAD", "/bytes");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer_field(&answer, "Content-Length"), "5");
	answer = get("GET", "/nothing");
	assert_int_equal(answer.status, 204);
	assert_null(answer_field(&answer, "Content-Length"));
	answer = get("HEAD", "/source?3");
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer_field(&answer, "Transfer-Encoding"),
	    "chunked");
	answer = get("GET", "/missing");
	assert_int_equal(answer.status, 404);
	assert_string_equal(answer_field(&answer, "Content-Type"),
	    "application/xml; charset=utf-8");
	answer_free(&answer);
	answer = get("GET", "/bytes");
	need_body(&answer, 200, "hello");
	answer_free(&answer);
	world_end();
}

static void
pipelined_in_order(void **state)
{
	static const char *const bodies[] = { "late", "hello", "late",
		"hello" };

	(void)state;
	world_new(NULL);
	client_send(&client,
	    "GET /late HTTP/1.1\r\n" END "GET /bytes HTTP/1.1\r\n" END
	    "GET /late HTTP/1.1\r\n" END "GET /bytes HTTP/1.1\r\n" END,
	    port, port, port, port);
	for (size_t i = 0; i < 4; i++) {
		struct answer answer = client_read(&client, "GET");

		need_body(&answer, 200, bodies[i]);
		answer_free(&answer);
	}
	world_end();
}

static void
many_pipelined(void **state)
{
	(void)state;
	world_new(NULL);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 200; i++)
			client_send(&client, "GET /bytes HTTP/1.1\r\n" END,
			    port);
		for (int i = 0; i < 200; i++) {
			struct answer answer = client_read(&client, "GET");

			need_body(&answer, 200, "hello");
			answer_free(&answer);
		}
	}
	world_end();
}

static void
old_versions(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client,
	    "GET /bytes HTTP/1.0\r\n"
	    "Connection: keep-alive\r\n\r\n");
	answer = client_read(&client, "GET");
	need_body(&answer, 200, "hello");
	assert_string_equal(answer_field(&answer, "Connection"), "keep-alive");
	answer_free(&answer);
	client_send(&client,
	    "GET /source?3 HTTP/1.0\r\n"
	    "Connection: keep-alive\r\n\r\n");
	answer = client_read(&client, "GET");
	assert_null(answer_field(&answer, "Transfer-Encoding"));
	assert_string_equal(answer_field(&answer, "Connection"), "close");
	assert_int_equal(answer.body.len, 3000);
	assert_true(pattern_matches(&answer.body, 0, 3000));
	answer_free(&answer);
	world_end();
}

static void
closing_on_demand(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client, "GET /bytes HTTP/1.1\r\nConnection: close\r\n" END,
	    port);
	answer = client_read(&client, "GET");
	need_body(&answer, 200, "hello");
	assert_string_equal(answer_field(&answer, "Connection"), "close");
	answer_free(&answer);
	assert_true(client_ended(&client));
	world_end();
}

/* ---- Files and sources --------------------------------- */

static void
files_are_sent(void **state)
{
	static const unsigned sizes[] = { 1, 4096, 262144, 262145, 9000000 };

	(void)state;
	world_new(NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char path[64];
		struct answer answer;

		snprintf(path, sizeof(path), "/file?%u", sizes[i]);
		answer = get("GET", path);
		assert_true(answer.whole);
		assert_int_equal(answer.body.len, sizes[i] + 2);
		assert_int_equal(answer.body.ptr[0], '<');
		assert_int_equal(answer.body.ptr[sizes[i] + 1], '>');
		assert_true(pattern_matches(&answer.body, 1, sizes[i]));
		answer_free(&answer);
	}
	assert_true(count_reaches(&fixture_counts(world)->held_closed, 5));
	world_end();
}

static void
short_file_cuts(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	answer = get("GET", "/short?100000");
	assert_int_equal(answer.status, 200);
	assert_false(answer.whole);
	assert_true(answer.body.len <= 50001);
	answer_free(&answer);
	assert_true(client_ended(&client));
	assert_true(count_reaches(&fixture_counts(world)->done, 1));
	assert_int_equal(atomic_load(&fixture_counts(world)->sent), 0);
	world_end();
}

static void
held_back_until_ready(void **state)
{
	struct answer answer;
	double begun;

	(void)state;
	world_new(NULL);
	begun = seconds_now();
	answer = get("GET", "/held?600000");
	assert_true(answer.whole);
	assert_true(pattern_matches(&answer.body, 1, 600000));
	assert_true(seconds_now() - begun > 0.09);
	answer_free(&answer);
	answer = get("GET", "/cutheld?600000");
	assert_int_equal(answer.status, 200);
	assert_false(answer.whole);
	assert_true(answer.body.len < 600000);
	answer_free(&answer);
	world_end();
}

static void
sources_are_chunked(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	answer = get("GET", "/source?50");
	assert_true(answer.whole);
	assert_int_equal(answer.body.len, 50000);
	assert_true(pattern_matches(&answer.body, 0, 50000));
	answer_free(&answer);
	answer = get("GET", "/source?0");
	need_body(&answer, 200, "");
	answer_free(&answer);
	/* Before the first byte a failure can be told. */
	answer = get("GET", "/broken?0");
	assert_int_equal(answer.status, 500);
	assert_true(answer.whole);
	answer_free(&answer);
	answer = get("GET", "/broken?5");
	assert_int_equal(answer.status, 200);
	assert_false(answer.whole);
	answer_free(&answer);
	assert_true(client_ended(&client));
	assert_true(count_reaches(&fixture_counts(world)->source_closed, 4));
	world_end();
}

/* ---- Bodies --------------------------------- */

static char *
pattern_new(size_t len)
{
	char *bytes = malloc(len + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern_byte(i);
	return bytes;
}

static void
echo_length(const char *path, size_t len)
{
	char *bytes = pattern_new(len);
	struct answer answer;

	client_send(&client, "PUT %s HTTP/1.1\r\nContent-Length: %zu\r\n" END,
	    path, len, port);
	assert_true(client_write(&client, bytes, len));
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.body.len, len);
	assert_true(pattern_matches(&answer.body, 0, len));
	answer_free(&answer);
	free(bytes);
}

static void
bodies_with_length(void **state)
{
	(void)state;
	world_new(NULL);
	echo_length("/echo", 0);
	echo_length("/echo", 1);
	echo_length("/echo", 65536);
	echo_length("/echo", 5000000);
	echo_length("/pause", 3000000);
	world_end();
}

static void
bodies_in_chunks(void **state)
{
	static const size_t pieces[] = { 1, 100, 4096, 70000 };
	struct answer answer;
	char *bytes = pattern_new(70000);

	(void)state;
	world_new(NULL);
	for (size_t i = 0; i < 4; i++) {
		size_t count = i == 0 ? 3000 : 3;

		client_send(&client,
		    "PUT /pause HTTP/1.1\r\n"
		    "Transfer-Encoding: chunked\r\n" END,
		    port);
		for (size_t j = 0; j < count; j++) {
			client_send(&client, "%zx;a=b\r\n", pieces[i]);
			assert_true(client_write(&client, bytes, pieces[i]));
			client_send(&client, "\r\n");
		}
		client_send(&client,
		    "0\r\nX: y\r\n\r\n"
		    "GET /bytes HTTP/1.1\r\n" END,
		    port);
		answer = client_read(&client, "PUT");
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.body.len, count * pieces[i]);
		for (size_t j = 0; j < count; j++)
			assert_true(pattern_matches(&answer.body, j * pieces[i],
			    pieces[i]));
		answer_free(&answer);
		answer = client_read(&client, "GET");
		need_body(&answer, 200, "hello");
		answer_free(&answer);
	}
	free(bytes);
	world_end();
}

static void
continue_when_wanted(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client,
	    "PUT /echo HTTP/1.1\r\nContent-Length: 5\r\n"
	    "Expect: 100-continue\r\n" END,
	    port);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 100);
	client_send(&client, "12345");
	answer = client_read(&client, "PUT");
	need_body(&answer, 200, "12345");
	answer_free(&answer);
	/* Who does not wait gets no 100. */
	client_send(&client,
	    "PUT /echo HTTP/1.1\r\nContent-Length: 5\r\n"
	    "Expect: 100-continue\r\n" END "67890",
	    port);
	answer = client_read(&client, "PUT");
	need_body(&answer, 200, "67890");
	answer_free(&answer);
	/* A refusal comes instead of 100, and nobody waits for the body. */
	client_send(&client,
	    "PUT /refuse HTTP/1.1\r\nContent-Length: 5\r\n"
	    "Expect: 100-continue\r\n" END,
	    port);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 403);
	assert_string_equal(answer_field(&answer, "Connection"), "close");
	answer_free(&answer);
	assert_true(client_ended(&client));
	world_end();
}

static void
unread_bodies(void **state)
{
	char *bytes = pattern_new(1 << 20);
	struct answer answer;

	(void)state;
	world_new(NULL);
	/* Small: dropped, the connection lives. */
	client_send(&client,
	    "PUT /refuse HTTP/1.1\r\n"
	    "Content-Length: 60000\r\n" END,
	    port);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 403);
	assert_null(answer_field(&answer, "Connection"));
	answer_free(&answer);
	assert_true(client_write(&client, bytes, 60000));
	answer = get("GET", "/bytes");
	need_body(&answer, 200, "hello");
	answer_free(&answer);
	client_send(&client,
	    "PUT /refuse HTTP/1.1\r\n"
	    "Transfer-Encoding: chunked\r\n" END "3\r\nabc\r\n0\r\n\r\n",
	    port);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 403);
	assert_null(answer_field(&answer, "Connection"));
	answer_free(&answer);
	/* Large: the answer is seen by a client that goes on sending. */
	client_send(&client,
	    "PUT /refuse HTTP/1.1\r\n"
	    "Content-Length: 4194304\r\n" END,
	    port);
	for (int i = 0; i < 4; i++)
		(void)client_write(&client, bytes, 1 << 20);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 403);
	assert_string_equal(answer_field(&answer, "Connection"), "close");
	answer_free(&answer);
	free(bytes);
	world_end();
}

static void
too_large_bodies(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client,
	    "PUT /echo HTTP/1.1\r\n"
	    "Content-Length: 9223372036854775807\r\n"
	    "Expect: 100-continue\r\n" END,
	    port);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 413);
	answer_free(&answer);
	assert_true(client_ended(&client));
	world_end();
}

static void
broken_chunks(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client,
	    "PUT /echo HTTP/1.1\r\n"
	    "Transfer-Encoding: chunked\r\n" END "5\nhello\r\n0\r\n\r\n"
	    "GET /bytes HTTP/1.1\r\n" END,
	    port, port);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 400);
	answer_free(&answer);
	assert_true(client_ended(&client));
	world_end();
}

static void
conf_hasty(struct conf *conf)
{
	conf->limits.header_seconds = 1;
	conf->limits.keep_alive_seconds = 1;
	conf->limits.body_grace_seconds = 1;
	conf->limits.body_rate = 1024;
	conf->limits.reader_seconds = 1;
}

/* A pause of ours is not the client's: the body arrives in the end. */
static void
our_pauses_do_not_count(void **state)
{
	(void)state;
	world_new(conf_hasty);
	echo_length("/pause", 2000000);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_framed),
		cmocka_unit_test(pipelined_in_order),
		cmocka_unit_test(many_pipelined),
		cmocka_unit_test(old_versions),
		cmocka_unit_test(closing_on_demand),
		cmocka_unit_test(files_are_sent),
		cmocka_unit_test(short_file_cuts),
		cmocka_unit_test(held_back_until_ready),
		cmocka_unit_test(sources_are_chunked),
		cmocka_unit_test(bodies_with_length),
		cmocka_unit_test(bodies_in_chunks),
		cmocka_unit_test(continue_when_wanted),
		cmocka_unit_test(unread_bodies),
		cmocka_unit_test(too_large_bodies),
		cmocka_unit_test(broken_chunks),
		cmocka_unit_test(our_pauses_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
