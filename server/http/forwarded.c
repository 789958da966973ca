/*
 * Lists are read from the right: the last element is what our own proxy added,
 * and only while an element names another trusted proxy does the one before it
 * count. A fact that Forwarded and X-Forwarded-* tell differently is not
 * believed: a proxy sets one of them and passes the other from the client.
 */
#include "server/http/forwarded.h"

#include <stdio.h>

#include "server/http/address.h"
#include "server/http/authority.h"

struct facts {
	struct text address, scheme, host;
};

static struct text
unquoted(struct text value)
{
	if (value.len >= 2 && value.ptr[0] == '"' &&
	    value.ptr[value.len - 1] == '"')
		return text_slice(value, 1, value.len - 1);
	return value;
}

/* The last element of a list, which becomes what stands before it. */
static struct text
last_take(struct text *list)
{
	size_t at = list->len;
	struct text last;

	while (at > 0 && list->ptr[at - 1] != ',')
		at--;
	last = text_trim(text_slice(*list, at, list->len));
	*list = at > 0 ? text_slice(*list, 0, at - 1) : TEXT_NONE;
	return last;
}

/* 192.0.2.1, 192.0.2.1:47011, "[2001:db8::1]:4711", 2001:db8::1. */
static bool
node_parse(struct text node, struct sockaddr_storage *ret_address)
{
	struct authority authority;

	if (address_parse(node, ret_address))
		return true;
	return authority_parse(node, &authority) &&
	    address_parse(authority.host, ret_address);
}

static struct text
parameter(struct text element, struct text name)
{
	while (element.ptr != NULL) {
		struct text pair = text_split(&element, ';');
		struct text key = text_trim(text_split(&pair, '='));

		if (text_equal_nocase(key, name) && pair.ptr != NULL)
			return unquoted(text_trim(pair));
	}
	return TEXT_NONE;
}

/* The nearest node from the right that is no proxy of ours. */
static struct text
client_node(const struct request *request, struct text list, bool rfc7239)
{
	struct text node = TEXT_NONE;
	struct sockaddr_storage address;

	while (list.ptr != NULL) {
		struct text element = last_take(&list);

		if (rfc7239)
			element = parameter(element, TEXT("for"));
		if (!node_parse(element, &address))
			break;
		node = element;
		if (!address_listed(&address, &request->conf->trusted_proxies))
			break;
	}
	return node;
}

static struct text
last_of(const struct request *request, const char *name)
{
	struct text list = header_join(request->arena, &request->headers, name);

	return list.ptr != NULL ? last_take(&list) : TEXT_NONE;
}

static struct facts
facts_rfc7239(const struct request *request)
{
	struct text list = header_join(request->arena, &request->headers,
	    "Forwarded");
	struct text last = last_of(request, "Forwarded");

	return (struct facts){
		.address = client_node(request, list, true),
		.scheme = parameter(last, TEXT("proto")),
		.host = parameter(last, TEXT("host")),
	};
}

static struct facts
facts_customary(const struct request *request)
{
	struct text list = header_join(request->arena, &request->headers,
	    "X-Forwarded-For");

	return (struct facts){
		.address = client_node(request, list, false),
		.scheme = last_of(request, "X-Forwarded-Proto"),
		.host = last_of(request, "X-Forwarded-Host"),
	};
}

static struct text
agreed(struct text a, struct text b)
{
	if (a.len == 0)
		return b;
	return b.len == 0 || text_equal_nocase(a, b) ? a : TEXT_NONE;
}

static void
client_set(struct peer *peer, struct text node)
{
	struct sockaddr_storage address;

	if (!node_parse(node, &address))
		return;
	address_format(&address, peer->name);
	peer->loopback = address_loopback(&address);
}

/* Nothing at all is said: a client of its own that lives where proxies do. */
static bool
proxy_silent(const struct header_list *headers)
{
	static const char *const names[] = { "Forwarded", "X-Forwarded-For",
		"X-Forwarded-Proto", "X-Forwarded-Host" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (header_count(headers, names[i]) > 0)
			return false;
	return true;
}

bool
forwarded_apply(struct request *request)
{
	struct facts one, two;
	struct text scheme, host;
	struct authority authority;

	if (!request->peer.trusted_proxy || proxy_silent(&request->headers))
		return true;
	one = facts_rfc7239(request);
	two = facts_customary(request);
	/* A proxy on this host speaks for clients anywhere. */
	request->peer.loopback = false;
	client_set(&request->peer, agreed(one.address, two.address));
	scheme = agreed(one.scheme, two.scheme);
	if (scheme.len > 0)
		request->peer.tls = text_equal_nocase(scheme, TEXT("https"));
	request->scheme = request->peer.tls ? TEXT("https") : TEXT("http");
	host = agreed(one.host, two.host);
	if (host.len > 0)
		request->authority = host;
	return request->authority.len == 0 ||
	    authority_parse(request->authority, &authority);
}
