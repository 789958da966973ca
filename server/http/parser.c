/*
 * Request heads. The end is found first, line by line, so that what can be
 * refused early is refused early and nothing is parsed twice; then the request
 * line, then the fields, then what they say together about framing. There is
 * one reading of every byte: what RFC 9112 lets a recipient repair is refused.
 */
#include "server/http/parser.h"

#include "server/http/authority.h"
#include "server/http/syntax.h"

enum { METHOD_MAX = 32, VERSION_LEN = 8, FIELDS_FIRST = 16 };

/* One empty line before the request line is skipped (RFC 9112 2.2). */
static size_t
leading_line(struct text bytes)
{
	return text_starts(bytes, TEXT("\r\n")) ? 2 : 0;
}

/* 0, or why a head of which `bytes` is a part can be refused already. */
static unsigned
head_oversize(struct text bytes, const struct head_limits *limits)
{
	struct text head = text_slice(bytes, leading_line(bytes), bytes.len);
	size_t line = text_find(head, '\n');

	if (line > METHOD_MAX + 1 + limits->target + 1 + VERSION_LEN + 1)
		return text_find(text_slice(head, 0, METHOD_MAX + 1), ' ') >
			METHOD_MAX ?
		    501 :
		    414;
	return head.len - line > limits->section + 3 ? 431 : 0;
}

enum parse_result
head_measure(struct text bytes, const struct head_limits *limits,
    size_t *scanned, size_t *ret_len, unsigned *ret_status)
{
	size_t at = *scanned, end = 0;

	*ret_status = 400;
	if (bytes.len == 0)
		return PARSE_MORE;
	if (bytes.ptr[0] != '\r' && !syntax_is(bytes.ptr[0], SYNTAX_TOKEN))
		return PARSE_REFUSED;
	while (end == 0 && at < bytes.len) {
		at += text_find(text_slice(bytes, at, bytes.len), '\n');
		if (at == bytes.len)
			break;
		/* A line that ends in LF alone is a line for some only. */
		if (at == 0 || bytes.ptr[at - 1] != '\r')
			return PARSE_REFUSED;
		at++;
		if (at > 2 && bytes.ptr[at - 3] == '\n')
			end = at;
	}
	*scanned = at;
	*ret_status = head_oversize(end > 0 ? text_slice(bytes, 0, end) : bytes,
	    limits);
	if (*ret_status != 0)
		return PARSE_REFUSED;
	*ret_len = end;
	return end > 0 ? PARSE_DONE : PARSE_MORE;
}

/* The next line without its CRLF; `rest` holds whole lines only. */
static struct text
line_next(struct text *rest)
{
	struct text line = text_split(rest, '\n');

	return text_slice(line, 0, line.len > 0 ? line.len - 1 : 0);
}

static unsigned
version_parse(struct text version, unsigned *ret_minor)
{
	if (version.len != VERSION_LEN ||
	    !text_starts(version, TEXT("HTTP/")) || version.ptr[6] != '.' ||
	    version.ptr[5] < '0' || version.ptr[5] > '9' ||
	    version.ptr[7] < '0' || version.ptr[7] > '9')
		return 400;
	if (version.ptr[5] != '1' || version.ptr[7] > '1')
		return 505;
	*ret_minor = (unsigned)(version.ptr[7] - '0');
	return 0;
}

/*
 * Origin, absolute and asterisk form (RFC 9112 3.2). The authority form is for
 * proxies only.
 */
static bool
target_form_valid(const struct head *head)
{
	struct text target = head->target;

	if (!syntax_all(target, SYNTAX_TARGET))
		return false;
	if (target.ptr[0] == '/')
		return true;
	if (text_equal(target, TEXT("*")))
		return text_equal(head->method, TEXT("OPTIONS"));
	return text_starts_nocase(target, TEXT("http://")) ||
	    text_starts_nocase(target, TEXT("https://"));
}

