/*
 * One client socket on epoll, plain or TLS, for the load programs of this
 * folder. Shares no code with the server.
 */
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target {
	struct sockaddr_in address;
	SSL_CTX *tls; /* NULL: plain */
	int sources; /* 127.0.0.2 and so many on; 0: whatever the kernel says */
	int window;  /* SO_RCVBUF, 0: default */
	int segment; /* TCP_MAXSEG, 0: that of loopback, 64 KiB */
};

enum wire_state { WIRE_CONNECTING, WIRE_SHAKING, WIRE_OPEN, WIRE_GONE };

struct wire {
	int fd;
	SSL *ssl;
	enum wire_state state;
	bool was_reset;   /* how it went: RST, or refused */
	uint64_t open_ns; /* when it was connected, with TLS and all */
};

/* What went wrong with the set-up of the program itself ends it. */
void
die(const char *what);

uint64_t
now_ns(void);

/* A decimal number at the beginning of the text, 0 where there is none. */
int
number_read(const char *text);

void
target_init(struct target *target, int port, bool tls);

/* Begins to connect; `number` picks the source address. */
void
wire_open(struct wire *wire, const struct target *target, unsigned number);

/* Goes on until it is open or gone; true when it is open. */
bool
wire_advance(struct wire *wire);

/* Bytes, or 0: not now, or gone (state says so). */
size_t
wire_send(struct wire *wire, const char *bytes, size_t len);

size_t
wire_receive(struct wire *wire, char *bytes, size_t len);

void
wire_close(struct wire *wire);
