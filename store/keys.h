#pragma once

#include <stddef.h>
#include <stdint.h>

#include "server/base/codec.h"
#include "server/base/text.h"
#include "store/engine.h"

/*
 * The one list of key spaces. A key is its kind byte, then fixed-width
 * big-endian ids, then at most one text. `key_*` builds into a struct key and
 * returns the text of it.
 *
 *   kind           key                          value
 *   KEY_META       name                         see meta.c
 *   KEY_NODE       parent id, NFC name          struct node
 *   KEY_PLACE      node id                      parent id, NFC name
 *   KEY_PROPERTY   node id                      all dead properties
 *   KEY_BLOB       blob id                      struct blob_record
 *   KEY_DATA       blob id                      content of a small blob
 *   KEY_RELEASED   blob id                      when its last reference went
 *   KEY_VERSION    node id, order               struct version
 *   KEY_TRASH      tree id, sequence            struct trash_item
 *   KEY_LOG        tree id, sequence            struct log_entry
 *   KEY_TREE       tree id                      struct tree
 *   KEY_LOCK       node id, token               struct lock
 *   KEY_TOKEN      token                        node id
 *   KEY_LOCK_COUNT principal id                 u64
 *   KEY_CELL       slug                         struct cell
 *   KEY_CELL_ROOT  root node id                 slug
 *   KEY_USER       name                         struct user
 *   KEY_USER_NAME  user id                      name
 *   KEY_GROUP      name                         struct group
 *   KEY_GROUP_NAME group id                     name
 *   KEY_MEMBER     user id, group id            empty
 *   KEY_APP        user id, app password id     struct app_password
 *   KEY_APP_HASH   hash of an app password      user id, app password id
 *   KEY_GRANT      node id, grant id            struct grant
 *   KEY_GRANT_NODE grant id                     node id
 *   KEY_GRANT_SUBJECT subject id, grant id      node id
 *   KEY_RECLAIM    sequence                     node id of a tree to free
 *   KEY_GUESS      subject of wrong passwords   struct guess
 *   KEY_USAGE      user id                      limit and use, see quota.h
 *   KEY_UNTYPED    node id                      see media_later.h
 */
enum key_kind {
	KEY_META = 'M',
	KEY_NODE = 'n',
	KEY_PLACE = 'i',
	KEY_PROPERTY = 'p',
	KEY_BLOB = 'b',
	KEY_DATA = 'd',
	KEY_RELEASED = 'f',
	KEY_VERSION = 'v',
	KEY_TRASH = 't',
	KEY_LOG = 'g',
	KEY_TREE = 'T',
	KEY_LOCK = 'l',
	KEY_TOKEN = 'k',
	KEY_LOCK_COUNT = 'y',
	KEY_CELL = 'c',
	KEY_CELL_ROOT = 'C',
	KEY_USER = 'u',
	KEY_USER_NAME = 'U',
	KEY_GROUP = 'r',
	KEY_GROUP_NAME = 'R',
	KEY_MEMBER = 'm',
	KEY_APP = 'w',
	KEY_APP_HASH = 'W',
	KEY_GRANT = 'a',
	KEY_GRANT_NODE = 'A',
	KEY_GRANT_SUBJECT = 'S',
	KEY_RECLAIM = 'x',
	KEY_GUESS = 'q',
	KEY_USAGE = 'z',
	KEY_UNTYPED = 'o'
};

struct key {
	unsigned char bytes[ENGINE_KEY_MAX];
	size_t len;
};

/* kind + id */
struct text
key_id(struct key *key, enum key_kind kind, uint64_t id);

/* kind + id + id */
struct text
key_pair(struct key *key, enum key_kind kind, uint64_t id, uint64_t second);

/* kind + id + text; the text has at most 255 bytes. */
struct text
key_name(struct key *key, enum key_kind kind, uint64_t id, struct text name);

/* kind + text of at most 255 bytes. */
struct text
key_text(struct key *key, enum key_kind kind, struct text name);

/* The id at `index` (0 or 1) of a stored key. */
uint64_t
key_id_of(struct text key, size_t index);

/* What follows `ids` ids in a stored key. */
struct text
key_rest_of(struct text key, size_t ids);
