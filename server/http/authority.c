/*
 * Authorities are compared to decide whether a URL is ours, so only spellings
 * that every reader splits the same way are accepted.
 */
#include "server/http/authority.h"

#include <arpa/inet.h>
#include <string.h>

enum { HOST_MAX = 255 };

static bool
name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

static bool
name_valid(struct text name)
{
	if (name.len == 0 || name.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!name_byte(name.ptr[i]))
			return false;
	return true;
}

static bool
ipv6_valid(struct text literal)
{
	char text[INET6_ADDRSTRLEN] = { 0 };
	struct in6_addr address;

	if (literal.len == 0 || literal.len >= sizeof(text))
		return false;
	memcpy(text, literal.ptr, literal.len);
	return strlen(text) == literal.len &&
	    inet_pton(AF_INET6, text, &address) == 1;
}

/* ":port" or nothing; "host:" is allowed by RFC 3986 3.2.3. */
static bool
port_parse(struct text rest, uint16_t *ret_port)
{
	uint64_t port;

	*ret_port = 0;
	if (rest.len == 0)
		return true;
	if (rest.ptr[0] != ':')
		return false;
	rest = text_slice(rest, 1, rest.len);
	if (rest.len == 0)
		return true;
	if (rest.len > 5 || !text_parse_u64(rest, 10, &port) || port == 0 ||
	    port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

bool
authority_parse(struct text text, struct authority *ret_authority)
{
	struct authority result = { .host = TEXT_NONE };
	size_t end;
	bool valid;

	if (text.len > 0 && text.ptr[0] == '[') {
		end = text_find(text, ']');
		if (end == text.len)
			return false;
		result.bracketed = true;
		result.host = text_slice(text, 1, end);
		valid = ipv6_valid(result.host);
		end++;
	} else {
		end = text_find(text, ':');
		result.host = text_slice(text, 0, end);
		valid = name_valid(result.host);
	}
	if (!valid ||
	    !port_parse(text_slice(text, end, text.len), &result.port))
		return false;
	*ret_authority = result;
	return true;
}

uint16_t
authority_port(const struct authority *authority, struct text scheme)
{
	if (authority->port != 0)
		return authority->port;
	return text_equal_nocase(scheme, TEXT("https")) ? 443 : 80;
}
