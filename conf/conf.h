#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/outcome.h"

/*
 * The configuration of a process: read once, never changed, shared by count.
 * A reload builds a new one; requests keep the one they began with. Sizes are
 * bytes, times are seconds unless the name says otherwise. Every field is the
 * target of one row of conf/directives.c, which holds its name, default,
 * range and sentence of help.
 */
enum conf_sync { CONF_SYNC_FULL, CONF_SYNC_RELAXED };

enum conf_switch { CONF_SWITCH_OFF, CONF_SWITCH_AUTO };

enum conf_plain { CONF_PLAIN_LOOPBACK, CONF_PLAIN_ALWAYS, CONF_PLAIN_NEVER };

struct conf_list {
	const char **item; /* owned */
	size_t count;
};

struct conf_store {
	const char *path;   /* absolute after loading */
	const char *engine; /* a row of store/engines.c */
	uint64_t sync;      /* enum conf_sync */
	uint64_t map_size;
	uint64_t inline_size;       /* contents up to this live in the engine */
	uint64_t versions;          /* kept per file */
	uint64_t trash_seconds;     /* a deleted item is kept this long */
	uint64_t tombstone_seconds; /* a deletion is told to sync clients */
	uint64_t reserve;           /* bytes kept free so that DELETE works */
};

struct conf_limits {
	uint64_t header_section, header_fields, target, xml_body, xml_depth;
	uint64_t xml_properties; /* names in one PROPFIND or PROPPATCH */
	uint64_t dead_property_bytes, dead_properties; /* per resource */
	uint64_t if_header;
	uint64_t locks_per_principal, locks_per_link;
	uint64_t lock_seconds, lock_link_seconds;
	uint64_t ranges, connections;
	uint64_t header_seconds, keep_alive_seconds;
	uint64_t body_rate, body_grace_seconds; /* bytes a second */
	uint64_t reader_seconds;                /* without progress */
	uint64_t api_body, upload_expire_seconds;
	uint64_t sync_results; /* members in one sync-collection page */
	uint64_t file_size;    /* 0: what the quota and the disk hold */
	uint64_t queue_commit, queue_slow, queue_hash; /* waiting jobs */
	uint64_t drain_seconds;
	uint64_t tree_nodes; /* nodes in one COPY */
};

struct conf_auth {
	uint64_t basic_over_plain_http; /* enum conf_plain */
	uint64_t cache_seconds;         /* a verified credential is believed */
	uint64_t guess_free;            /* wrong passwords before any delay */
	uint64_t guess_seconds;         /* longest delay */
	const char *realm;
};

struct conf {
	struct conf_list listen;
	const char *public_url;
	struct conf_list server_names;
	struct conf_list trusted_proxies;
	const char *security_contact;
	uint64_t sandbox; /* enum conf_switch */
	struct conf_store store;
	struct {
		const char *certificate, *key;
	} tls; /* absolute paths */
	struct {
		uint64_t loops, workers;
	} threads; /* 0: by processors */
	struct conf_limits limits;
	struct conf_auth auth;
	struct {
		uint64_t enabled;
	} renditions; /* enum conf_switch */
	struct {
		const char *listen;
	} admin; /* empty: none */
	/* access: "stderr", "off" or an absolute path; enum log_level */
	struct {
		const char *access;
		uint64_t level;
	} log;
	const char *file; /* absolute path that it was read from */
	_Atomic size_t users;
};

/*
 * Reads a file. On BAD_INPUT, `message` holds lines "FILE:LINE: what, what
 * was expected". On IO it says which file and why. The count is 1.
 */
enum outcome
conf_load(const char *file, struct buffer *message, struct conf **ret_conf)
    MUST_CHECK;

/* The defaults alone, for tests and tools. */
struct conf *
conf_defaults(void);

struct conf *
conf_ref(struct conf *conf);

/* Always NULL; frees with the last user. NULL is allowed. */
struct conf *
conf_unref(struct conf *conf);

/* The effective configuration in the syntax of the file, secrets hidden. */
void
conf_print(const struct conf *conf, struct buffer *out);
