#include "conf/endpoint.h"

#include <arpa/inet.h>
#include <string.h>

static bool
port_parse(struct text text, uint16_t *ret_port)
{
	uint64_t port;

	if (!text_parse_u64(text, 10, &port) || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static bool
numeric_parse(struct text text, int family, unsigned char *ret_bytes)
{
	char string[INET6_ADDRSTRLEN];

	if (text.len == 0 || text.len >= sizeof(string) ||
	    text_find(text, '\0') < text.len)
		return false;
	memcpy(string, text.ptr, text.len);
	string[text.len] = '\0';
	return inet_pton(family, string, ret_bytes) == 1;
}

/*
 * Splits "host", "host:port", "[v6]" or "[v6]:port". The port is the text
 * after the colon, with ptr NULL when there is no colon.
 */
static bool
authority_split(struct text text, struct text *ret_host, struct text *ret_port,
    bool *ret_v6)
{
	struct text rest = text, host;
	unsigned char bytes[16];

	if (text_starts(text, TEXT("["))) {
		rest = text_slice(text, 1, text.len);
		host = text_split(&rest, ']');
		if (rest.ptr == NULL || !numeric_parse(host, AF_INET6, bytes) ||
		    (rest.len > 0 && rest.ptr[0] != ':'))
			return false;
		*ret_v6 = true;
		*ret_host = host;
		*ret_port = rest.len > 0 ? text_slice(rest, 1, rest.len) :
					   TEXT_NONE;
		return true;
	}
	*ret_host = text_split(&rest, ':');
	*ret_port = rest;
	*ret_v6 = false;
	return ret_host->len > 0;
}

bool
endpoint_parse(struct text text, struct endpoint *ret_endpoint)
{
	struct endpoint address = { .tls = text_starts(text, TEXT("tls://")) };
	unsigned char bytes[16];
	struct text port;

	if (address.tls)
		text = text_slice(text, 6, text.len);
	if (!authority_split(text, &address.host, &port, &address.v6) ||
	    (!address.v6 && !numeric_parse(address.host, AF_INET, bytes)) ||
	    !port_parse(port, &address.port))
		return false;
	*ret_endpoint = address;
	return true;
}

/* Letters, digits, '-' and '.': what a name in the DNS is made of. */
static bool
host_name_valid(struct text host)
{
	if (host.len == 0 || host.len > 253)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return true;
}

bool
origin_parse(struct text text, struct origin *ret_origin)
{
	struct origin origin = { .https = text_starts(text, TEXT("https://")) };
	struct text port;

	if (!origin.https && !text_starts(text, TEXT("http://")))
		return false;
	text = text_slice(text, origin.https ? 8 : 7, text.len);
	if (text_ends(text, TEXT("/")))
		text = text_slice(text, 0, text.len - 1);
	if (!authority_split(text, &origin.host, &port, &origin.v6) ||
	    (!origin.v6 && !host_name_valid(origin.host)))
		return false;
	origin.port = origin.https ? 443 : 80;
	if (port.ptr != NULL &&
	    (!port_parse(port, &origin.port) || origin.port == 0))
		return false;
	*ret_origin = origin;
	return true;
}

bool
network_parse(struct text text, struct network *ret_network)
{
	struct network network = { .v6 = text_find(text, ':') < text.len };
	struct text bits = text, address = text_split(&bits, '/');
	uint64_t most = network.v6 ? 128 : 32, count = most;

	if (!numeric_parse(address, network.v6 ? AF_INET6 : AF_INET,
		network.bytes))
		return false;
	if (bits.ptr != NULL &&
	    (!text_parse_u64(bits, 10, &count) || count > most))
		return false;
	network.bits = (unsigned)count;
	*ret_network = network;
	return true;
}

bool
endpoint_valid(struct text value)
{
	struct endpoint address;

	return endpoint_parse(value, &address);
}

bool
endpoint_valid_or_empty(struct text value)
{
	return value.len == 0 || endpoint_valid(value);
}

bool
origin_valid(struct text value)
{
	struct origin origin;

	return origin_parse(value, &origin);
}

bool
network_valid(struct text value)
{
	struct network network;

	return network_parse(value, &network);
}

bool
authority_valid(struct text value)
{
	struct text host, port;
	uint16_t number = 1;
	bool v6;

	if (!authority_split(value, &host, &port, &v6) ||
	    (!v6 && !host_name_valid(host)))
		return false;
	return port.ptr == NULL || (port_parse(port, &number) && number != 0);
}

bool
engine_valid(struct text value)
{
	return text_equal(value, TEXT("lmdb")) ||
	    text_equal(value, TEXT("memory"));
}

/* RFC 3986 2: what a URI consists of; anything else is percent-encoded. */
static bool
uri_bytes(struct text value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL)
			return false;
	}
	return true;
}

bool
contact_valid_or_empty(struct text value)
{
	static const char *const schemes[] = { "mailto:", "https://", "tel:" };

	if (value.len == 0)
		return true;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct text scheme = text_from(schemes[i]);

		if (text_starts(value, scheme))
			return value.len > scheme.len && value.len <= 512 &&
			    uri_bytes(value);
	}
	return false;
}

bool
realm_valid(struct text value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
			return false;
	}
	return value.len > 0 && value.len <= 128;
}
