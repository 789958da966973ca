/*
 * Request heads. What one read gives, any split of it gives; what is taken has
 * one framing, one host, and no byte that another reader could take for the
 * end of a line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/parser.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct head_limits limits = {
	.section = 2048, .fields = 20, .target = 512
};

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static void
field_check(const struct header_field *field)
{
	need(field->name.len > 0 && field->value.ptr != NULL);
	for (size_t i = 0; i < field->value.len; i++) {
		unsigned char c = (unsigned char)field->value.ptr[i];

		need((c >= 0x20 && c != 0x7f) || c == '\t');
	}
	need(text_find(field->name, ' ') == field->name.len);
	need(text_equal(text_trim(field->value), field->value));
}

static void
head_check(const struct head *head)
{
	size_t codings = header_count(&head->headers, "Transfer-Encoding");
	size_t lengths = header_count(&head->headers, "Content-Length");

	need(codings + lengths <= 1);
	need(head->chunked == (codings == 1));
	need(head->has_length == (lengths == 1));
	need(head->length <= INT64_MAX);
	need(head->minor <= 1);
	need(header_count(&head->headers, "Host") + (head->minor == 0) >= 1);
	need(header_count(&head->headers, "Host") <= 1);
	need(head->target.len > 0 && head->target.len <= limits.target);
	need(head->headers.count <= limits.fields);
	for (size_t i = 0; i < head->headers.count; i++)
		field_check(&head->headers.field[i]);
}

static enum parse_result
parse(const char *bytes, size_t len, size_t *scanned, size_t *used,
    unsigned *status)
{
	struct arena *arena = arena_new();
	struct head head;
	enum parse_result result = head_parse(arena,
	    (struct text){ bytes, len }, &limits, scanned, &head, used, status);

	if (result == PARSE_DONE) {
		need(*used > 0 && *used <= len);
		head_check(&head);
	}
	arena_free(arena);
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t scanned = 0, used = 0, split_used = 0, len = 0;
	unsigned status = 0, split_status = 0;
	enum parse_result split = PARSE_MORE;
	char *bytes = malloc(size + 1);
	enum parse_result whole;

	need(bytes != NULL);
	if (size > 0)
		memcpy(bytes, data, size);
	whole = parse(bytes, size, &scanned, &used, &status);
	scanned = 0;
	while (split == PARSE_MORE && len < size) {
		len += 1 + size / 16;
		len = len < size ? len : size;
		split = parse(bytes, len, &scanned, &split_used, &split_status);
	}
	/* A limit may be met before an earlier fault is seen whole. */
	need(split == whole);
	if (whole == PARSE_DONE)
		need(split_used == used);
	free(bytes);
	return 0;
}
