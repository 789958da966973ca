/*
 * A load generator that checks every answer: N connections on one epoll
 * thread, each with one request under way. Shares no code with the server.
 *
 *	settings_read(argc, argv);
 *	load_run();           (socket.c: until the time or the count is up)
 *	    request_make()    (request.c: the next request of a connection)
 *	    stream_send(), stream_receive()    (stream.c: plain or TLS)
 *	    answer_take()     (answer.c: bytes that came, checked as they come)
 *	report_print();
 *
 * One thread; whatever is wrong with the set-up ends the process.
 */
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CONNECTIONS_MAX = 4096,
	HEAD_MAX = 16384,
	REQUEST_MAX = 2048,
	TOKEN_MAX = 256,
	/* Contents repeat after PERIOD bytes: a prime, so that neither a block
	 * too many nor one too few looks right. */
	PERIOD = 65521,
	PHASE_STEP = 4099,
	BLOCK = 262144,
	TAIL_MAX = 32,
	STEPS_MAX = 12
};

enum step {
	STEP_NONE,
	STEP_GET,
	STEP_RANGE,
	STEP_PUT,
	STEP_DELETE,
	STEP_PROPFIND,
	STEP_STAT,
	STEP_HEAD,
	STEP_MKCOL,
	STEP_OPTIONS,
	STEP_LOCK,
	STEP_UNLOCK,
	STEP_PROPPATCH,
	STEP_COPY,
	STEP_MOVE,
	STEPS
};

/*
 * What a connection repeats: some requests, of one name where it is not a
 * trace, which has names of its own for each step.
 */
struct kind {
	const char *name;
	enum { NAME_NONE, NAME_RANDOM, NAME_NEXT, NAME_OWN, NAME_TRACE } naming;
	enum step steps[STEPS_MAX]; /* STEP_NONE ends them */
};

struct settings {
	struct sockaddr_in address;
	const struct kind *kind;
	int connections;
	double seconds;
	const char *path, *to, *auth, *tag, *suffix, *tls;
	uint64_t files, size, whole, members, depth, count, spread, allprop;
	uint64_t fresh;   /* each request on a connection of its own */
	uint64_t partial; /* the time alone ends it, answers may be cut */
	char *pattern;    /* PERIOD + BLOCK bytes, so that no read wraps */
};

enum place {
	IN_HEAD,
	IN_BODY,
	IN_CHUNK_SIZE,
	IN_CHUNK,
	IN_CHUNK_END,
	IN_TRAILER
};

struct client {
	int fd;
	int id;
	SSL *tls;
	size_t place_in_kind; /* index of the step under way, from 1 */
	enum step step;
	uint64_t turns;        /* names that it has asked for */
	uint64_t target;       /* number of the name under way */
	uint64_t offset;       /* RANGE: where it begins */
	char token[TOKEN_MAX]; /* of the LOCK, for the UNLOCK */

	char request[REQUEST_MAX];
	size_t request_len, sent;
	uint64_t body_len, body_sent;
	bool waits_to_send; /* EPOLLOUT is asked for */
	bool sends_on_read; /* TLS wants to read before it can send */
	bool under_way;
	uint64_t carried; /* answers on this connection */

	enum place place;
	char head[HEAD_MAX]; /* the head, then one line at a time */
	size_t head_len;
	int status;
	bool closing;  /* the server announced that it will */
	uint64_t left; /* of the body or the chunk */
	uint64_t body_bytes;
	uint64_t announced;  /* HEAD: Content-Length */
	uint64_t responses;  /* closing tags of a multistatus */
	char tail[TAIL_MAX]; /* end of the block before: a tag may be split */
	size_t tail_len;
	bool differs; /* a byte was not the one that was put */
	uint64_t begun_ns, first_ns;
};

struct totals {
	uint64_t requests, begun, names, wrong, bytes, reopened;
	uint64_t partial_bytes; /* of answers that were not complete */
	uint64_t begun_ns, ended_ns;
};

extern struct settings settings;
extern struct totals totals;

uint64_t
now_ns(void);
_Noreturn void
die(const char *what);

void
settings_read(int argc, char **argv);
void
load_run(void);

/* A number that looks like chance, the same for the same place. */
uint64_t
mixed(uint64_t place);

/* stream.c: a connection, plain or TLS 1.3 with a checked certificate. */
void
stream_prepare(void);
void
stream_open(struct client *client);
void
stream_close(struct client *client);

/*
 * As send(2) and recv(2) on a socket that does not block; -1 with EAGAIN and
 * client->sends_on_read or not tells what to wait for.
 */
ssize_t
stream_send(struct client *client);
ssize_t
stream_receive(struct client *client, char *block, size_t len);

/* Bytes that came with others and that no event will tell of. */
bool
stream_holds(const struct client *client);

/* Fills client->request; false when no more requests are wanted. */
bool
request_make(struct client *client);

/* Contents at `offset` of the file with number `target`, BLOCK bytes. */
char *
content_at(uint64_t target, uint64_t offset);

/*
 * Takes bytes of the answer. TAIL_MAX bytes before `data` may be written to.
 * True: the answer is complete (anything after it would be an error).
 */
bool
answer_take(struct client *client, char *data, size_t len);

/* Counts a complete answer, and whether it was right. */
void
answer_count(struct client *client);

void
report_print(void);
