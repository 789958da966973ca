#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "server/base/buffer.h"
#include "server/http/connection.h"
#include "server/http/parser.h"
#include "server/http/stream.h"

/*
 * The inside of connections, for connection*.c only.
 *
 * One edge-triggered event a connection is added at accept and never changed:
 * `readable` and `writable` remember what the last edges said. So pausing and
 * resuming cost no system call, and a request that is away cannot spin.
 *
 * connection_run() is the only place that moves a connection on. It runs from
 * events, from the timer and from the list of those that have something to do
 * (`ready`), never inside a call of the service.
 */
enum phase {
	PHASE_HEAD,   /* waits for a head, or reads one */
	PHASE_AWAY,   /* the service has the request; its body may be read */
	PHASE_REPLY,  /* the answer is written */
	PHASE_DRAIN,  /* the small rest of an unread body is dropped */
	PHASE_LINGER, /* all is written; what still comes is dropped */
	PHASE_CLOSED, /* the socket is gone, the request is still away */
	PHASE_HOME,   /* the same, the request came home */
	PHASES
};

enum turn { TURN_GO, TURN_WAIT, TURN_YIELD };

enum {
	SCRATCH_SIZE = 65536, /* of one read */
	SLICE_SIZE = 262144,  /* of one turn of the loop */
	DRAIN_MAX = 65536,    /* of an unread body */
	LINGER_MAX = 8 << 20, /* dropped after the last answer */
	LINGER_SECONDS = 5,
	PIPELINE_TURNS = 64, /* steps in one turn of the loop */
	WHEEL_SLOTS = 256,
	PARTS_MAX = 16
};

#define WHEEL_TICK_NS (NS_PER_SECOND / 4)

struct link {
	struct link *prev, *next;
};

/* A request and how far it is; lives in the arena of the request. */
struct transfer {
	struct request request; /* first member */
	bool keep_alive;        /* the client wants it */
	bool refused;           /* by the parser: the service saw no head */
	/* In. */
	struct body_sink *sink; /* borrowed; NULL: nobody reads, or ended */
	uint64_t body_max;
	uint64_t body_left; /* REQUEST_BODY_LENGTH */
	struct chunk_decoder decoder;
	bool body_done, body_broken, paused, timed_out;
	bool continued;           /* the client need not wait with its body */
	bool replied;             /* request_reply() was called */
	size_t continue_left;     /* bytes of "100 Continue" to be written */
	uint64_t window_received; /* at the begin of the window of rate */
	/* Out. */
	bool begun, close, chunked, bodiless;
	bool measured;    /* a source whose first block was all of it */
	bool released;    /* hold->ready said OK */
	struct text head; /* what is left of it */
	size_t piece;
	uint64_t piece_sent;
	struct buffer block; /* of a source, with its framing */
	size_t block_sent;
	bool source_ended;
	bool failed; /* the answer tells of a failure already */
};

static inline struct transfer *
transfer_of(struct request *request)
{
	return (struct transfer *)(void *)request;
}

struct connection {
	struct link link; /* in a slot of the wheel */
	struct connection *ready_next;
	struct connections *owner; /* borrowed */
	struct transfer *transfer; /* owned by its arena, NULL between */
	struct conf *conf;         /* counted */
	struct event event;
	int fd; /* -1 after the end */
	struct stream stream;
	struct buffer input;  /* kept bytes */
	struct text rest;     /* unread: in `input` or in the scratch */
	size_t scanned;       /* of an incomplete head */
	uint64_t head_ns;     /* its first byte, 0: none yet */
	uint64_t deadline_ns; /* 0: none */
	uint64_t slot_ns;     /* when the wheel looks at it */
	size_t slice;         /* bytes moved in this turn */
	size_t lingered;
	uint64_t drain_left;   /* of a body that nobody wants */
	uint64_t drain_window; /* the same when its deadline was set */
	struct peer peer;
	char authority[48]; /* the last that was found to be ours */
	unsigned char authority_len;
	enum phase phase;
	unsigned depth; /* calls that hold a pointer */
	bool readable, writable, peer_shut;
	bool presumed; /* not readable, as the last read was short */
	bool ready;    /* in the list */
	bool again;    /* there is something to do now */
	bool dead;
};