static unsigned
request_line_parse(struct text line, const struct head_limits *limits,
    struct head *head)
{
	size_t first = text_find(line, ' ');
	struct text rest = text_slice(line, first + 1, line.len);
	size_t second = text_find(rest, ' ');
	unsigned status;

	head->method = text_slice(line, 0, first);
	head->target = text_slice(rest, 0, second);
	if (!syntax_all(head->method, SYNTAX_TOKEN) || second == rest.len)
		return 400;
	status = version_parse(text_slice(rest, second + 1, rest.len),
	    &head->minor);
	if (status != 0)
		return status;
	if (head->method.len > METHOD_MAX)
		return 501;
	if (head->target.len > limits->target)
		return 414;
	return target_form_valid(head) ? 0 : 400;
}

/*
 * Some gateways read '_' in a name as '-'. A name that would then frame or
 * route the message means different things to different readers.
 */
static bool
name_confusable(struct text name)
{
	static const char *const names[] = { "content-length",
		"transfer-encoding", "host", "connection", "expect",
		"authorization", "forwarded", "x-forwarded-for",
		"x-forwarded-host", "x-forwarded-proto" };

	if (text_find(name, '_') == name.len)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct text other = text_from(names[i]);
		size_t at = 0;

		while (other.len == name.len && at < name.len &&
		    ((name.ptr[at] == '_' && other.ptr[at] == '-') ||
			text_equal_nocase(text_slice(name, at, at + 1),
			    text_slice(other, at, at + 1))))
			at++;
		if (at == name.len)
			return true;
	}
	return false;
}

/* A space before the colon and a folded line fail as names. */
static bool
field_parse(struct text line, struct header_field *field)
{
	size_t colon = 0;
	struct text name, value;

	while (colon < line.len && syntax_is(line.ptr[colon], SYNTAX_TOKEN))
		colon++;
	name = text_slice(line, 0, colon);
	if (colon == 0 || colon == line.len || line.ptr[colon] != ':' ||
	    name_confusable(name))
		return false;
	value = text_trim(text_slice(line, colon + 1, line.len));
	if (text_has_control(value))
		return false;
	*field = (struct header_field){ .name = name, .value = value };
	return true;
}

/* Room doubles at the powers of two from FIELDS_FIRST. */
static void
field_room(struct arena *arena, struct header_list *list)
{
	size_t count = list->count;
	struct header_field *grown;

	if (count > 0 && (count < FIELDS_FIRST || (count & (count - 1)) != 0))
		return;
	grown = ARENA_ARRAY(arena, count > 0 ? 2 * count : FIELDS_FIRST,
	    struct header_field);
	for (size_t i = 0; i < count; i++)
		grown[i] = list->field[i];
	list->field = grown;
}

static size_t
line_count(struct text bytes)
{
	size_t count = 0;

	for (size_t at = text_find(bytes, '\n'); at < bytes.len;
	    at = at + 1 + text_find(text_slice(bytes, at + 1, bytes.len), '\n'))
		count++;
	return count;
}

/*
 * `rest` ends with the empty line. Too many fields are told before a field
 * that is wrong.
 */
static unsigned
fields_parse(struct arena *arena, struct text rest,
    const struct head_limits *limits, struct header_list *list)
{
	const struct text all = rest;
	uint64_t present = 0;

	while (rest.len > sizeof("\r\n") - 1) {
		struct header_field *field;

		if (list->count == limits->fields)
			return 431;
		field_room(arena, list);
		field = &list->field[list->count];
		if (!field_parse(line_next(&rest), field))
			return line_count(all) - 1 > limits->fields ? 431 : 400;
		present |= header_bit(field->name);
		list->count++;
	}
	list->absent = ~present;
	return 0;
}

/*
 * Only chunked is understood. A list that ends in chunked names a coding that
 * is not offered; anything else does not frame the body at all (RFC 9112 6.3).
 */
