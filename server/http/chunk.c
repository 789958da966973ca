/*
 * The chunked coding as a machine of one step a byte for everything that is
 * not data. Bytes that carry no data are counted: extensions, leading zeros
 * and trailers get a budget that only data refills, so that a flood of them
 * is cheap to refuse (reliability.md V30).
 */
#include <stdbool.h>

#include "server/http/parser.h"
#include "server/http/syntax.h"

enum { OVERHEAD_MAX = 16384, LINE_MAX_BYTES = 8192, DIGITS_MAX = 16 };

enum chunk_state {
	SIZE_FIRST,
	SIZE_DIGITS,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	FINISHED,
	STATES
};

typedef bool
step_fn(struct chunk_decoder *decoder, char byte);

static bool
overhead_add(struct chunk_decoder *decoder)
{
	decoder->overhead++;
	decoder->line++;
	return decoder->overhead <= OVERHEAD_MAX &&
	    decoder->line <= LINE_MAX_BYTES;
}

static unsigned
digit_value(char c)
{
	if (c <= '9')
		return (unsigned)(c - '0');
	return ((unsigned)c | 0x20U) - 'a' + 10;
}

static bool
size_first(struct chunk_decoder *decoder, char byte)
{
	if (!syntax_is(byte, SYNTAX_HEX))
		return false;
	decoder->left = digit_value(byte);
	decoder->digits = 1;
	decoder->line = 0;
	decoder->state = SIZE_DIGITS;
	return true;
}

static bool
size_digits(struct chunk_decoder *decoder, char byte)
{
	if (byte == '\r') {
		decoder->state = SIZE_LF;
		return true;
	}
	if (byte == ';') {
		decoder->state = EXTENSION;
		return overhead_add(decoder);
	}
	if (!syntax_is(byte, SYNTAX_HEX) || ++decoder->digits > DIGITS_MAX ||
	    decoder->left > (uint64_t)INT64_MAX >> 4)
		return false;
	decoder->left = decoder->left << 4 | digit_value(byte);
	return overhead_add(decoder);
}

static bool
extension(struct chunk_decoder *decoder, char byte)
{
	if (byte == '\r') {
		decoder->state = SIZE_LF;
		return true;
	}
	return syntax_is(byte, SYNTAX_VALUE) && overhead_add(decoder);
}

static bool
size_lf(struct chunk_decoder *decoder, char byte)
{
	decoder->state = decoder->left > 0 ? DATA : TRAILER_FIRST;
	return byte == '\n';
}

static bool
data_cr(struct chunk_decoder *decoder, char byte)
{
	decoder->state = DATA_LF;
	return byte == '\r';
}

static bool
data_lf(struct chunk_decoder *decoder, char byte)
{
	decoder->state = SIZE_FIRST;
	return byte == '\n';
}

static bool
trailer_first(struct chunk_decoder *decoder, char byte)
{
	decoder->line = 0;
	decoder->state = byte == '\r' ? END_LF : TRAILER_NAME;
	return byte == '\r' ||
	    (syntax_is(byte, SYNTAX_TOKEN) && overhead_add(decoder));
}

static bool
trailer_name(struct chunk_decoder *decoder, char byte)
{
	if (byte == ':')
		decoder->state = TRAILER_VALUE;
	else if (!syntax_is(byte, SYNTAX_TOKEN))
		return false;
	return overhead_add(decoder);
}

static bool
trailer_value(struct chunk_decoder *decoder, char byte)
{
	if (byte == '\r') {
		decoder->state = TRAILER_LF;
		return true;
	}
	return syntax_is(byte, SYNTAX_VALUE) && overhead_add(decoder);
}

static bool
trailer_lf(struct chunk_decoder *decoder, char byte)
{
	decoder->state = TRAILER_FIRST;
	return byte == '\n';
}

static bool
end_lf(struct chunk_decoder *decoder, char byte)
{
	decoder->state = FINISHED;
	return byte == '\n';
}

static step_fn *const steps[STATES] = {
	[SIZE_FIRST] = size_first,
	[SIZE_DIGITS] = size_digits,
	[EXTENSION] = extension,
	[SIZE_LF] = size_lf,
	[DATA_CR] = data_cr,
	[DATA_LF] = data_lf,
	[TRAILER_FIRST] = trailer_first,
	[TRAILER_NAME] = trailer_name,
	[TRAILER_VALUE] = trailer_value,
	[TRAILER_LF] = trailer_lf,
	[END_LF] = end_lf,
};

static struct text
data_take(struct chunk_decoder *decoder, struct text bytes)
{
	struct text data = text_slice(bytes, 0,
	    decoder->left < bytes.len ? (size_t)decoder->left : bytes.len);

	decoder->left -= data.len;
	decoder->overhead -= data.len < decoder->overhead ? data.len :
							    decoder->overhead;
	if (decoder->left == 0)
		decoder->state = DATA_CR;
	return data;
}

enum parse_result
chunk_decode(struct chunk_decoder *decoder, struct text bytes, size_t *ret_used,
    struct text *ret_data)
{
	size_t at = 0;

	*ret_data = TEXT_NONE;
	while (at < bytes.len && decoder->state != FINISHED) {
		if (decoder->state == DATA) {
			*ret_data = data_take(decoder,
			    text_slice(bytes, at, bytes.len));
			*ret_used = at + ret_data->len;
			return PARSE_MORE;
		}
		if (!steps[decoder->state](decoder, bytes.ptr[at++])) {
			*ret_used = at;
			return PARSE_REFUSED;
		}
	}
	*ret_used = at;
	return decoder->state == FINISHED ? PARSE_DONE : PARSE_MORE;
}
