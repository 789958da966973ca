/*
 * What connections refuse and when they end: bad heads, unknown names, limits
 * of time and number, clients that go away, drain and cut.
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

#include "server/base/metric.h"
#include "server/http/connection.h"
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

/* ---- Refusals --------------------------------- */

static void
refusals_close(void **state)
{
	static const struct {
		const char *head;
		unsigned status;
	} heads[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400 },
		{ "GET / HTTP/1.1\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: elsewhere.example\r\n", 421 },
		{ "GET http://other/ HTTP/1.1\r\nHost: localhost\r\n", 400 },
		{ "GET /%00 HTTP/1.1\r\nHost: localhost\r\n", 400 },
		{ "GET /a%2fb HTTP/1.1\r\nHost: localhost\r\n", 400 },
		{ "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n", 400 },
		{ "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n",
		    501 },
		{ "GET / HTTP/3.0\r\nHost: a\r\n", 505 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n", 417 },
		{ "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n", 400 },
		{ "GET / HTTP/1.1\nHost: a\n", 400 },
	};

	(void)state;
	world_new(NULL);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct client one = client_open(world, NULL);
		struct answer answer;
		char *bytes = malloc(512);

		assert_non_null(bytes);
		/* The second request must never be answered. */
		assert_true(client_write(&one, bytes,
		    (size_t)snprintf(bytes, 512,
			"%s\r\nGET /bytes HTTP/1.1\r\nHost: localhost:%u"
			"\r\n\r\n",
			heads[i].head, port)));
		answer = client_read(&one, "GET");
		if (answer.status != heads[i].status)
			fail_msg("%s: %u", heads[i].head, answer.status);
		assert_string_equal(answer_field(&answer, "Connection"),
		    "close");
		answer_free(&answer);
		assert_true(client_ended(&one));
		client_close(&one);
		free(bytes);
	}
	assert_int_equal(atomic_load(&fixture_counts(world)->heads), 0);
	world_end();
}

/* The value of a row of metrics, -1 when it is not there. */
static long
metric_value(const char *row)
{
	struct buffer out = { .max = 1 << 20 };
	const char *at;
	long value = -1;

	metric_write(&out);
	buffer_append_byte(&out, '\0');
	at = strstr(out.ptr, row);
	if (at != NULL)
		value = strtol(at + strlen(row), NULL, 10);
	buffer_done(&out);
	return value;
}

static void
counts_are_kept(void **state)
{
	static const char refused[] =
	    "\ncelldav_http_refused_requests_total{status=\"400\"} ";
	static const char accepted[] =
	    "\ncelldav_http_connections_accepted_total ";
	static const char sent[] = "\ncelldav_http_sent_bytes_total ";
	long before[3] = { metric_value(refused), metric_value(accepted),
		metric_value(sent) };
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client, "GET / HTTP/1.1\r\n\r\n");
	answer = client_read(&client, "GET");
	assert_int_equal(answer.status, 400);
	assert_true(count_reaches(&fixture_counts(world)->done, 1));
	assert_int_equal(metric_value(refused), before[0] + 1);
	assert_int_equal(metric_value(accepted), before[1] + 1);
	assert_true(metric_value(sent) > before[2] + (long)answer.body.len);
	answer_free(&answer);
	world_end();
	assert_int_equal(metric_value("\ncelldav_http_connections "), 0);
}

static void
hosts_of_loopback(void **state)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1",
		"127.9.9.9", "[::1]", "LOCALHOST" };
	struct answer answer;

	(void)state;
	world_new(NULL);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		client_send(&client,
		    "GET http://%s:%u/bytes HTTP/1.1\r\n"
		    "Host: %s:%u\r\n\r\n",
		    hosts[i], port, hosts[i], port);
		answer = client_read(&client, "GET");
		need_body(&answer, 200, "hello");
		assert_non_null(strstr(answer_field(&answer, "X-Seen"),
		    "target=/bytes"));
		answer_free(&answer);
	}
	client_send(&client,
	    "GET /bytes HTTP/1.1\r\nHost: localhost:1\r\n"
	    "\r\n");
	answer = client_read(&client, "GET");
	assert_int_equal(answer.status, 421);
	answer_free(&answer);
	world_end();
}

