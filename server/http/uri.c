#include "server/http/uri.h"

#include "server/http/address.h"
#include "server/http/authority.h"
#include "server/http/syntax.h"

static bool
hosts_equal(const struct authority *a, const struct authority *b)
{
	struct sockaddr_storage left, right;

	if (a->bracketed != b->bracketed)
		return false;
	if (a->bracketed && address_parse(a->host, &left) &&
	    address_parse(b->host, &right))
		return address_equal(&left, &right);
	return text_equal_nocase(a->host, b->host);
}

bool
authority_equal(struct text a, struct text b, struct text scheme)
{
	struct authority left, right;

	return authority_parse(a, &left) && authority_parse(b, &right) &&
	    hosts_equal(&left, &right) &&
	    authority_port(&left, scheme) == authority_port(&right, scheme);
}

/* The authority of "scheme://authority/...", and its scheme. */
static struct text
url_authority(struct text url, struct text *ret_scheme)
{
	size_t colon = text_find_text(url, TEXT("://"));
	struct text rest = text_slice(url, colon + 3, url.len);

	*ret_scheme = text_slice(url, 0, colon);
	return text_slice(rest, 0, text_find(rest, '/'));
}

/* A name without a port is known on every port. */
static bool
name_matches(const struct authority *authority, struct text name)
{
	struct authority known;

	return authority_parse(name, &known) &&
	    hosts_equal(authority, &known) &&
	    (known.port == 0 || known.port == authority->port);
}

/*
 * The address that the connection came to. A listener on loopback is known by
 * every name of loopback, one on a wildcard by the address that was reached.
 */
static bool
listener_matches(const struct authority *authority, const struct peer *peer)
{
	struct text scheme = peer->tls ? TEXT("https") : TEXT("http");
	bool loopback = address_loopback(&peer->local);
	struct sockaddr_storage named;

	if (authority_port(authority, scheme) != address_port(&peer->local))
		return false;
	if (loopback && text_equal_nocase(authority->host, TEXT("localhost")))
		return true;
	if (!address_parse(authority->host, &named))
		return false;
	return address_equal(&named, &peer->local) ||
	    (loopback && address_loopback(&named));
}

bool
authority_known(const struct conf *conf, struct text authority,
    const struct peer *peer)
{
	struct text scheme,
	    public = url_authority(text_from(conf->public_url), &scheme);
	struct authority parsed;

	if (!authority_parse(authority, &parsed))
		return false;
	if (authority_equal(authority, public, scheme))
		return true;
	for (size_t i = 0; i < conf->server_names.count; i++)
		if (name_matches(&parsed,
			text_from(conf->server_names.item[i])))
			return true;
	return listener_matches(&parsed, peer);
}

/*
 * KIO 6 writes its own names of the schemes into Destination, which no RFC
 * knows; they say as clearly whether TLS is meant.
 */
static bool
schemes_equal(struct text given, struct text ours)
{
	bool tls = text_equal_nocase(ours, TEXT("https"));

	return text_equal_nocase(given, ours) ||
	    text_equal_nocase(given, tls ? TEXT("webdavs") : TEXT("webdav"));
}

/*
 * The path of an absolute URI of this server. A URI that names no authority
 * is malformed; one that names another is somebody else's.
 */
static enum outcome
absolute_path(const struct request *request, struct text uri,
    struct text *ret_path)
{
	size_t colon = text_find(uri, ':');
	struct text scheme = text_slice(uri, 0, colon);
	struct text rest = text_slice(uri, colon + 1, uri.len);
	struct authority authority;
	struct text name;

	if (colon == uri.len || !syntax_all(scheme, SYNTAX_TOKEN) ||
	    !text_starts(rest, TEXT("//")))
		return BAD_INPUT;
	rest = text_slice(rest, 2, rest.len);
	name = text_slice(rest, 0, text_find(rest, '/'));
	*ret_path = name.len < rest.len ? text_slice(rest, name.len, rest.len) :
					  TEXT("/");
	/*
	 * KIO keeps the user's name in front of the host. It names nothing:
	 * what counts is the host behind the last '@' (RFC 3986 3.2.1).
	 */
	while (text_find(name, '@') < name.len)
		name = text_slice(name, text_find(name, '@') + 1, name.len);
	if (!authority_parse(name, &authority))
		return BAD_INPUT;
	if (!schemes_equal(scheme, request->scheme) ||
	    !authority_equal(name, request->authority, request->scheme))
		return UNSUPPORTED;
	return OK;
}

enum outcome
uri_local_path(const struct request *request, struct text uri,
    struct path *ret_path)
{
	struct text path = uri;
	enum outcome outcome = OK;

	if (uri.len == 0 || !syntax_all(uri, SYNTAX_TARGET) ||
	    text_find(uri, '?') < uri.len)
		return BAD_INPUT;
	/* "//host/path" is the path of another server (RFC 3986 4.2). */
	if (text_starts(uri, TEXT("//")))
		return UNSUPPORTED;
	if (uri.ptr[0] != '/')
		outcome = absolute_path(request, uri, &path);
	if (outcome != OK)
		return outcome;
	outcome = path_parse(request->arena, path, ret_path);
	return outcome;
}
