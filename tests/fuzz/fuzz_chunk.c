/*
 * The chunked coding. The first byte says how the rest is cut into reads; the
 * data and the verdict are the same as of one read, and a body that is taken
 * is longer on the wire than its data.
 */
#include <stdint.h>
#include <stdlib.h>

#include "server/base/buffer.h"
#include "server/http/parser.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool truth)
{
	if (!truth)
		abort();
}

static enum parse_result
decode(struct text bytes, size_t step, struct buffer *out, size_t *ret_taken)
{
	struct chunk_decoder decoder = { .state = 0 };
	enum parse_result result = PARSE_MORE;
	size_t taken = 0, end = 0;

	while (result == PARSE_MORE && end < bytes.len) {
		end = end + step < bytes.len ? end + step : bytes.len;
		while (result == PARSE_MORE && taken < end) {
			struct text piece;
			size_t used = 0;

			result = chunk_decode(&decoder,
			    text_slice(bytes, taken, end), &used, &piece);
			need(used > 0 && used <= end - taken);
			need(piece.len <= used);
			buffer_append(out, piece);
			taken += used;
		}
	}
	*ret_taken = taken;
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer whole = { .max = 0 }, split = { .max = 0 };
	size_t taken, split_taken;
	enum parse_result result;
	struct text bytes;

	if (size == 0)
		return 0;
	bytes = (struct text){ (const char *)data + 1, size - 1 };
	result = decode(bytes, bytes.len + 1, &whole, &taken);
	need(decode(bytes, 1 + data[0] % 16U, &split, &split_taken) == result);
	need(taken == split_taken);
	need(text_equal(buffer_text(&whole), buffer_text(&split)));
	if (result == PARSE_DONE)
		need(taken >= whole.len + 5);
	buffer_done(&whole);
	buffer_done(&split);
	return 0;
}
