/*
 * Two readers of the same bytes: the parser and chunk decoder of the server,
 * and llhttp. Each message comes as four bytes of length (little endian) and
 * itself; the answer is a line of four words for each reader:
 *
 *	VERDICT END LENGTH SUM
 *
 * D done, M more bytes are wanted, R refused; where the message ended; how
 * many bytes its body has, and their sum (FNV-1a, as the driver has it).
 */
#include <llhttp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/http/parser.h"

enum { MESSAGE_MAX = 1 << 20 };

static const struct head_limits limits = {
	.section = 4096, .fields = 40, .target = 1024
};

struct reading {
	char verdict;
	size_t end, length;
	uint32_t sum;
};

static struct reading
reading_new(void)
{
	return (struct reading){ .verdict = 'M', .sum = 2166136261U };
}

static void
body_add(struct reading *reading, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		reading->sum ^= (unsigned char)bytes[i];
		reading->sum *= 16777619U;
	}
	reading->length += len;
}

/* ---- The server's -------------------------------------------------------- */

static void
chunks_read(struct reading *reading, struct text bytes)
{
	struct chunk_decoder decoder = { 0 };
	enum parse_result result = PARSE_MORE;

	while (result == PARSE_MORE && reading->end < bytes.len) {
		struct text data;
		size_t used = 0;

		result = chunk_decode(&decoder,
		    text_slice(bytes, reading->end, bytes.len), &used, &data);
		body_add(reading, data.ptr, data.len);
		reading->end += used;
	}
	if (result == PARSE_DONE)
		reading->verdict = 'D';
	else if (result == PARSE_REFUSED)
		reading->verdict = 'R';
}

static void
length_read(struct reading *reading, struct text bytes, uint64_t length)
{
	size_t left = bytes.len - reading->end;

	if (left < length)
		return;
	body_add(reading, bytes.ptr + reading->end, (size_t)length);
	reading->end += (size_t)length;
	reading->verdict = 'D';
}

static struct reading
server_read(struct text bytes)
{
	struct reading reading = reading_new();
	struct arena *arena = arena_new();
	struct head head;
	size_t scanned = 0;
	unsigned status;

	switch (head_parse(arena, bytes, &limits, &scanned, &head, &reading.end,
	    &status)) {
	case PARSE_DONE:
		if (head.chunked)
			chunks_read(&reading, bytes);
		else
			length_read(&reading, bytes, head.length);
		break;
	case PARSE_REFUSED:
		reading.verdict = 'R';
		break;
	case PARSE_MORE:
	default:
		break;
	}
	arena_free(arena);
	return reading;
}

/* ---- llhttp --------------------------------------------------------------- */

static int
on_body(llhttp_t *parser, const char *bytes, size_t len)
{
	body_add(parser->data, bytes, len);
	return 0;
}

static int
on_complete(llhttp_t *parser)
{
	struct reading *reading = parser->data;

	reading->verdict = 'D';
	return HPE_PAUSED;
}

static struct reading
llhttp_read(struct text bytes)
{
	struct reading reading = reading_new();
	llhttp_settings_t settings;
	llhttp_errno_t error;
	llhttp_t parser;

	llhttp_settings_init(&settings);
	settings.on_body = on_body;
	settings.on_message_complete = on_complete;
	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = &reading;
	error = llhttp_execute(&parser, bytes.ptr, bytes.len);
	if (reading.verdict == 'D')
		reading.end = (size_t)(llhttp_get_error_pos(&parser) -
		    bytes.ptr);
	else if (error != HPE_OK)
		reading.verdict = 'R';
	return reading;
}

static void
reading_print(const struct reading *reading, char after)
{
	printf("%c %zu %zu %u%c", reading->verdict, reading->end,
	    reading->length, (unsigned)reading->sum, after);
}

int
main(void)
{
	static char bytes[MESSAGE_MAX];
	unsigned char size[4];

	while (fread(size, 1, sizeof(size), stdin) == sizeof(size)) {
		size_t len = (size_t)size[0] | (size_t)size[1] << 8 |
		    (size_t)size[2] << 16 | (size_t)size[3] << 24;
		struct reading reading;

		if (len > sizeof(bytes) || fread(bytes, 1, len, stdin) != len)
			return EXIT_FAILURE;
		reading = server_read((struct text){ bytes, len });
		reading_print(&reading, ' ');
		reading = llhttp_read((struct text){ bytes, len });
		reading_print(&reading, '\n');
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