static const char *one_proxy[] = { "127.0.0.0/8" };
static const char *one_name[] = { "files.example.org" };

static void
conf_proxy(struct conf *conf)
{
	conf->trusted_proxies = (struct conf_list){ one_proxy, 1 };
	conf->server_names = (struct conf_list){ one_name, 1 };
}

/* The lists are not the configuration's own: it must not free them. */
static void
conf_lists_drop(struct conf *conf)
{
	conf->trusted_proxies = (struct conf_list){ NULL, 0 };
	conf->server_names = (struct conf_list){ NULL, 0 };
}

static void
proxies_are_believed(void **state)
{
	static const struct {
		const char *fields, *seen;
	} rows[] = {
		{ "", "http://files.example.org client=127.0.0.1 loopback=1" },
		{ "X-Forwarded-For: nobody\r\n",
		    "http://files.example.org client=127.0.0.1 loopback=0" },
		{ "X-Forwarded-Proto: http\r\n",
		    "http://files.example.org client=127.0.0.1 loopback=0" },
		{ "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n",
		    "https://files.example.org client=192.0.2.7 loopback=0" },
		{ "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 127.0.0.2\r\n",
		    "http://files.example.org client=192.0.2.7 loopback=0" },
		{ "X-Forwarded-Host: files.example.org:444\r\n"
		  "X-Forwarded-Proto: https\r\n",
		    "https://files.example.org:444 " },
		{ "Forwarded: for=6.6.6.6, for=\"[2001:db8::1]:99\";"
		  "proto=https\r\n",
		    "https://files.example.org client=2001:db8::1 " },
		{ "Forwarded: for=192.0.2.9\r\nX-Forwarded-For: 192.0.2.8\r\n",
		    "http://files.example.org client=127.0.0.1 loopback=0" },
	};
	struct conf *conf = conf_defaults();

	(void)state;
	conf_proxy(conf);
	world = fixture_new(conf_ref(conf), NULL);
	client = client_open(world, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;

		client_send(&client,
		    "GET /bytes HTTP/1.1\r\n"
		    "Host: files.example.org\r\n%s\r\n",
		    rows[i].fields);
		answer = client_read(&client, "GET");
		assert_int_equal(answer.status, 200);
		if (strncmp(answer_field(&answer, "X-Seen"), rows[i].seen,
			strlen(rows[i].seen)) != 0)
			fail_msg("%s: %s", rows[i].fields,
			    answer_field(&answer, "X-Seen"));
		answer_free(&answer);
	}
	world_end();
	conf_lists_drop(conf);
	conf_unref(conf);
}

static void
strangers_are_not_believed(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client,
	    "GET /bytes HTTP/1.1\r\n"
	    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
	    "Forwarded: for=192.0.2.7\r\n" END,
	    port);
	answer = client_read(&client, "GET");
	assert_non_null(strstr(answer_field(&answer, "X-Seen"),
	    "client=127.0.0.1 loopback=1"));
	assert_int_equal(strncmp(answer_field(&answer, "X-Seen"), "http://", 7),
	    0);
	answer_free(&answer);
	world_end();
}

/* ---- Time --------------------------------- */

static void
conf_hasty(struct conf *conf)
{
	conf->limits.header_seconds = 1;
	conf->limits.keep_alive_seconds = 1;
	conf->limits.body_grace_seconds = 1;
	conf->limits.body_rate = 1024;
	conf->limits.reader_seconds = 1;
}

static void
slow_heads(void **state)
{
	double begun = seconds_now();
	struct answer answer;

	(void)state;
	world_new(conf_hasty);
	for (int i = 0; i < 6; i++) {
		client_send(&client, "%c", "GET /b"[i]);
		usleep(100000);
	}
	answer = client_read(&client, "GET");
	assert_int_equal(answer.status, 408);
	answer_free(&answer);
	assert_true(client_ended(&client));
	assert_true(seconds_now() - begun > 0.9);
	assert_true(seconds_now() - begun < 3);
	world_end();
}