static unsigned
coding_status(struct text value)
{
	struct text rest = value, last = TEXT_NONE;
	size_t chunked = 0, count = 0;

	while (rest.ptr != NULL) {
		last = text_trim(text_split(&rest, ','));
		if (!syntax_all(last, SYNTAX_TOKEN))
			return 400;
		count++;
		chunked += text_equal_nocase(last, TEXT("chunked"));
	}
	if (chunked == 1 && count == 1)
		return 0;
	if (count > 1 &&
	    (chunked != 1 || !text_equal_nocase(last, TEXT("chunked"))))
		return 400;
	return 501;
}

static unsigned
length_parse(struct text value, uint64_t *ret_length)
{
	if (value.len > 1 && value.ptr[0] == '0')
		return 400;
	if (!text_parse_u64(value, 10, ret_length) || *ret_length > INT64_MAX)
		return 400;
	return 0;
}

/* RFC 9112 6: two readings of where a body ends are an attack. */
static unsigned
framing_parse(struct head *head)
{
	size_t codings = header_count(&head->headers, "Transfer-Encoding");
	size_t lengths = header_count(&head->headers, "Content-Length");

	if (codings + lengths > 1)
		return 400;
	if (codings == 1) {
		head->chunked = true;
		return head->minor == 0 ?
		    400 :
		    coding_status(header_get(&head->headers,
			"Transfer-Encoding"));
	}
	if (lengths == 0)
		return 0;
	head->has_length = true;
	return length_parse(header_get(&head->headers, "Content-Length"),
	    &head->length);
}

/* Exactly one in HTTP/1.1, at most one before (RFC 9112 3.2). */
static unsigned
host_check(const struct head *head)
{
	struct text host;
	size_t count = header_find(&head->headers, TEXT("Host"), &host);
	struct authority authority;

	if (count == 0)
		return head->minor == 0 ? 0 : 400;
	return count > 1 || !authority_parse(host, &authority) ? 400 : 0;
}

/* An Expect in HTTP/1.0 is no expectation (RFC 9110 10.1.1). */
static unsigned
expect_parse(struct head *head)
{
	size_t count = header_count(&head->headers, "Expect");

	if (count == 0 || head->minor == 0)
		return 0;
	if (count > 1 ||
	    !text_equal_nocase(header_get(&head->headers, "Expect"),
		TEXT("100-continue")))
		return 417;
	head->expects_continue = true;
	return 0;
}

static void
persistence_parse(struct head *head)
{
	const struct header_list *list = &head->headers;
	const struct text name = TEXT("Connection");
	bool close = false, keep = head->minor > 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct header_field *field = &list->field[i];

		if ((list->absent & header_bit(name)) != 0)
			break;
		if (!text_equal_nocase(field->name, name))
			continue;
		close |= header_has_token(field->value, TEXT("close"));
		keep |= header_has_token(field->value, TEXT("keep-alive"));
	}
	head->keep_alive = keep && !close;
}

unsigned
head_read(struct arena *arena, struct text bytes,
    const struct head_limits *limits, struct head *ret_head)
{
	struct text rest = text_slice(bytes, leading_line(bytes), bytes.len);
	struct head head = { .method = TEXT_NONE };
	unsigned status = request_line_parse(line_next(&rest), limits, &head);

	if (status == 0)
		status = fields_parse(arena, rest, limits, &head.headers);
	if (status == 0)
		status = framing_parse(&head);
	if (status == 0)
		status = host_check(&head);
	if (status == 0)
		status = expect_parse(&head);
	if (status != 0)
		return status;
	persistence_parse(&head);
	*ret_head = head;
	return 0;
}

enum parse_result
head_parse(struct arena *arena, struct text bytes,
    const struct head_limits *limits, size_t *scanned, struct head *ret_head,
    size_t *ret_used, unsigned *ret_status)
{
	size_t len;
	enum parse_result result = head_measure(bytes, limits, scanned, &len,
	    ret_status);

	if (result != PARSE_DONE)
		return result;
	*ret_status = head_read(arena, text_slice(bytes, 0, len), limits,
	    ret_head);
	if (*ret_status != 0)
		return PARSE_REFUSED;
	*ret_used = len;
	return PARSE_DONE;
}
