#include "server/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* The bytes of an address, none for other families. */
static struct text
address_bytes(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *four = (const void *)address;
	const struct sockaddr_in6 *six = (const void *)address;

	if (address->ss_family == AF_INET)
		return (struct text){ (const char *)&four->sin_addr, 4 };
	if (address->ss_family == AF_INET6)
		return (struct text){ (const char *)&six->sin6_addr, 16 };
	return TEXT_NONE;
}

void
address_normalize(struct sockaddr_storage *address)
{
	const struct sockaddr_in6 six =
	    *(const struct sockaddr_in6 *)(const void *)address;
	struct sockaddr_in *four = (void *)address;

	if (address->ss_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
		return;
	memset(address, 0, sizeof(*address));
	four->sin_family = AF_INET;
	four->sin_port = six.sin6_port;
	memcpy(&four->sin_addr, six.sin6_addr.s6_addr + 12, 4);
}

bool
address_parse(struct text host, struct sockaddr_storage *ret_address)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *four = (void *)&address;
	struct sockaddr_in6 *six = (void *)&address;
	char text[ADDRESS_TEXT] = { 0 };

	if (host.len == 0 || host.len >= sizeof(text))
		return false;
	memcpy(text, host.ptr, host.len);
	if (strlen(text) != host.len)
		return false;
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1)
		address.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1)
		address.ss_family = AF_INET6;
	else
		return false;
	address_normalize(&address);
	*ret_address = address;
	return true;
}

void
address_format(const struct sockaddr_storage *address,
    char ret_text[ADDRESS_TEXT])
{
	struct text bytes = address_bytes(address);

	if (bytes.len == 0 ||
	    inet_ntop(address->ss_family, bytes.ptr, ret_text, ADDRESS_TEXT) ==
		NULL)
		memcpy(ret_text, "unknown", sizeof("unknown"));
}

bool
address_loopback(const struct sockaddr_storage *address)
{
	struct text bytes = address_bytes(address);

	if (bytes.len == 4)
		return bytes.ptr[0] == 127;
	return bytes.len == 16 && memcmp(bytes.ptr, &in6addr_loopback, 16) == 0;
}

bool
address_equal(const struct sockaddr_storage *a,
    const struct sockaddr_storage *b)
{
	struct text bytes = address_bytes(a);

	return bytes.len > 0 && text_equal(bytes, address_bytes(b));
}

unsigned
address_port(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *four = (const void *)address;
	const struct sockaddr_in6 *six = (const void *)address;

	if (address->ss_family == AF_INET)
		return ntohs(four->sin_port);
	return address->ss_family == AF_INET6 ? ntohs(six->sin6_port) : 0;
}

static bool
prefix_equal(struct text a, struct text b, size_t bits)
{
	size_t whole = bits / 8;
	unsigned mask = 0xff00U >> bits % 8;

	if (a.len != b.len || bits > 8 * a.len)
		return false;
	if (!text_equal(text_slice(a, 0, whole), text_slice(b, 0, whole)))
		return false;
	return bits % 8 == 0 ||
	    (((unsigned char)a.ptr[whole] ^ (unsigned char)b.ptr[whole]) &
		mask & 0xff) == 0;
}

static bool
address_matches(const struct sockaddr_storage *address, struct text item)
{
	size_t slash = text_find(item, '/');
	struct sockaddr_storage net;
	uint64_t bits;

	if (!address_parse(text_slice(item, 0, slash), &net))
		return false;
	if (slash == item.len)
		return address_equal(address, &net);
	if (!text_parse_u64(text_slice(item, slash + 1, item.len), 10, &bits))
		return false;
	/* ::ffff:a.b.c.d/N counts the bits of the longer form. */
	if (text_find(item, ':') < slash && net.ss_family == AF_INET)
		bits = bits >= 96 ? bits - 96 : 0;
	return bits <= 128 &&
	    prefix_equal(address_bytes(address), address_bytes(&net),
		(size_t)bits);
}

bool
address_listed(const struct sockaddr_storage *address,
    const struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (address_matches(address, text_from(list->item[i])))
			return true;
	return false;
}