static void
slow_bodies(void **state)
{
	struct answer answer;

	(void)state;
	world_new(conf_hasty);
	client_send(&client,
	    "PUT /echo HTTP/1.1\r\n"
	    "Content-Length: 100000\r\n" END "abc",
	    port);
	answer = client_read(&client, "PUT");
	assert_int_equal(answer.status, 408);
	assert_string_equal(answer_field(&answer, "Connection"), "close");
	answer_free(&answer);
	assert_true(client_ended(&client));
	world_end();
}

static void
idle_connections_close(void **state)
{
	struct answer answer;

	(void)state;
	world_new(conf_hasty);
	answer = get("GET", "/bytes");
	need_body(&answer, 200, "hello");
	answer_free(&answer);
	assert_true(client_ended(&client));
	world_end();
}

static void
readers_without_progress(void **state)
{
	double begun = seconds_now();

	(void)state;
	world_new(conf_hasty);
	client_send(&client, "GET /file?50000000 HTTP/1.1\r\n" END, port);
	assert_true(count_reaches(&fixture_counts(world)->done, 1));
	assert_true(seconds_now() - begun > 0.9);
	assert_int_equal(atomic_load(&fixture_counts(world)->sent), 0);
	assert_int_equal(atomic_load(&fixture_counts(world)->held_closed), 1);
	world_end();
}

/* ---- The end --------------------------------- */

static void
gone_while_away(void **state)
{
	struct linger now = { .l_onoff = 1 };

	(void)state;
	world_new(NULL);
	for (int reset = 0; reset < 2; reset++) {
		client_send(&client, "GET /never HTTP/1.1\r\n" END, port);
		assert_true(count_reaches(&fixture_counts(world)->heads,
		    reset + 1));
		if (reset == 1)
			setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &now,
			    sizeof(now));
		client_close(&client);
		client = client_open(world, NULL);
		usleep(50000);
		assert_int_equal(atomic_load(&fixture_counts(world)->done),
		    reset);
		fixture_order(world, 'a');
		assert_true(count_reaches(&fixture_counts(world)->done,
		    reset + 1));
		assert_int_equal(atomic_load(&fixture_counts(world)->cancelled),
		    reset + 1);
	}
	assert_int_equal(atomic_load(&fixture_counts(world)->sent), 0);
	world_end();
}

/* Who only stops sending still gets the answer. */
static void
half_closed(void **state)
{
	struct answer answer;

	(void)state;
	world_new(NULL);
	client_send(&client, "GET /late HTTP/1.1\r\n" END, port);
	shutdown(client.fd, SHUT_WR);
	answer = client_read(&client, "GET");
	need_body(&answer, 200, "late");
	answer_free(&answer);
	assert_true(client_ended(&client));
	world_end();
}

static void
gone_in_a_body(void **state)
{
	(void)state;
	world_new(NULL);
	client_send(&client,
	    "PUT /echo HTTP/1.1\r\n"
	    "Content-Length: 100000\r\n" END "abc",
	    port);
	assert_true(count_reaches(&fixture_counts(world)->heads, 1));
	client_close(&client);
	assert_true(count_reaches(&fixture_counts(world)->done, 1));
	assert_int_equal(atomic_load(&fixture_counts(world)->sent), 0);
	client = client_open(world, NULL);
	world_end();
}

