#pragma once

#include "conf/conf.h"
#include "server/base/buffer.h"
#include "server/base/outcome.h"

/*
 * Listening sockets: bound by the supervisor, one per address and loop (the
 * kernel spreads connections by SO_REUSEPORT), inherited by the server
 * process, kept over a reload as long as the configuration names the address.
 */
enum socket_kind { SOCKET_PLAIN, SOCKET_TLS, SOCKET_ADMIN };

enum { SOCKETS_MAX = 256, SOCKET_NAME_MAX = 128 };

struct socket_entry {
	char name[SOCKET_NAME_MAX]; /* as configured */
	enum socket_kind kind;
	size_t loop;
	int fd;
	bool wanted; /* by the configuration that is being read */
};

struct socket_set {
	struct socket_entry entry[SOCKETS_MAX];
	size_t count;
};

/* How many loops a process of this configuration has. */
size_t
listen_loops(const struct conf *conf);

/*
 * Binds what conf names and the set lacks, taking sockets of a service manager
 * (LISTEN_FDS) where their address fits. Marks what conf wants. On failure the
 * set keeps what it had, and `message` says which address and why.
 */
enum outcome
listen_bind(struct socket_set *set, const struct conf *conf,
    struct buffer *message) MUST_CHECK;

/* Closes what is not wanted. */
void
listen_prune(struct socket_set *set);

/* "FD:KIND:LOOP ..." for the environment of the process, and back. */
void
listen_export(const struct socket_set *set, struct buffer *out);

bool
listen_import(const char *text, struct socket_set *ret_set);

/* "http://127.0.0.1:8080/" of the first socket that is not admin. */
void
listen_url(const struct socket_set *set, struct buffer *out);

/* The same of every address, once, separated by blanks; admin ones marked. */
void
listen_urls(const struct socket_set *set, struct buffer *out);
