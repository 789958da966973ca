#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "server/base/text.h"

/*
 * IP addresses as numbers. IPv4 inside IPv6 (::ffff:a.b.c.d) is IPv4, so that
 * a listener of both families sees one client as one.
 */
enum { ADDRESS_TEXT = 64 };

/* From a numeric host without brackets. */
bool
address_parse(struct text host, struct sockaddr_storage *ret_address);

void
address_normalize(struct sockaddr_storage *address);

/* The numeric form without the port; "unknown" for other families. */
void
address_format(const struct sockaddr_storage *address,
    char ret_text[ADDRESS_TEXT]);

bool
address_loopback(const struct sockaddr_storage *address);

bool
address_equal(const struct sockaddr_storage *a,
    const struct sockaddr_storage *b);

/* 0 for other families than IP. */
unsigned
address_port(const struct sockaddr_storage *address);

/* One of the items, which are addresses or ADDRESS/BITS. */
bool
address_listed(const struct sockaddr_storage *address,
    const struct conf_list *list);