/* The reset is there before the bytes are read: one edge tells of both. */
static void
reset_with_the_bytes(void **state)
{
	static const char *const begun[] = {
		"PUT /echo HTTP/1.1\r\nContent-Length: 90\r\n" END "abc",
		"PUT /refuse HTTP/1.1\r\nContent-Length: 90\r\n" END "abc",
		"GET /bytes HTTP/1.1\r\nHost: localhost:%u",
	};
	struct linger now = { .l_onoff = 1 };
	struct client many[12];
	double begin = seconds_now();

	(void)state;
	world_new(NULL);
	for (int i = 0; i < 12; i++)
		many[i] = client_open(world, NULL);
	fixture_order(world, 's');
	usleep(50000);
	for (int i = 0; i < 12; i++) {
		setsockopt(many[i].fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
		client_send(&many[i], begun[i % 3], port);
		client_close(&many[i]);
	}
	while (metric_value("\ncelldav_http_connections ") > 1) {
		assert_true(seconds_now() - begin < 10);
		usleep(1000);
	}
	assert_int_equal(atomic_load(&fixture_counts(world)->heads),
	    atomic_load(&fixture_counts(world)->done));
	world_end();
}

static void
conf_two(struct conf *conf)
{
	conf->limits.connections = 2;
}

static void
connections_are_limited(void **state)
{
	struct client second, third;
	struct answer answer;

	(void)state;
	world_new(conf_two);
	second = client_open(world, NULL);
	answer = get("GET", "/bytes");
	need_body(&answer, 200, "hello");
	answer_free(&answer);
	third = client_open(world, NULL);
	answer = client_read(&third, "GET");
	assert_int_equal(answer.status, 503);
	assert_string_equal(answer_field(&answer, "Retry-After"), "5");
	answer_free(&answer);
	assert_true(client_ended(&third));
	client_close(&third);
	client_close(&second);
	usleep(50000);
	third = client_open(world, NULL);
	client_send(&third, "GET /bytes HTTP/1.1\r\n" END, port);
	answer = client_read(&third, "GET");
	need_body(&answer, 200, "hello");
	answer_free(&answer);
	client_close(&third);
	world_end();
}

static void
drains(void **state)
{
	struct client idle;
	struct answer answer;

	(void)state;
	world_new(NULL);
	idle = client_open(world, NULL);
	client_send(&idle, "GET /bytes HTTP/1.1\r\n" END, port);
	answer = client_read(&idle, "GET");
	answer_free(&answer);
	client_send(&client, "GET /late HTTP/1.1\r\n" END, port);
	assert_true(count_reaches(&fixture_counts(world)->heads, 2));
	fixture_order(world, 'd');
	assert_true(client_ended(&idle));
	answer = client_read(&client, "GET");
	need_body(&answer, 200, "late");
	assert_string_equal(answer_field(&answer, "Connection"), "close");
	answer_free(&answer);
	assert_true(client_ended(&client));
	client_close(&idle);
	world_end();
}

static void
cut_while_away(void **state)
{
	(void)state;
	world_new(NULL);
	client_send(&client, "GET /never HTTP/1.1\r\n" END, port);
	assert_true(count_reaches(&fixture_counts(world)->heads, 1));
	fixture_order(world, 'c');
	assert_true(client_ended(&client));
	assert_int_equal(atomic_load(&fixture_counts(world)->done), 0);
	fixture_order(world, 'a');
	assert_true(count_reaches(&fixture_counts(world)->done, 1));
	assert_int_equal(atomic_load(&fixture_counts(world)->cancelled), 1);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_close),
		cmocka_unit_test(counts_are_kept),
		cmocka_unit_test(hosts_of_loopback),
		cmocka_unit_test(proxies_are_believed),
		cmocka_unit_test(strangers_are_not_believed),
		cmocka_unit_test(slow_heads),
		cmocka_unit_test(slow_bodies),
		cmocka_unit_test(idle_connections_close),
		cmocka_unit_test(readers_without_progress),
		cmocka_unit_test(gone_while_away),
		cmocka_unit_test(half_closed),
		cmocka_unit_test(gone_in_a_body),
		cmocka_unit_test(reset_with_the_bytes),
		cmocka_unit_test(connections_are_limited),
		cmocka_unit_test(drains),
		cmocka_unit_test(cut_while_away),
	};

	connection_metrics_register();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