struct connections {
	struct event_base *base; /* borrowed */
	struct http_service service;
	size_t count;
	bool draining;
	uint64_t drain_ns; /* idle ones end then */
	struct link slot[WHEEL_SLOTS];
	struct link parked; /* without a deadline */
	uint64_t wheel_ns;  /* the slot that is next */
	struct event tick;
	struct event ready_event;
	struct connection *ready; /* list by ready_next */
	struct connection **ready_tail;
	struct connection *running; /* inside connection_run() */
	struct buffer head; /* of an answer, while it is first written */
	uint64_t date_second;
	char date[32];
	char scratch[SCRATCH_SIZE];
	char room[STREAM_BATCH];    /* of files that are read to be written */
	struct stream_room records; /* of TLS */
};

/* connection.c */

/* Runs the connection after the callbacks that are already due. */
void
connection_soon(struct connection *connection) ON_LOOP;

/* Ends the socket now, the connection when its request is home. */
void
connection_end(struct connection *connection) ON_LOOP;

/* done() of the service, and the arena. */
void
transfer_finish(struct connection *connection, bool sent) ON_LOOP;

/* connection_read.c, connection_body.c */

enum turn
turn_head(struct connection *connection) ON_LOOP;

enum turn
turn_away(struct connection *connection) ON_LOOP;

enum turn
turn_drain(struct connection *connection) ON_LOOP;

enum turn
turn_linger(struct connection *connection) ON_LOOP;

/*
 * Bytes of the socket into the scratch; results as of a stream. Not for a
 * connection whose unread bytes are in the scratch.
 */
ssize_t
connection_receive(struct connection *connection) ON_LOOP;

/*
 * A short read says that there is no more for now, and saves the read that
 * would say so. But a reset that came together with those bytes brings no edge
 * of its own: who cannot go on without more bytes reads once more, by this.
 */
ssize_t
connection_receive_more(struct connection *connection) ON_LOOP;

/* The same into other memory. */
ssize_t
connection_receive_into(struct connection *connection, char *room, size_t size)
    ON_LOOP;

/* That many of the unread bytes were used. */
void
rest_advance(struct connection *connection, size_t used);

/* Moves the unread bytes out of the scratch, or frees what is not needed. */
void
rest_keep(struct connection *connection) ON_LOOP;

/* The sink, if any, hears of the end, once. */
void
body_end(struct connection *connection, enum outcome outcome) ON_LOOP;

/* Answers a head that the service never sees. */
void
head_refuse(struct connection *connection, unsigned status) ON_LOOP;

/* True when the body is over or can be dropped without a wait for it. */
bool
body_droppable(struct connection *connection) ON_LOOP;

/* transfer.c */

/*
 * An empty request of this connection, for transfer_parse() or a refusal.
 */
struct transfer *
transfer_new(struct connection *connection);

/* 0, or the status that refuses the head, which head_measure() found whole. */
unsigned
transfer_parse(struct transfer *transfer, struct text head) MUST_CHECK;

/* connection_write.c */

enum turn
turn_reply(struct connection *connection) ON_LOOP;

/* connection_timer.c */

void
wheel_init(struct connections *connections);

void
wheel_start(struct connections *connections) ON_LOOP;

void
wheel_stop(struct connections *connections) ON_LOOP;

/* 0 takes the deadline away. */
void
connection_deadline(struct connection *connection, uint64_t deadline_ns);

/* The same, counted from now. */
void
connection_deadline_in(struct connection *connection, uint64_t seconds);

void
connection_unlink(struct connection *connection);

/* Calls `each` for all connections; it may end the one it is given. */
void
connections_each(struct connections *connections,
    void (*each)(struct connection *connection)) ON_LOOP;
