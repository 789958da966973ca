#pragma once

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "server/base/buffer.h"

/*
 * A server of one loop on a thread of its own, on loopback, with a service
 * that does what the path says, and a blocking client that shares no parser
 * with it.
 *
 * /bytes            200 with "hello"
 * /echo             the body, read whole
 * /pause            the same, the sink pausing at every piece
 * /refuse           403 without reading the body
 * /late             200 after 200 ms
 * /never            answers when told so by fixture_order(.., 'a')
 * /file?N           N bytes of a pattern from a file
 * /short?N          says N bytes of a file that ends before
 * /held?N           /file with a hold that is ready after 100 ms
 * /cutheld?N        /file with a hold that fails
 * /source?N         N blocks of 1 000 bytes, each second one after a wait
 * /broken?N         /source that fails after N blocks
 * /nothing          204
 */
struct fixture;
struct tls_context;

struct fixture_counts {
	atomic_int heads, done, sent, cancelled, held_closed, source_closed;
	atomic_int last_status;
};

/* `conf` is taken over. `tls` NULL: plain. */
struct fixture *
fixture_new(struct conf *conf, struct tls_context *tls);

/* Cuts what is open, and checks that all came to its end. */
void
fixture_free(struct fixture *fixture);

/* 'd' drain, 'c' cut, 'a' answer what /never keeps, 's' sleep for 200 ms. */
void
fixture_order(struct fixture *fixture, char order);

struct fixture_counts *
fixture_counts(struct fixture *fixture);

unsigned
fixture_port(const struct fixture *fixture);

/* Waits up to five seconds for a count to reach a value. */
bool
count_reaches(atomic_int *count, int value);

struct client {
	int fd;
	SSL *ssl;         /* NULL: plain */
	struct buffer in; /* read and not yet taken */
};

struct client
client_open(const struct fixture *fixture, SSL_CTX *tls);

void
client_close(struct client *client);

void
client_send(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* False when the peer does not take it. */
bool
client_write(struct client *client, const void *bytes, size_t len);

struct answer {
	unsigned status; /* 0: none came */
	char head[8192];
	struct buffer body;
	bool whole; /* ended as its framing says */
};

/* One answer; `method` HEAD has no body. Free with answer_free(). */
struct answer
client_read(struct client *client, const char *method);

void
answer_free(struct answer *answer);

/* The value of a field, NULL when it is not there. For one use. */
const char *
answer_field(const struct answer *answer, const char *name);

/* The connection ends now, without another byte. */
bool
client_ended(struct client *client);

/* Byte `at` of every pattern. */
char
pattern_byte(uint64_t at);

bool
pattern_matches(const struct buffer *body, uint64_t from, uint64_t len);
